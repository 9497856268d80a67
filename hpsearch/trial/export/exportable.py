"""A trained model with its preprocessing inside: from an image's bytes to probabilities."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, final

import pytorch_lightning as pl
import torch
from torch import Tensor

from hpsearch.data import ImageData
from hpsearch.models.base import AbstractClassifier

InputKind = Literal["images", "tensors"]
OutputKind = Literal["probabilities", "outputs"]

_CHECKED_ON = 1000


@final
class Exportable(torch.nn.Module):
    """A model that takes what is there before any preprocessing.

    Args:
        module: the trained module.
        normalise: brings pixels from 0 to 255 to what the module takes; None where the module is
            to be given its tensors as they are.
    """

    def __init__(
        self, module: pl.LightningModule, normalise: Callable[[Tensor], Tensor] | None
    ) -> None:
        super().__init__()
        self.module = module
        self.normalise = normalise
        self.input_kind: InputKind = "tensors" if normalise is None else "images"
        # Of a module that is not ours we do not know what it returns: it is left as it is.
        ours = isinstance(module, AbstractClassifier)
        self.output_kind: OutputKind = "probabilities" if ours else "outputs"

    def forward(self, images: Tensor) -> Tensor:
        """Maps images, uint8 `(B, C, H, W)`, to probabilities, float `(B, classes)`."""
        pixels = images if self.normalise is None else self.normalise(images)
        outputs: Tensor = self.module(pixels)
        if self.output_kind == "probabilities":
            outputs = torch.softmax(outputs, dim=1)
        return outputs


@dataclass(frozen=True)
class Example:
    """Some validation data, before and after the preprocessing of the data module.

    Attributes:
        raw: what the exported model takes.
        prepared: what the Lightning module takes.
    """

    raw: Tensor
    prepared: Tensor


def exportable(module: pl.LightningModule, data: Any) -> Exportable:
    """Returns the model to export; with its preprocessing if the data are ours."""
    model = Exportable(module, data.normalise if isinstance(data, ImageData) else None)
    return model.eval()


def validation_examples(data: Any) -> Iterator[Example]:
    """Yields batches of the first thousand validation examples, through the data's own hooks."""
    seen = 0
    for batch in data.val_dataloader():
        raw = batch[0]
        prepared = data.on_after_batch_transfer(batch, 0)[0]
        yield Example(raw if isinstance(data, ImageData) else prepared, prepared)
        seen += len(raw)
        if seen >= _CHECKED_ON:
            return


def outputs_of_module(model: Exportable, prepared: Tensor) -> Tensor:
    """Returns what the Lightning module itself says, without what was built around it."""
    with torch.inference_mode():
        outputs: Tensor = model.module(prepared)
        return outputs.softmax(1) if model.output_kind == "probabilities" else outputs
