"""Dilated network: convolutions of growing reach at full resolution."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import final

import torch
from torch import Tensor, nn

from hpsearch.models.arguments import counts, fraction, odd, refuse
from hpsearch.models.base import AbstractClassifier
from hpsearch.models.dropout import Dropout, of_the_last


@final
class Dilated(AbstractClassifier):
    """Convolutions whose reach doubles at each layer, then the mean, then one linear layer.

    There is no pooling: the image keeps its size, so any number of layers fits. After Yu and
    Koltun, "Multi-Scale Context Aggregation by Dilated Convolutions", 2016.

    Args:
        channels: output channels of each layer, whose dilations are 1, 2, 4, ...
        kernel_size: of all convolutions, odd.
        dropout: share of the last features left out in training, 0 to below 1; or a list with
            one for the output of each layer, the last for the last features.
        input_shape: `(C, H, W)` of an image.
        classes: how many classes there are.
        label_smoothing: share of the target that is spread over all classes, 0 to below 1.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        channels: Sequence[int] = (8, 8, 16, 16),
        kernel_size: int = 3,
        dropout: float | Sequence[float] = 0.0,
        input_shape: Sequence[int] = (1, 28, 28),
        classes: int = 10,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(input_shape, classes, label_smoothing)
        refuse(
            "Dilated",
            counts("channels", channels, at_least_one=True),
            odd("kernel_size", kernel_size),
            fraction("dropout", dropout, len(channels)),
        )
        layers: list[nn.Module] = []
        rates = of_the_last(dropout)
        for number, (before, after) in enumerate(pairwise([input_shape[0], *channels])):
            layers += [
                nn.Conv2d(
                    before, after, kernel_size, padding="same", dilation=2**number, bias=False
                ),
                nn.BatchNorm2d(after),
                nn.ReLU(),
                *(Dropout(rate) for rate in rates[:-1][number : number + 1]),
            ]
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(Dropout(rates[-1]), nn.Linear(channels[-1], classes))
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        """Maps images, float `(B, C, H, W)`, to logits, `(B, classes)`."""
        features = self.features(images.contiguous(memory_format=torch.channels_last))
        logits: Tensor = self.head(features.mean(dim=(2, 3)))
        return logits
