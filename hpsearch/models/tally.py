"""Mean loss and accuracy of an epoch, summed where the batches are."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor


@final
class Tally:
    """Sums over an epoch's batches without waiting for the device.

    One log call a batch would cost more than a small model's training step.
    """

    def __init__(self) -> None:
        self._loss: Tensor | float = 0.0
        self._correct: Tensor | float = 0.0
        self._images = 0

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Counts a batch.

        Args:
            loss: the batch's mean loss, a scalar.
            logits: `(B, classes)`.
            labels: `(B,)`.
        """
        count = len(labels)
        self._loss = self._loss + loss.detach() * count
        self._correct = self._correct + (logits.detach().argmax(1) == labels).sum()
        self._images += count

    def means(self, prefix: str) -> dict[str, Tensor]:
        """Returns the epoch's `<prefix>_loss` and `<prefix>_accuracy`; empty without batches."""
        if not self._images:
            return {}
        loss, correct = torch.as_tensor(self._loss), torch.as_tensor(self._correct)
        return {
            f"{prefix}_loss": loss / self._images,
            f"{prefix}_accuracy": correct / self._images,
        }
