"""Images, their split, their batches and their augmentation, as one LightningDataModule."""

from hpsearch.data.augment import Augment
from hpsearch.data.datamodule import ImageData
from hpsearch.data.errors import DataError, TestSplitClosed

__all__ = ["Augment", "DataError", "ImageData", "TestSplitClosed"]
