"""Augmentation of a batch: what is drawn, how strong it is, and in which order it is applied."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, final

import torch
from torch import Tensor

from hpsearch.data.augmentation.affine import affine_matrices, resample, sampling_grid
from hpsearch.data.augmentation.elastic import displacement
from hpsearch.data.augmentation.erase import erase
from hpsearch.errors import DataError

# The largest strengths that still leave something of the image.
_LIMITS = {
    "shift": 1.0,
    "rotate": 180.0,
    "scale": 0.9,
    "shear": 60.0,
    "elastic": 20.0,
    "erase": 1.0,
}


@final
@dataclass(frozen=True)
class Augment:
    """Random changes of training images, drawn for each image; strength 0 is exactly off.

    Shift, rotation, scale, shear and elastic deformation together are one bilinear resampling
    with black outside the image; erasing follows.

    Attributes:
        shift: largest shift along each axis, as a fraction of the width and height, 0 to 1.
        rotate: largest rotation either way, in degrees, 0 to 180.
        scale: largest change of size; 0.1 draws factors from 0.9 to 1.1. 0 to 0.9.
        shear: largest slant along x either way, in degrees, 0 to 60.
        elastic: standard deviation of a smooth displacement of the pixels, in pixels, 0 to 20.
        erase: probability that a rectangle of an image is blackened, 0 to 1.

    Raises:
        DataError: a strength is not a number or lies outside its range.
    """

    shift: float = 0.0
    rotate: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    elastic: float = 0.0
    erase: float = 0.0

    def __post_init__(self) -> None:
        errors = errors_of({name: getattr(self, name) for name in _LIMITS})
        if errors:
            raise DataError("; ".join(errors))

    @cached_property
    def is_off(self) -> bool:
        """Whether images pass unchanged."""
        return not any(getattr(self, field.name) for field in fields(self))

    def __call__(
        self,
        images: Tensor,
        generator: torch.Generator,
        part: tuple[slice, int] | None = None,
    ) -> Tensor:
        """Returns the images, each changed by its own draws.

        Args:
            images: float, black is 0, `(B, C, H, W)`.
            generator: decides the draws, on the images' device.
            part: which part of a larger batch these images are, and how many images that batch has;
                they are changed as they would be in it. None for the whole batch.
        """
        chosen, count = part or (slice(None), len(images))
        if any((self.shift, self.rotate, self.scale, self.shear, self.elastic)):
            grid = self._grid(count, images.shape[2], images.shape[3], generator)
            images = resample(images, grid[chosen])
        if self.erase:
            images = erase(images, self.erase, generator, part)
        return images

    def _grid(self, count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
        # All five are drawn whatever the strengths, so that the draws of one do not depend on
        # another.
        draws = torch.rand((5, count), generator=generator, device=generator.device)
        right, down, turn, grow, slant = draws.mul_(2).sub_(1)
        matrices = affine_matrices(
            degrees=turn * self.rotate,
            scale=1 + grow * self.scale,
            shear=slant * self.shear,
            shift=torch.stack((right * self.shift * width, down * self.shift * height), dim=1),
        )
        grid = sampling_grid(matrices, height, width)
        if not self.elastic:
            return grid
        field = displacement(count, height, width, self.elastic, generator)
        return grid + field * field.new_tensor([2 / width, 2 / height])


def errors_of(strengths: Mapping[str, Any]) -> list[str]:
    """Returns the errors in a mapping of strengths by name, in words; empty if there are none."""
    return [error for name, strength in strengths.items() for error in _errors(name, strength)]


def _errors(name: str, strength: Any) -> list[str]:
    if name not in _LIMITS:
        return [_unknown(str(name))]
    limit = _LIMITS[name]
    if isinstance(strength, bool) or not isinstance(strength, int | float):
        return [f"augment.{name}={strength!r}: a strength is a number from 0 to {limit:g}"]
    if not 0 <= strength <= limit:
        return [f"augment.{name}={strength}: outside 0 to {limit:g}; 0 turns it off"]
    return []


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, _LIMITS, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"augment.{name}: no such augmentation; {hint}there are {', '.join(_LIMITS)}"
