"""Erasing: a random rectangle of some images is blackened."""

from __future__ import annotations

import torch
from torch import Tensor

AREA = (0.02, 0.2)  # of the image
ASPECT = 2.0  # height to width, and width to height, at most


def erase(
    images: Tensor,
    probability: float,
    generator: torch.Generator,
    part: tuple[slice, int] | None = None,
) -> Tensor:
    """Returns the images, some of them with a rectangle set to 0.

    The rectangle covers 2 to 20 % of the image, is at most twice as high as wide or the other
    way round, and lies inside. After Zhong, Zheng, Kang, Li and Yang, "Random Erasing Data
    Augmentation", 2020, with black in place of noise.

    Args:
        images: `(B, C, H, W)`.
        probability: that a part of an image is erased, 0 to 1.
        generator: decides the draws, on the images' device.
        part: which part of a larger batch these images are, and how many images that batch has.
    """
    _, _, height, width = images.shape
    mine, count = part or (slice(None), len(images))
    draws = torch.rand((5, count), generator=generator, device=generator.device)[:, mine]
    chosen, area, aspect, top, left = draws
    area = AREA[0] + (AREA[1] - AREA[0]) * area
    aspect = ASPECT ** (2 * aspect - 1)
    tall, wide = torch.sqrt(area * aspect), torch.sqrt(area / aspect)
    rows = _between(height, top * (1 - tall), tall)
    columns = _between(width, left * (1 - wide), wide)
    hole = rows.unsqueeze(2) & columns.unsqueeze(1) & (chosen < probability).view(-1, 1, 1)
    return images.masked_fill(hole.unsqueeze(1), 0.0)


def _between(side: int, start: Tensor, length: Tensor) -> Tensor:
    """Returns `(B, side)`: whether a pixel's centre lies in the given part of the side."""
    centre = (torch.arange(side, device=start.device) + 0.5) / side
    return (centre >= start.unsqueeze(1)) & (centre < (start + length).unsqueeze(1))
