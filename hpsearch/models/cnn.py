"""Convolutional network: blocks of convolution and pooling, then one hidden layer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import final

import torch
from torch import Tensor, nn

from hpsearch.models.arguments import blocks_fit, count, counts, fraction, odd, refuse
from hpsearch.models.base import AbstractClassifier
from hpsearch.models.dropout import Dropout, one_for_each


@final
class CNN(AbstractClassifier):
    """Convolution blocks, each of which halves the image, then one hidden layer.

    46,592 parameters for MNIST by default, 209,456 with `channels=[32, 64]`.

    Args:
        channels: output channels of each block, from the image to the output.
        kernel_size: of all convolutions, in pixels, odd; the image is padded to keep its size.
        hidden: units of the hidden layer.
        dropout: share of the values left out in training, 0 to below 1: one for all, or a list
            with one for each block and one for the hidden layer.
        batch_norm: whether each convolution's output is normalised over the batch.
        input_shape: `(C, H, W)` of an image.
        classes: how many classes there are.
        label_smoothing: share of the target that is spread over all classes, 0 to below 1.

    Raises:
        ValueError: an argument is out of its range, or the image is too small for the blocks.
    """

    def __init__(
        self,
        channels: Sequence[int] = (16, 16),
        kernel_size: int = 5,
        hidden: int = 50,
        dropout: float | Sequence[float] = 0.0,
        batch_norm: bool = False,
        input_shape: Sequence[int] = (1, 28, 28),
        classes: int = 10,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(input_shape, classes, label_smoothing)
        refuse(
            "CNN",
            counts("channels", channels),
            odd("kernel_size", kernel_size),
            count("hidden", hidden),
            fraction("dropout", dropout, len(channels) + 1),
        )
        refuse("CNN", blocks_fit("channels", len(channels), input_shape))
        depth, height, width = input_shape
        shapes = [depth, *channels]
        rates = one_for_each(dropout, len(channels) + 1)
        self.blocks = nn.Sequential(
            *(
                _block(a, b, kernel_size, rate, batch_norm)
                for (a, b), rate in zip(pairwise(shapes), rates, strict=False)
            )
        )
        pixels = (height >> len(channels)) * (width >> len(channels))
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(shapes[-1] * pixels, hidden),
            nn.ReLU(),
            Dropout(rates[-1]),
            nn.Linear(hidden, classes),
        )
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        """Maps images, float `(B, C, H, W)`, to logits, `(B, classes)`."""
        features = self.blocks(images.contiguous(memory_format=torch.channels_last))
        logits: Tensor = self.head(features)
        return logits


def _block(before: int, after: int, kernel: int, dropout: float, batch_norm: bool) -> nn.Module:
    norm = [nn.BatchNorm2d(after)] if batch_norm else []
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, padding="same", bias=not batch_norm),
        *norm,
        nn.MaxPool2d(2),
        nn.ReLU(),  # after the pooling: the same values, on a quarter of the pixels
        Dropout(dropout),
    )
