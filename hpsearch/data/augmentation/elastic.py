"""Elastic deformation: every pixel is displaced by a smooth random field."""

from __future__ import annotations

import torch
from torch import Tensor

_SMOOTHING = 4 / 28  # of the shorter side: Simard et al. smooth over 4 pixels of MNIST's 28


def displacement(
    count: int, height: int, width: int, pixels: float, generator: torch.Generator
) -> Tensor:
    """Draws smooth displacement fields, one per image.

    Noise, smoothed with a Gaussian whose width grows with the image. After Simard, Steinkraus and
    Platt, "Best Practices for Convolutional Neural Networks Applied to Visual Document Analysis",
    2003; there the strength is a factor on the smoothed noise, here it is the resulting
    displacement.

    Args:
        count: how many fields.
        height: of the images, in pixels.
        width: of the images, in pixels.
        pixels: standard deviation of the displacement along each axis, at every pixel.
        generator: decides the draws; the fields are made on its device.

    Returns:
        `(count, H, W, 2)`, x then y, in pixels.
    """
    device = generator.device
    noise = torch.randn((count, 2, height, width), generator=generator, device=device)
    sigma = _SMOOTHING * min(height, width)
    down, across = (_smoothing(side, sigma).to(device) for side in (height, width))
    return (down @ noise @ across.T).mul_(pixels).permute(0, 2, 3, 1)


def _smoothing(side: int, sigma: float) -> Tensor:
    """Returns a matrix that smooths a line of independent noise and keeps its variance."""
    place = torch.arange(side, dtype=torch.float32)
    weights: Tensor = torch.exp(-((place - place.unsqueeze(1)) ** 2) / (2 * sigma**2))
    return weights.div_(torch.linalg.vector_norm(weights, dim=1, keepdim=True))
