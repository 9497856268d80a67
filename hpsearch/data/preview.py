"""Training images as they are, and at three strengths of each augmentation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hpsearch.data.augmentation import Augment
from hpsearch.data.batches import TrainingBatches
from hpsearch.data.datamodule import ImageData

Picture = npt.NDArray[np.uint8]
DIGITS = 24
CHANGED = 8
PARTS = (0.0, 0.5, 1.0)


def sheet(init_args: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the contents of a preview sheet of an `ImageData`.

    Args:
        init_args: arguments of `ImageData`; `augment` holds the largest strengths.

    Returns:
        `digits`: 24 pairs of a picture and its class's name. `augmentations`: for each one with
        a strength above 0, three pairs of a strength (none, half, full) and the same 8 pictures,
        changed by the same draws. Pictures are uint8, `(H, W)`, or `(H, W, 3)` if coloured.
    """
    data = ImageData(**init_args)
    data.setup("fit")
    batches = TrainingBatches(*data.training, DIGITS, seed=0)
    images, labels, *_ = next(iter(batches))
    strengths = asdict(data.augment)
    return {
        "digits": list(zip(_pictures(images), _names(labels, data.class_names), strict=True)),
        "augmentations": {
            name: [
                (part * largest, _changed(images[:CHANGED], Augment(**{name: part * largest})))
                for part in PARTS
            ]
            for name, largest in strengths.items()
            if largest
        },
    }


def _changed(images: torch.Tensor, augment: Augment) -> list[Picture]:
    # The same seed at every strength, so that a picture changes further in the same way.
    generator = torch.Generator().manual_seed(0)
    return _pictures(augment(images.float(), generator).round_().to(torch.uint8))


def _pictures(images: torch.Tensor) -> list[Picture]:
    arrays = [image.permute(1, 2, 0).numpy() for image in images]
    return [array[:, :, 0] if array.shape[2] == 1 else array for array in arrays]


def _names(labels: torch.Tensor, names: tuple[str, ...]) -> list[str]:
    return [names[label] for label in labels.tolist()]
