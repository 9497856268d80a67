"""Residual network: blocks that add to their input."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import final

import torch
from torch import Tensor, nn

from hpsearch.models.arguments import blocks_fit, count, counts, fraction, refuse
from hpsearch.models.base import AbstractClassifier
from hpsearch.models.dropout import Dropout, of_the_last


@final
class Residual(AbstractClassifier):
    """Stages of residual blocks, the mean over the image, then one linear layer.

    After He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2016, with
    the stem of their networks for small images: one 3 x 3 convolution.

    Args:
        channels: channels of each stage; every stage but the first halves the image.
        blocks: residual blocks per stage, each of two 3 x 3 convolutions.
        dropout: share of the last features left out in training, 0 to below 1; or a list with
            one for the output of each stage, the last for the last features.
        input_shape: `(C, H, W)` of an image.
        classes: how many classes there are.
        label_smoothing: share of the target that is spread over all classes, 0 to below 1.

    Raises:
        ValueError: an argument is out of its range, or the image is too small for the stages.
    """

    def __init__(
        self,
        channels: Sequence[int] = (8, 16, 32),
        blocks: int = 1,
        dropout: float | Sequence[float] = 0.0,
        input_shape: Sequence[int] = (1, 28, 28),
        classes: int = 10,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(input_shape, classes, label_smoothing)
        refuse(
            "Residual",
            counts("channels", channels, at_least_one=True),
            count("blocks", blocks),
            fraction("dropout", dropout, len(channels)),
        )
        refuse("Residual", blocks_fit("channels", len(channels) - 1, input_shape))
        layers = [_convolution(input_shape[0], channels[0]), nn.ReLU()]
        rates = of_the_last(dropout)
        for stage, (before, after) in enumerate(pairwise([channels[0], *channels])):
            layers += [_Block(before, after, 2 if stage else 1)]
            layers += [_Block(after, after, 1) for _ in range(blocks - 1)]
            layers += [Dropout(rate) for rate in rates[:-1][stage : stage + 1]]
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(Dropout(rates[-1]), nn.Linear(channels[-1], classes))
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        """Maps images, float `(B, C, H, W)`, to logits, `(B, classes)`."""
        features = self.features(images.contiguous(memory_format=torch.channels_last))
        logits: Tensor = self.head(features.mean(dim=(2, 3)))
        return logits


@final
class _Block(nn.Module):
    """relu(shortcut(x) + residual(x))."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            _convolution(before, after, stride), nn.ReLU(), _convolution(after, after)
        )
        same_shape = before == after and stride == 1
        self.shortcut = nn.Identity() if same_shape else _convolution(before, after, stride, 1)

    def forward(self, images: Tensor) -> Tensor:
        return torch.relu(self.shortcut(images) + self.residual(images))


def _convolution(before: int, after: int, stride: int = 1, kernel: int = 3) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(after),
    )
