"""The data of a trial as a LightningDataModule: load, split, batch, augment, normalise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from pytorch_lightning import LightningDataModule

from hpsearch.data.augment import Augment, faults_of
from hpsearch.data.batches import Batch, EvaluationBatches, TrainingBatches
from hpsearch.data.images import ImageStore
from hpsearch.data.normalise import measure
from hpsearch.data.order import IntArray
from hpsearch.data.sources import load
from hpsearch.data.split import fingerprint, split
from hpsearch.data.triple import triple
from hpsearch.errors import DataError, TestSplitClosedError


@final
class ImageData(LightningDataModule):
    """Labelled images to train and validate on; the test split stays closed until opened.

    Images are held as uint8 and taken a batch at a time. A batch is augmented (in training
    only) and normalised after it has reached the device. The order of an epoch and its
    augmentation are a pure function of `order_seed` and the epoch, so that a training that
    was interrupted goes on exactly as it would have.

    Args:
        source: `mnist` (comes with the package), the name of a torchvision classification
            dataset, or a folder: IDX files, or one folder of images a class.
        data_dir: where datasets are looked for first.
        batch_size: training images a step.
        validation: how many of the training images are kept for validation, the same share of
            every class.
        split_seed: decides the split; hpsearch gives the study's seed.
        order_seed: decides the order of the images and their augmentation; hpsearch gives the
            trial's seed.
        augment: strengths by name, see `Augment`; none when not given.
        tripled: adds a shifted (5 %) and a rotated (20 degrees) copy of every training image,
            made once in advance.
        image_size: height and width to which pictures of different sizes are brought, in pixels.
        memory_limit_gb: the most that images may take in memory, in units of 10**9 bytes.
        eval_batch_size: images a step in validation and test; on a CPU, more of them at a time do
            not fit into its cache and take up to twice as long.

    Attributes:
        augment: the augmentation of training batches.
        input_shape: `(C, H, W)` of an image. Known after `setup`, as the following are.
        classes: how many classes there are.
        class_names: their names.
        split_fingerprint: a hash that tells one split from another.
        normalise: what brings pixels from 0 to 255 to what a network takes.
        training: the images that the training part is taken from, and which of them it is.

    Raises:
        DataError: an argument is out of its range; all that are, at once.
    """

    supports_multi_step = True

    def __init__(
        self,
        source: str = "mnist",
        data_dir: str | Path | None = None,
        batch_size: int = 128,
        validation: int = 5000,
        split_seed: int = 0,
        order_seed: int = 0,
        augment: Mapping[str, Any] | None = None,
        tripled: bool = False,
        image_size: int | None = None,
        memory_limit_gb: float = 4.0,
        eval_batch_size: int = 250,
    ) -> None:
        super().__init__()
        _refuse(
            _whole("batch_size", batch_size, 1),
            _whole("eval_batch_size", eval_batch_size, 1),
            _whole("validation", validation, 1),
            _whole("split_seed", split_seed, 0),
            _whole("order_seed", order_seed, 0),
            _whole("image_size", 1 if image_size is None else image_size, 1),
            [] if memory_limit_gb > 0 else [f"memory_limit_gb={memory_limit_gb} must be above 0"],
            faults_of(augment or {}),
        )
        self._load = partial(
            load,
            source,
            data_dir=data_dir,
            image_size=image_size,
            memory_limit_gb=memory_limit_gb,
        )
        self._memory_limit_gb = memory_limit_gb
        self._batch_size = batch_size
        self._eval_batch_size = eval_batch_size
        self._validation = validation
        self._split_seed = split_seed
        self._order_seed = order_seed
        self._tripled = tripled
        self.augment = Augment(**(augment or {}))
        self._is_set_up = False
        self._why_open: str | None = None
        self._trains_on_everything = False

    @staticmethod
    def preload(source: str = "mnist", memory_limit_gb: float = 4.0) -> None:
        """Loads the packaged images into a process, for the trials that are forked from it."""
        if source == "mnist":
            load(source, "train", memory_limit_gb=memory_limit_gb)

    def setup(self, stage: str | None = None) -> None:
        """Loads and splits the training files; the test files are not read."""
        if self._is_set_up:
            return
        images = self._load("train")
        training, validation = split(images.labels.numpy(), self._validation, self._split_seed)
        self.split_fingerprint = fingerprint(training, validation)
        if self._trains_on_everything:
            training, validation = np.arange(len(images.labels)), validation[:0]
        self.input_shape = images.shape
        self.class_names = images.classes
        self.classes = len(images.classes)
        self.normalise = measure(images, training)
        self._evaluated = (images, validation)
        self.training: tuple[ImageStore, IntArray] = (images, training)
        if self._tripled:
            self.training = triple(images, training, self._split_seed, self._memory_limit_gb)
        self._is_set_up = True

    def open_test_split(self, reason: str) -> None:
        """Allows the test split to be read from now on.

        Args:
            reason: why, in words: the test split answers one question once.
        """
        if not reason.strip():
            raise DataError("the test split is opened for a reason; say which")
        self._why_open = reason

    def train_on_everything(self) -> None:
        """Adds the validation part to the training part; nothing is left to validate on.

        For the last training of a setting that has been chosen.
        """
        self._trains_on_everything = True
        self._is_set_up = False

    def train_dataloader(self) -> TrainingBatches:
        """Returns the shuffled batches of the training part."""
        return TrainingBatches(*self.training, self._batch_size, self._order_seed)

    def val_dataloader(self) -> EvaluationBatches:
        """Returns the batches of the validation part."""
        return EvaluationBatches(*self._evaluated, self._eval_batch_size)

    def test_dataloader(self) -> EvaluationBatches:
        """Returns the batches of the test split, if it has been opened.

        Raises:
            TestSplitClosedError: `open_test_split` was not called, or a model is being trained.
        """
        if self._is_fitted_on():
            raise TestSplitClosedError(
                "the test split is closed while a model is trained: what it says must not change "
                "how, or which, model is trained. `hpsearch confirm` reads it once, for the winner"
            )
        if self._why_open is None:
            raise TestSplitClosedError(
                "the test split is closed: settings are chosen on the validation split, and the "
                "test split is read once, for the winner. To read it, call "
                "open_test_split(reason) on the data module"
            )
        images = self._load("test")
        return EvaluationBatches(images, np.arange(len(images.labels)), self._eval_batch_size)

    def _is_fitted_on(self) -> bool:
        state = None if self.trainer is None else self.trainer.state
        return state is not None and state.fn == "fit" and state.status == "running"

    def predict_dataloader(self) -> EvaluationBatches:
        """Returns the batches of the test split, if it has been opened.

        Raises:
            TestSplitClosedError: `open_test_split` was not called.
        """
        return self.test_dataloader()

    def transfer_batch_to_device(
        self, batch: Any, device: torch.device, dataloader_idx: int
    ) -> Any:
        """Moves a `Batch` to the device; Lightning's own way looks into everything.

        Args:
            batch: a `Batch`; anything else is moved as Lightning does.
            device: where to.
            dataloader_idx: not used.
        """
        if not isinstance(batch, Batch):
            return super().transfer_batch_to_device(batch, device, dataloader_idx)
        images, labels = (part.to(device, non_blocking=True) for part in batch[:2])
        return Batch(images, labels, batch.seed)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Turns a batch of bytes into augmented and normalised images, on their device.

        Args:
            batch: a `Batch`; anything else is returned as it is.
            dataloader_idx: not used.

        Returns:
            float images, `(B, C, H, W)`, and labels, `(B,)`.
        """
        if not isinstance(batch, Batch):
            return batch
        if batch.seed is None or self.augment.is_off:
            return self.normalise(batch.images), batch.labels
        generator = torch.Generator(batch.images.device).manual_seed(batch.seed)
        images = self.augment(batch.images.float(), generator)
        return self.normalise(images), batch.labels


def _whole(name: str, value: Any, least: int) -> list[str]:
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return []
    return [f"{name}={value!r} must be a whole number, {least} or more"]


def _refuse(*faults: Iterable[str]) -> None:
    found = [fault for group in faults for fault in group]
    if found:
        raise DataError("ImageData: " + "; ".join(found))
