"""Averaging the outputs of several models: what is averaged, and how good the average is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from hpsearch.errors import InputError
from hpsearch.internals.lightning import leaves

Kind = Literal["logits", "probabilities", "binary logits", "binary probabilities", "values"]

_LEAST = 1e-12
_SUM = 1e-3


@dataclass(frozen=True)
class Averaging:
    """The meaning of a module's outputs, which decides how several of them are averaged.

    Attributes:
        kind: logits or probabilities of classes, or of yes and no; or plain values.
        dim: the outputs' dimension of the classes; 0 if there are no classes.
        target: which tensor of a batch is the target, counted from the last.
    """

    kind: Kind
    dim: int = 0
    target: int = 0

    def to_mean(self, outputs: Tensor) -> Tensor:
        """Returns what is averaged: probabilities, or the plain values."""
        if self.kind == "logits":
            return torch.softmax(outputs.float(), self.dim)
        return torch.sigmoid(outputs.float()) if self.kind == "binary logits" else outputs.float()

    def from_mean(self, mean: Tensor) -> Tensor:
        """Returns the average in the form of the module's own outputs."""
        if self.kind == "logits":
            return mean.clamp(min=_LEAST).log()
        return torch.logit(mean, 1e-7) if self.kind == "binary logits" else mean

    def alone(self, outputs: Tensor) -> Tensor:
        """Returns the average of one: for the module's own metrics, the same as its outputs."""
        return self.from_mean(self.to_mean(outputs))

    def score(self, outputs: Tensor, batch: Any) -> Tensor:
        """Returns what `selection` compares: the probability of the target, or the residual.

        Args:
            outputs: of a batch.
            batch: as the module gets it.

        Returns:
            `(B, E)`, for E numbers per example; 1 where a label is negative, and so ignored.
        """
        mean, target = self.to_mean(outputs), _tensors(batch)[self.target]
        if self.kind == "values":
            found = mean - target.reshape(mean.shape)
        elif self.dim:
            places = target.clamp(min=0).unsqueeze(self.dim)
            right = mean.gather(self.dim, places).squeeze(self.dim)
            found = torch.where(target < 0, torch.ones_like(right), right)
        else:
            found = torch.where(target.reshape(mean.shape) > 0, mean, 1 - mean)
        return found.reshape(len(mean), -1)

    def truth(self, batch: Any) -> bytes:
        """Returns the targets of a batch, to see whether two models had the same."""
        return bytes(_tensors(batch)[self.target].float().cpu().numpy().tobytes())


def possible_averagings(outputs: object, batch: Any) -> list[Averaging]:
    """Returns the possible meanings of a module's outputs, the likeliest first.

    A tensor of the batch may be the target if it holds labels (whole numbers) with the outputs'
    shape without the dimension of the classes, or numbers with the outputs' own shape. Of several
    such tensors, the last one is the likeliest.

    Args:
        outputs: of a batch.
        batch: as the module gets it.

    Raises:
        InputError: the outputs are not one tensor, or nothing in the batch fits them.
    """
    if not isinstance(outputs, Tensor) or not outputs.is_floating_point():
        named = type(outputs).__name__
        raise InputError(f"its forward returns a {named} and not one tensor of numbers")
    found = []
    for place, target in enumerate(_tensors(batch)):
        if dim := _class_dimension(outputs, target):
            found.append(Averaging(_kind_of_classes(outputs, dim), dim, place))
        elif outputs.shape[:1] == target.shape[:1] and outputs.numel() == target.numel():
            found.append(Averaging(_kind_of_numbers(outputs, target), 0, place))
    if not found:
        raise InputError(
            f"nothing in a batch fits its outputs of shape {tuple(outputs.shape)}: labels as whole"
            " numbers, or targets of the same shape"
        )
    return found


def _tensors(batch: Any) -> Sequence[Tensor]:
    return [leaf for leaf in leaves(batch) if isinstance(leaf, Tensor)][::-1]


def _class_dimension(outputs: Tensor, target: Tensor) -> int:
    """Returns the dimension of the outputs that the labels index; 0 if they are not labels."""
    if target.is_floating_point() or target.dim() + 1 != outputs.dim():
        return 0
    for dim in range(1, outputs.dim()):
        rest = (*outputs.shape[:dim], *outputs.shape[dim + 1 :])
        if rest == target.shape and 1 < outputs.shape[dim] > int(target.max()):
            return dim
    return 0


def _kind_of_classes(outputs: Tensor, dim: int) -> Kind:
    sums = outputs.float().sum(dim)
    is_share = bool((outputs >= 0).all()) and bool(((sums - 1).abs() < _SUM).all())
    return "probabilities" if is_share else "logits"


def _kind_of_numbers(outputs: Tensor, target: Tensor) -> Kind:
    if not bool(((target == 0) | (target == 1)).all()):
        return "values"
    within = bool(((outputs >= 0) & (outputs <= 1)).all())
    return "binary probabilities" if within else "binary logits"
