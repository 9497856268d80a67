"""Mean loss, accuracy and confusion matrix of an epoch, summed on the batches' device."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, distributed

_AT_ONCE = 32


@final
class EpochMetrics:
    """Sums over an epoch's batches without waiting for the device.

    One log call per batch would cost more than a small model's training step, and so would five
    operations on tensors of a few numbers. So they are done for several batches at once.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[Tensor, Tensor, Tensor]] = []
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
        self._waiting.append((loss.detach(), logits.detach(), labels))
        if len(self._waiting) == _AT_ONCE:
            self._sum()

    def means(self, prefix: str) -> dict[str, Tensor]:
        """Returns the epoch's `<prefix>_loss` and `<prefix>_accuracy`; empty without batches.

        If several processes train together, these are the means of all their batches; each process
        must have one.
        """
        self._sum()
        if not self._images:
            return {}
        loss, correct, images = _over_processes(self._loss, self._correct, self._images)
        return {f"{prefix}_loss": loss / images, f"{prefix}_accuracy": correct / images}

    def _sum(self) -> None:
        if not self._waiting:
            return
        losses, logits, labels = zip(*self._waiting, strict=True)
        self._waiting = []
        counts = torch.tensor([len(part) for part in labels], device=losses[0].device)
        self._loss = self._loss + (torch.stack(losses) * counts).sum()
        guesses = torch.cat(logits).argmax(1)
        self._correct = self._correct + (guesses == torch.cat(labels)).sum()
        self._images += sum(len(part) for part in labels)


@final
class Confusion:
    """Sums a confusion matrix over an epoch's batches."""

    def __init__(self) -> None:
        self._counts: Tensor | None = None

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """Counts a batch.

        Args:
            logits: `(B, classes)`.
            labels: `(B,)`; negative ones, which cross-entropy ignores, are not counted.
        """
        classes = logits.shape[1]
        cells = labels.long() * classes + logits.detach().argmax(1)
        # Ignored labels go into a cell before the first.
        counts = torch.bincount(cells.clamp(min=-1) + 1, minlength=classes**2 + 1)[1:]
        counts = counts.view(classes, classes)
        self._counts = counts if self._counts is None else self._counts + counts

    def rows(self) -> list[list[int]]:
        """Returns the counts: rows are true classes, columns predicted ones; empty without any."""
        if self._counts is None:
            return []
        if _are_several():
            distributed.all_reduce(self._counts)
        rows: list[list[int]] = self._counts.tolist()
        return rows


def _over_processes(
    loss: Tensor | float, correct: Tensor | float, images: int
) -> tuple[Tensor, Tensor, Tensor | int]:
    """Returns the sums of all processes that train together."""
    loss, correct = torch.as_tensor(loss), torch.as_tensor(correct)
    if not _are_several():
        return loss, correct, images
    sums = torch.stack([loss.double(), correct.double(), torch.full_like(loss, images).double()])
    distributed.all_reduce(sums)
    return sums[0].float(), sums[1].float(), sums[2].float()


def _are_several() -> bool:
    return distributed.is_available() and distributed.is_initialized()
