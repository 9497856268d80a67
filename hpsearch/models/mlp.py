"""Multilayer perceptron: hidden layers of any number and width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import final

from torch import Tensor, nn

from hpsearch.models.arguments import counts, fraction, one_of, refuse
from hpsearch.models.base import AbstractClassifier
from hpsearch.models.dropout import Dropout, one_for_each

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


@final
class MLP(AbstractClassifier):
    """Fully connected layers on the pixels; 39,760 parameters for MNIST by default.

    Args:
        widths: units of each hidden layer, from the image to the output; none is allowed.
        dropout: share of a hidden layer's units left out in training, 0 to below 1: one for all,
            or a list with one for each layer.
        activation: relu, leaky_relu, elu, gelu, silu, tanh or sigmoid.
        input_shape: `(C, H, W)` of an image.
        classes: how many classes there are.
        label_smoothing: share of the target that is spread over all classes, 0 to below 1.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        widths: Sequence[int] = (50,),
        dropout: float | Sequence[float] = 0.0,
        activation: str = "relu",
        input_shape: Sequence[int] = (1, 28, 28),
        classes: int = 10,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(input_shape, classes, label_smoothing)
        refuse(
            "MLP",
            counts("widths", widths),
            fraction("dropout", dropout, len(widths)),
            one_of("activation", activation, ACTIVATIONS),
        )
        layers: list[nn.Module] = [nn.Flatten()]
        sizes = [math.prod(input_shape), *widths]
        rates = one_for_each(dropout, len(widths))
        for (before, after), rate in zip(pairwise(sizes), rates, strict=True):
            layers += [nn.Linear(before, after), ACTIVATIONS[activation](), Dropout(rate)]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], classes))

    def forward(self, images: Tensor) -> Tensor:
        """Maps images, float `(B, C, H, W)`, to logits, `(B, classes)`."""
        logits: Tensor = self.layers(images)
        return logits
