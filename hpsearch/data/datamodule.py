"""The data of a trial as a LightningDataModule: load, split, batch, augment, normalise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from pytorch_lightning import LightningDataModule

from hpsearch.data.augmentation import Augment, add_copies, errors_of
from hpsearch.data.batches import WHOLE, Batch, EvaluationBatches, Share, TrainingBatches
from hpsearch.data.images import ImageStore
from hpsearch.data.normalise import measure
from hpsearch.data.order import IntArray
from hpsearch.data.sources import Request, load, load_test, preload
from hpsearch.data.split import fingerprint, split
from hpsearch.data.test_access import keep_test_split_closed, require_open
from hpsearch.errors import DataError

VALIDATION = 5000


@final
class ImageData(LightningDataModule):
    """Labelled images to train and validate on; the test split stays closed until opened.

    Images are held as uint8 and read a batch at a time. A batch is augmented (in training only) and
    normalised after it has reached the device. The order of an epoch and its augmentation are a
    pure function of `order_seed` and the epoch, so that an interrupted training continues exactly
    as it would have.

    Args:
        source: `mnist` (comes with the package), the name of a torchvision classification dataset,
            a CSV file of pixels, or a folder: IDX files, or one folder of pictures per class, with
            or without `train`, `val` and `test` above the classes.
        data_dir: where datasets are looked for first.
        batch_size: training images per step, of all devices of a trial together.
        validation: how many of the training images are kept for validation, the same share of every
            class; if it is not given, the pictures of the source's own `val` folder, or else 5,000,
            or a fifth if there are no more than that.
        split_seed: decides the split; hpsearch gives the study's seed.
        order_seed: decides the order of the images and their augmentation; hpsearch gives the
            trial's seed.
        augment: strengths by name, see `Augment`; none when not given.
        offline_copies: adds a shifted (5 %) and a rotated (20 degrees) copy of every training
            image, made once in advance.
        image_size: height and width to which pictures of different sizes are scaled, in pixels.
        memory_limit_gb: the memory that images may take, in units of 10**9 bytes.
        eval_batch_size: images per step in validation and test; on a CPU, larger batches do not fit
            into its cache and take up to twice as long.
        skip_unreadable: trains on the pictures that can be used, and logs which cannot, instead
            of refusing the source.
        tripled: an earlier name of `offline_copies`.

    Attributes:
        augment: the augmentation of training batches.
        input_shape: `(C, H, W)` of an image. Known after `setup`, as the following are.
        classes: how many classes there are.
        class_names: their names.
        split_fingerprint: a hash that identifies the split.
        data_fingerprint: a hash of the images and labels that are split.
        normalise: converts pixels from 0 to 255 to what a network takes.
        training: the images that the training part is taken from, and their indices.

    Raises:
        DataError: arguments are out of their range; the message names all of them.
    """

    supports_multi_step = True

    def __init__(
        self,
        source: str = "mnist",
        data_dir: str | Path | None = None,
        batch_size: int = 128,
        validation: int | None = None,
        split_seed: int = 0,
        order_seed: int = 0,
        augment: Mapping[str, Any] | None = None,
        offline_copies: bool = False,
        image_size: int | None = None,
        memory_limit_gb: float = 4.0,
        eval_batch_size: int = 250,
        skip_unreadable: bool = False,
        tripled: bool = False,
    ) -> None:
        super().__init__()
        _refuse(
            _whole("batch_size", batch_size, 1),
            _whole("eval_batch_size", eval_batch_size, 1),
            _whole("validation", VALIDATION if validation is None else validation, 1),
            _whole("split_seed", split_seed, 0),
            _whole("order_seed", order_seed, 0),
            _whole("image_size", 1 if image_size is None else image_size, 1),
            [] if memory_limit_gb > 0 else [f"memory_limit_gb={memory_limit_gb} must be above 0"],
            errors_of(augment or {}),
        )
        place = None if data_dir is None else str(data_dir)
        self._request = Request(source, place, image_size, memory_limit_gb, skip_unreadable)
        self._batch_size = batch_size
        self._eval_batch_size = eval_batch_size
        self._validation = validation
        self._split_seed = split_seed
        self._order_seed = order_seed
        self._offline_copies = offline_copies or tripled
        self.augment = Augment(**(augment or {}))
        self._is_set_up = False
        self._why_open: str | None = None
        self._test: ImageStore | None = None
        self._trains_on_everything = False

    @staticmethod
    def preload(
        source: str = "mnist",
        data_dir: str | Path | None = None,
        image_size: int | None = None,
        memory_limit_gb: float = 4.0,
        skip_unreadable: bool = False,
    ) -> None:
        """Loads the training images into a process, for the trials that are forked from it."""
        place = None if data_dir is None else str(data_dir)
        preload(Request(source, place, image_size, memory_limit_gb, skip_unreadable))

    def setup(self, stage: str | None = None) -> None:
        """Loads and splits the training files; the test files are not read."""
        if self._is_set_up:
            return
        images = load(self._request)
        training, validation = self._split(images)
        self.split_fingerprint = fingerprint(training, validation)
        self.data_fingerprint = images.fingerprint
        if self._trains_on_everything:
            training, validation = np.arange(len(images.labels)), validation[:0]
        self.input_shape = images.shape
        self.class_names = images.classes
        self.classes = len(images.classes)
        self.normalise = measure(images, training)
        self._evaluated = (images, validation)
        self.training: tuple[ImageStore, IntArray] = (images, training)
        if self._offline_copies:
            limit = self._request.memory_limit_gb
            self.training = add_copies(images, training, self._split_seed, limit)
        self._is_set_up = True

    def _split(self, images: ImageStore) -> tuple[IntArray, IntArray]:
        labels, own = images.labels.numpy(), len(images.labels) - images.held_out
        if self._validation is None and images.held_out:
            return np.arange(own), np.arange(own, len(labels))
        fitting = VALIDATION if own > VALIDATION else max(1, own // 5)
        return split(labels[:own], self._validation or fitting, self._split_seed)

    def open_test_split(self, reason: str) -> None:
        """Allows reading the test split from now on.

        Args:
            reason: why, in words; the test split answers one question once.
        """
        require_open(reason)
        self._why_open = reason

    def train_on_everything(self) -> None:
        """Adds the validation part to the training part, so that nothing is left to validate on.

        For the final training of the chosen setting.
        """
        self._trains_on_everything = True
        self._is_set_up = False

    def train_dataloader(self) -> TrainingBatches:
        """Returns the shuffled batches of the training part.

        Raises:
            DataError: several devices share a batch with fewer images than devices.
        """
        share = self._share()
        if self._batch_size < share.of:
            raise DataError(
                f"ImageData: batch_size={self._batch_size} is shared by {share.of} devices, and"
                f" each needs an image: write {share.of} or more"
            )
        return TrainingBatches(*self.training, self._batch_size, self._order_seed, share)

    def val_dataloader(self) -> EvaluationBatches:
        """Returns the batches of the validation part."""
        return EvaluationBatches(*self._evaluated, self._eval_batch_size, self._share())

    def _share(self) -> Share:
        """Returns this process's share if several train together."""
        trainer = self.trainer
        return WHOLE if trainer is None else Share(trainer.global_rank, trainer.world_size)

    def test_dataloader(self) -> EvaluationBatches:
        """Returns the batches of the test split, if it has been opened.

        Raises:
            TestSplitClosedError: `open_test_split` was not called, or a model is being trained.
        """
        with keep_test_split_closed() if self._is_fitted_on() else nullcontext():
            images = self._load_test()
        return EvaluationBatches(images, np.arange(len(images.labels)), self._eval_batch_size)

    def test_fingerprint(self) -> str:
        """Returns a hash of the test images, their labels and classes.

        Raises:
            TestSplitClosedError: see `test_dataloader`.
        """
        return self._load_test().fingerprint

    def _load_test(self) -> ImageStore:
        require_open(self._why_open)
        if self._test is None:
            self._test = load_test(self._request, self._why_open)
        return self._test

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
        """Moves a `Batch` to the device, faster than Lightning, which inspects every object.

        Args:
            batch: a `Batch`; anything else is moved as Lightning does.
            device: where to.
            dataloader_idx: not used.
        """
        if not isinstance(batch, Batch):
            return super().transfer_batch_to_device(batch, device, dataloader_idx)
        if batch.images.device == device:
            return batch
        images, labels = (part.to(device, non_blocking=True) for part in batch[:2])
        return Batch(images, labels, batch.seed, batch.part)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Turns a batch of bytes into augmented and normalised images, on their device.

        Args:
            batch: a `Batch`; anything else is returned as it is.
            dataloader_idx: not used.

        Returns:
            images, `(B, C, H, W)`, in the type that the Trainer computes with, and labels, `(B,)`.
        """
        if not isinstance(batch, Batch):
            return batch
        if batch.seed is None or self.augment.is_off:
            return self._as_computed(self.normalise(batch.images)), batch.labels
        generator = torch.Generator(batch.images.device).manual_seed(batch.seed)
        images = self.augment(batch.images.float(), generator, batch.part)
        return self._as_computed(self.normalise(images)), batch.labels

    def _as_computed(self, images: torch.Tensor) -> torch.Tensor:
        """Returns images in the dtype of the Trainer's precision."""
        if self.trainer is None:
            return images
        converted: torch.Tensor = self.trainer.precision_plugin.convert_input(images)
        return converted


def _whole(name: str, value: Any, minimum: int) -> list[str]:
    if isinstance(value, int) and not isinstance(value, bool) and value >= minimum:
        return []
    return [f"{name}={value!r} must be a whole number, {minimum} or more"]


def _refuse(*messages: Iterable[str]) -> None:
    found = [message for group in messages for message in group]
    if found:
        raise DataError("ImageData: " + "; ".join(found))
