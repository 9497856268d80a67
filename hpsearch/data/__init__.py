"""Images, their split, their batches and their augmentation, as one LightningDataModule."""

from hpsearch.data.augmentation import Augment
from hpsearch.data.datamodule import ImageData
from hpsearch.errors import DataError, TestSplitClosedError

__all__ = ["Augment", "DataError", "ImageData", "TestSplitClosedError"]
