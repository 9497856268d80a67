import numpy as np
import pytest
import torch

from hpsearch.data.augmentation.offline import add_copies
from hpsearch.data.images import Images
from hpsearch.errors import DataError

PIXELS = torch.randint(0, 256, (8, 1, 20, 20), generator=torch.Generator().manual_seed(0))
IMAGES = Images(PIXELS.to(torch.uint8), torch.arange(8), tuple("abcdefgh"))
INDEX = np.array([0, 2, 3, 6])


def test_the_originals_come_first_then_two_changed_copies_with_the_same_labels():
    with_copies, index = add_copies(IMAGES, INDEX, seed=0, memory_limit_gb=1)
    assert index.tolist() == list(range(12))
    assert with_copies.labels.tolist() == [0, 2, 3, 6] * 3
    assert with_copies.classes == IMAGES.classes
    original, shifted, rotated = with_copies.pixels.split(4)
    assert torch.equal(original, IMAGES.pixels[INDEX])
    assert not torch.equal(shifted, original)
    assert not torch.equal(rotated, original)
    assert not torch.equal(rotated, shifted)


def test_the_seed_decides_the_copies():
    first, again, other = (add_copies(IMAGES, INDEX, seed, 1)[0].pixels for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_copies_need_three_times_the_memory():
    with pytest.raises(DataError, match=r"offline_copies=True: 12 images .* need 4.8e-06 GB"):
        add_copies(IMAGES, INDEX, seed=0, memory_limit_gb=4e-6)
