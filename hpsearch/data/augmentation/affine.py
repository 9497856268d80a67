"""Shift, rotation, scale and shear as one affine map per image."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional


def affine_matrices(degrees: Tensor, scale: Tensor, shear: Tensor, shift: Tensor) -> Tensor:
    """Returns the maps from a pixel of the result back to the pixel it is taken from.

    The conventions are those of `torchvision.transforms.functional.affine`: coordinates are
    pixels from the image's centre, y points down, and an image is sheared along x, scaled,
    rotated clockwise about its centre, then shifted.

    Args:
        degrees: rotation, `(B,)`.
        scale: factor, above 0, `(B,)`.
        shear: degrees along x, `(B,)`.
        shift: pixels right and down, `(B, 2)`.

    Returns:
        `(B, 2, 3)`.
    """
    angle, slant = torch.deg2rad(degrees), torch.tan(torch.deg2rad(shear))
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    rows = (cosine - slant * sine, sine + slant * cosine, -sine, cosine)
    linear = torch.stack(rows, dim=1).view(-1, 2, 2)
    return torch.cat((linear, -linear @ shift.unsqueeze(2)), dim=2)


def sampling_grid(matrices: Tensor, height: int, width: int) -> Tensor:
    """Returns where each pixel of the result is taken from, in `grid_sample`'s coordinates.

    Args:
        matrices: what `affine_matrices` returned, `(B, 2, 3)`.
        height: of the images, in pixels.
        width: of the images, in pixels.

    Returns:
        `(B, H, W, 2)`, x then y, -1 and 1 at the image's outer edges.
    """
    places, units = _places(height, width, matrices.device)
    # One product for all images: torch's own affine_grid makes one per image, and on a CPU takes
    # several times as long as the resampling itself.
    grid = (matrices * units).reshape(-1, 3) @ places
    return grid.view(-1, 2, height, width).permute(0, 2, 3, 1)


@lru_cache(maxsize=8)
def _places(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Returns every pixel's x, y and 1, `(3, H * W)`, and the factor from pixels to these units."""
    across, down = (_centres(side, device) for side in (width, height))
    places = torch.stack(
        (across.repeat(height), down.repeat_interleave(width), across.new_ones(height * width))
    )
    half = torch.tensor([width / 2, height / 2], device=device)
    return places, torch.cat((half, half.new_ones(1))) / half.view(2, 1)


def _centres(side: int, device: torch.device) -> Tensor:
    return (torch.arange(side, device=device) * 2 + 1) / side - 1


def resample(images: Tensor, grid: Tensor) -> Tensor:
    """Returns the images read at the grid's places, bilinear, with 0 outside.

    Args:
        images: float, `(B, C, H, W)`.
        grid: `(B, H, W, 2)` as `sampling_grid` returns it.
    """
    return functional.grid_sample(
        images, grid, mode="bilinear", padding_mode="zeros", align_corners=False
    )
