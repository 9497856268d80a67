"""What all classifiers share: loss, metrics and a default optimizer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor
from torch.nn import functional

from hpsearch.models.arguments import count, counts, fraction, refuse
from hpsearch.models.epoch_metrics import Confusion, EpochMetrics

ImageBatch = tuple[Tensor, Tensor]


class AbstractClassifier(LightningModule, ABC):
    """A classifier of images, trained with cross-entropy.

    Logs `train_loss`, `train_accuracy`, `val_loss`, `val_accuracy`, `test_loss` and `test_accuracy`
    once per epoch. Only the training loss is smoothed: validation and test losses are plain
    cross-entropies and comparable between trials.

    A subclass builds its layers in its constructor and maps images to logits in `forward`. One that
    logs in its own `training_step` sets `supports_multi_step = False`.

    Args:
        input_shape: `(C, H, W)` of an image.
        classes: how many classes there are.
        label_smoothing: share of the target that is spread over all classes, 0 to below 1.

    Raises:
        ValueError: an argument is out of its range.
    """

    supports_multi_step = True

    def __init__(
        self, input_shape: Sequence[int], classes: int, label_smoothing: float = 0.0
    ) -> None:
        super().__init__()
        refuse(
            type(self).__name__,
            counts("input_shape", input_shape, length=3),
            count("classes", classes, minimum=2),
            fraction("label_smoothing", label_smoothing),
        )
        self.input_shape = tuple(input_shape)
        self.classes = classes
        self.label_smoothing = label_smoothing
        self.example_input_array = torch.zeros(1, *self.input_shape)
        self._training_metrics = EpochMetrics()
        self._evaluation_metrics = EpochMetrics()
        self._confusion = Confusion()

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Maps images, float `(B, C, H, W)`, to logits, `(B, classes)`."""

    def configure_optimizers(self) -> Any:
        """Returns Adam with its usual learning rate, 1e-3; a study file can name another."""
        return torch.optim.Adam(self.parameters(), lr=1e-3)

    def on_train_epoch_start(self) -> None:
        """Resets the epoch's training metrics."""
        self._training_metrics = EpochMetrics()

    def training_step(self, batch: ImageBatch, batch_idx: int) -> Tensor:
        """Returns the loss of a batch of images and labels."""
        images, labels = batch
        logits = self(images)
        loss = functional.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)
        self.count_training(loss, logits, labels)
        return loss

    def count_training(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Counts a training batch in the epoch's metrics.

        Args:
            loss: the batch's mean loss, a scalar.
            logits: `(B, classes)`.
            labels: `(B,)`.
        """
        self._training_metrics.add(loss, logits, labels)

    def on_train_epoch_end(self) -> None:
        """Logs the epoch's training metrics."""
        self.log_dict(self._training_metrics.means("train"))

    def on_validation_epoch_start(self) -> None:
        """Resets the validation metrics."""
        self._evaluation_metrics = EpochMetrics()
        self._confusion = Confusion()

    def validation_step(self, batch: ImageBatch, batch_idx: int) -> None:
        """Counts a batch of images and labels."""
        self._confusion.add(self._evaluate(batch), batch[1])

    def on_validation_epoch_end(self) -> None:
        """Logs the validation metrics."""
        self.log_dict(self._evaluation_metrics.means("val"))

    def confusion(self) -> list[list[int]]:
        """Returns the confusion matrix of the last validation epoch.

        Rows are true classes, columns predicted ones; empty before the first validation.
        """
        return self._confusion.rows()

    def on_test_epoch_start(self) -> None:
        """Resets the test metrics."""
        self._evaluation_metrics = EpochMetrics()

    def test_step(self, batch: ImageBatch, batch_idx: int) -> None:
        """Counts a batch of images and labels."""
        self._evaluate(batch)

    def on_test_epoch_end(self) -> None:
        """Logs the test metrics."""
        self.log_dict(self._evaluation_metrics.means("test"))

    def predict_step(self, batch: ImageBatch, batch_idx: int) -> Tensor:
        """Returns the class probabilities, `(B, classes)`, of a batch of images and labels."""
        images, _ = batch
        return torch.softmax(self(images), dim=1)

    def _evaluate(self, batch: ImageBatch) -> Tensor:
        images, labels = batch
        logits: Tensor = self(images)
        self._evaluation_metrics.add(functional.cross_entropy(logits, labels), logits, labels)
        return logits
