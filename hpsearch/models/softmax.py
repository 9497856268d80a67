"""Softmax regression: one linear layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

from torch import Tensor, nn

from hpsearch.models.base import AbstractClassifier


@final
class Softmax(AbstractClassifier):
    """Softmax regression on the pixels; 7,850 parameters for MNIST.

    Args:
        input_shape: `(C, H, W)` of an image.
        classes: how many classes there are.
        label_smoothing: share of the target that is spread over all classes, 0 to below 1.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        input_shape: Sequence[int] = (1, 28, 28),
        classes: int = 10,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(input_shape, classes, label_smoothing)
        self.linear = nn.Linear(math.prod(input_shape), classes)

    def forward(self, images: Tensor) -> Tensor:
        """Maps images, float `(B, C, H, W)`, to logits, `(B, classes)`."""
        logits: Tensor = self.linear(images.flatten(1))
        return logits
