"""Random changes of training images: drawn batch by batch, or once in advance."""

from hpsearch.data.augmentation.augment import Augment, errors_of
from hpsearch.data.augmentation.offline import add_copies

__all__ = ["Augment", "add_copies", "errors_of"]
