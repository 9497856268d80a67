"""The tutorial's networks in plain PyTorch, with the same layers as those of hpsearch.models."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn
from work import Task


def build(task: Task, channels: Sequence[int] = (16, 16), hidden: int = 50) -> nn.Sequential:
    """Returns the task's network, float images `(B, 1, 28, 28)` to logits `(B, 10)`.

    Args:
        task: which network.
        channels: of a CNN's two blocks.
        hidden: units of a CNN's hidden layer.
    """
    if task.model == "softmax":
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    if task.model == "mlp":
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 50), nn.ReLU(), nn.Linear(50, 10))
    if task.model == "residual":
        return residual()
    drop = [nn.Dropout(task.dropout)] if task.dropout else []
    blocks = [
        layer
        for before, after in pairwise((1, *channels))
        for layer in (
            nn.Conv2d(before, after, 5, padding="same"),
            nn.MaxPool2d(2),
            nn.ReLU(),
            *drop,
        )
    ]
    return nn.Sequential(
        *blocks,
        nn.Flatten(),
        nn.Linear(49 * channels[-1], hidden),
        nn.ReLU(),
        *drop,
        nn.Linear(hidden, 10),
    )


def residual(channels: Sequence[int] = (8, 16, 32)) -> nn.Sequential:
    """Returns a residual network; every stage (one block) but the first halves the image."""
    blocks = [
        Block(before, after, 2 if stage else 1)
        for stage, (before, after) in enumerate(pairwise((channels[0], *channels)))
    ]
    pooled = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels[-1], 10)
    return nn.Sequential(*convolution(1, channels[0]), nn.ReLU(), *blocks, *pooled)


class Block(nn.Module):
    """Two convolutions, added to their input."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        first, second = convolution(before, after, stride), convolution(after, after)
        self.changed = nn.Sequential(*first, nn.ReLU(), *second)
        same = before == after and stride == 1
        self.kept = nn.Sequential(*(() if same else convolution(before, after, stride, 1)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Maps images, `(B, before, H, W)`, to `(B, after, H / stride, W / stride)`."""
        return nn.functional.relu(self.kept(images) + self.changed(images))


def convolution(before: int, after: int, stride: int = 1, kernel: int = 3) -> list[nn.Module]:
    """Returns a convolution without a bias, and its batch norm."""
    return [
        nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(after),
    ]


def moved(images: torch.Tensor, rotate: float, shift: float) -> torch.Tensor:
    """Returns the images, each rotated and shifted at random.

    Args:
        images: float, `(B, 1, H, W)`; 0 is filled in from outside the image.
        rotate: largest rotation in either direction, in degrees.
        shift: largest shift in either direction, as a share of the width and height.
    """
    count = len(images)
    angle = torch.deg2rad((torch.rand(count) * 2 - 1) * rotate)
    right, down = (torch.rand(2, count) * 2 - 1) * (2 * shift)
    cosine, sine = angle.cos(), angle.sin()
    matrices = torch.stack((cosine, -sine, right, sine, cosine, down), dim=1).view(-1, 2, 3)
    grid = nn.functional.affine_grid(matrices, list(images.shape), align_corners=False)
    return nn.functional.grid_sample(images, grid, align_corners=False)
