"""A trained model with its preprocessing included: from an image's bytes to probabilities."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from torch import Tensor

from hpsearch.data import ImageData
from hpsearch.internals.lightning import leaves
from hpsearch.models.base import AbstractClassifier
from hpsearch.trial.inference.inputs import Inputs, find_inputs, first_of
from hpsearch.trial.trained_model import has_validation_loader

InputKind = Literal["images", "tensors"]
OutputKind = Literal["probabilities", "outputs"]

_CHECKED_ON = 1000


class Exportable(torch.nn.Module):
    """A model that takes raw inputs, before any preprocessing.

    Args:
        module: the trained module.
        inputs: how its forward is called.
        normalise: converts pixels from 0 to 255 to the module's inputs; None if the module takes
            its tensors as they are.
    """

    def __init__(
        self,
        module: pl.LightningModule,
        inputs: Inputs,
        normalise: Callable[[Tensor], Tensor] | None,
    ) -> None:
        super().__init__()
        self.module = module
        self.inputs = inputs
        self.normalise = normalise
        self.input_kind: InputKind = "tensors" if normalise is None else "images"
        # The outputs of the user's own modules have an unknown meaning and stay unchanged.
        ours = isinstance(module, AbstractClassifier)
        self.output_kind: OutputKind = "probabilities" if ours else "outputs"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the inputs, in their order."""
        return self.inputs.names or (self.input_kind,)

    def forward(self, *tensors: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Maps images, uint8 `(B, C, H, W)`, to probabilities, float `(B, classes)`.

        For a module of the user's own, maps its tensors, in the order of `names`, to its outputs.
        """
        if self.normalise is not None:
            tensors = (self.normalise(tensors[0]),)
        return self.answer(tensors)

    def answer(self, tensors: tuple[Tensor, ...]) -> Tensor | tuple[Tensor, ...]:
        """Returns the Lightning module's own outputs, without the preprocessing."""
        found = [
            leaf
            for leaf in leaves(self.inputs.call(self.module, tensors))
            if isinstance(leaf, Tensor)
        ]
        if self.output_kind == "probabilities":
            return torch.softmax(found[0], dim=1)
        return found[0] if len(found) == 1 else tuple(found)


@dataclass(frozen=True)
class Example:
    """Some validation data, before and after the preprocessing of the data module.

    Attributes:
        raw: what the exported model takes, in the order of its names.
        prepared: what the Lightning module takes.
    """

    raw: tuple[Tensor, ...]
    prepared: tuple[Tensor, ...]


def exportable(module: pl.LightningModule, data: Any) -> Exportable:
    """Returns the model to export, with its preprocessing if the data module is `ImageData`.

    Args:
        module: the trained module.
        data: the data module, or a module with its own loaders.

    Raises:
        InputError: there is no known way to call the module.
    """
    batch = next(iter(_loader(data)))
    inputs = find_inputs(module, data.on_after_batch_transfer(batch, 0))
    model = Exportable(module, inputs, data.normalise if isinstance(data, ImageData) else None)
    return model.eval()


def validation_examples(model: Exportable, data: Any) -> Iterator[Example]:
    """Yields batches of the first thousand validation examples, through the data's own hooks."""
    seen = 0
    for batch in _loader(data):
        raw = batch[0] if isinstance(data, ImageData) else None
        prepared = model.inputs.of(data.on_after_batch_transfer(batch, 0))
        yield Example(prepared if raw is None else (raw,), prepared)
        seen += len(prepared[0])
        if seen >= _CHECKED_ON:
            return


def _loader(data: Any) -> Any:
    """Returns the first validation loader, or the first training loader if there is none."""
    validates = has_validation_loader(data)
    loaders = first_of(data.val_dataloader(), Mapping) if validates else None
    return first_of(data.train_dataloader(), Mapping) if loaders is None else loaders
