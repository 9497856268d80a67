"""Augmentation made once in advance, as the tutorial does: copies beside the originals."""

from __future__ import annotations

import numpy as np
import torch

from hpsearch.data.augmentation.augment import Augment
from hpsearch.data.images import Images, ImageStore
from hpsearch.data.order import IntArray, spawn_seed
from hpsearch.data.sources import require_memory

_CHUNK = 1024
_COPIES = (Augment(shift=0.05), Augment(rotate=20.0))


def add_copies(
    images: ImageStore, index: IntArray, seed: int, memory_limit_gb: float
) -> tuple[Images, IntArray]:
    """Returns the chosen images, then shifted, then rotated copies of them.

    Shifts reach 5 % of the width and height, rotations 20 degrees, either way.

    Args:
        images: where the originals come from.
        index: which of its images.
        seed: decides the shifts and rotations.
        memory_limit_gb: the memory that all of them may take, in units of 10**9 bytes.

    Returns:
        Three times `len(index)` images, held in memory, and the indices of all of them.

    Raises:
        DataError: they would take more.
    """
    times = 1 + len(_COPIES)
    require_memory("offline_copies=True", times * len(index), images.shape, memory_limit_gb)
    chosen = torch.from_numpy(index)
    pixels, labels = images.take(chosen)
    parts = [pixels]
    for number, change in enumerate(_COPIES):
        generator = torch.Generator().manual_seed(spawn_seed(seed, number))
        parts += [
            change(chunk.float(), generator).round_().to(torch.uint8)
            for chunk in torch.split(pixels, _CHUNK)
        ]
    with_copies = Images(torch.cat(parts), labels.repeat(times), images.classes)
    return with_copies, np.arange(len(with_copies.labels))
