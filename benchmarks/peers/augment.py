"""Random rotations and shifts from stored bytes to float images, on one thread, in images/s.

    python augment.py METHOD IMAGES

Runs in hpsearch's environment for its own methods and in the peers' for the others.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from itertools import cycle, islice
from statistics import median
from typing import Any

import torch
from torch import Tensor
from work import ROTATE, SHIFT, say

CHUNKS = 5
SHARE = (SHIFT, SHIFT)
DRAWS = 256


def hpsearch(batch: int) -> Callable[[Tensor], None]:
    """Returns hpsearch's augmentation of a whole batch."""
    from hpsearch.data.augmentation import Augment

    augment, generator = Augment(rotate=ROTATE, shift=SHIFT), torch.Generator()
    return _batches(lambda images: augment(images.float().div_(255), generator), batch)


def kornia(batch: int) -> Callable[[Tensor], None]:
    """Returns kornia's augmentation of a whole batch."""
    from kornia.augmentation import RandomAffine

    augment = RandomAffine(degrees=ROTATE, translate=SHARE, p=1.0)
    return _batches(lambda images: augment(images.float().div_(255)), batch)


def torchvision_v1(interpolation: str = "nearest") -> Callable[[Tensor], None]:
    """Returns torchvision's first transforms, image by image."""
    from torchvision import transforms

    how = transforms.InterpolationMode(interpolation)
    moved = transforms.RandomAffine(ROTATE, translate=SHARE, interpolation=how)
    return _pictures(transforms.Compose([moved, transforms.ToTensor()]))


def torchvision_v2() -> Callable[[Tensor], None]:
    """Returns torchvision's second transforms, image by image."""
    from torchvision.transforms import v2

    augment = v2.Compose(
        [
            v2.RandomAffine(ROTATE, translate=SHARE),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )
    return _pictures(augment)


def torchvision_v2_tensors() -> Callable[[Tensor], None]:
    """Returns torchvision's second transforms on tensors, image by image."""
    from torchvision.transforms import v2

    augment = v2.Compose(
        [v2.RandomAffine(ROTATE, translate=SHARE), v2.ToDtype(torch.float32, scale=True)]
    )
    return lambda images: _each(augment, images)


def _batches(augment: Callable[[Tensor], None], batch: int) -> Callable[[Tensor], None]:
    return lambda images: _each(augment, images.split(batch))


def _each(augment: Callable[[Any], Any], what: Iterable[Any]) -> None:
    """Augments one batch after another and keeps none, as in training."""
    for one in what:
        augment(one)


def _pictures(augment: Callable[[Any], Any]) -> Callable[[Tensor], None]:
    from PIL import Image

    made: list[Any] = []

    def apply(images: Tensor) -> None:
        # Created once, in the first, untimed call.
        made.extend(Image.fromarray(image[0].numpy()) for image in images[len(made) :])
        _each(augment, islice(cycle(made), len(images)))

    return apply


def parity() -> float:
    """Returns the largest difference from torchvision's bilinear affine at equal parameters."""
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.functional import affine

    from hpsearch.data.augmentation.affine import affine_matrices, resample, sampling_grid

    generator = torch.Generator().manual_seed(0)
    images = torch.rand(DRAWS, 1, 28, 28, generator=generator)
    degrees, right, down = (torch.rand(3, DRAWS, generator=generator) * 2 - 1).unbind()
    degrees, scale = degrees * ROTATE, torch.ones(DRAWS)
    # Whole pixels, as torchvision draws them.
    shift = torch.stack((right, down), dim=1).mul(28 * SHIFT).round()
    matrices = affine_matrices(degrees, scale, torch.zeros(DRAWS), shift)
    ours = resample(images, sampling_grid(matrices, 28, 28))
    differences = [
        affine(image, angle, move, 1.0, [0.0], interpolation=InterpolationMode.BILINEAR) - own
        for image, own, angle, move in zip(
            images, ours, degrees.tolist(), shift.int().tolist(), strict=True
        )
    ]
    return float(torch.stack(differences).abs().max())


METHODS: dict[str, Callable[[], Callable[[Tensor], None]]] = {
    "hpsearch-32": lambda: hpsearch(32),
    "hpsearch-128": lambda: hpsearch(128),
    "hpsearch-1024": lambda: hpsearch(1024),
    "kornia-32": lambda: kornia(32),
    "kornia-128": lambda: kornia(128),
    "kornia-1024": lambda: kornia(1024),
    "torchvision-v1": torchvision_v1,
    "torchvision-v1-bilinear": lambda: torchvision_v1("bilinear"),
    "torchvision-v2": torchvision_v2,
    "torchvision-v2-tensors": torchvision_v2_tensors,
}


def main() -> None:
    """Times one method, or measures the parity."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    name, count = sys.argv[1], int(sys.argv[2])
    if name == "parity":
        say(parity=parity())
        return
    images = torch.randint(0, 256, (count, 1, 28, 28), dtype=torch.uint8)
    apply = METHODS[name]()
    apply(images)
    seconds = []
    for _ in range(CHUNKS):
        start = time.perf_counter()
        apply(images)
        seconds.append(time.perf_counter() - start)
    say(images_per_s=count / median(seconds))


if __name__ == "__main__":
    main()
