import pytest
import torch

from hpsearch.data.augmentation.augment import Augment, errors_of
from hpsearch.errors import DataError

NAMES = ("shift", "rotate", "scale", "shear", "elastic", "erase")
STRONG = {"shift": 0.2, "rotate": 30, "scale": 0.3, "shear": 20, "elastic": 1.5, "erase": 1.0}


def images(count=16):
    return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(5))


def apply(seed=0, count=16, **strengths):
    return Augment(**strengths)(images(count), torch.Generator().manual_seed(seed))


def test_zero_strength_is_exactly_off():
    assert Augment().is_off
    assert torch.equal(apply(**dict.fromkeys(NAMES, 0.0)), images())


@pytest.mark.parametrize("name", NAMES)
def test_every_augmentation_changes_every_image(name):
    changed = apply(**{name: STRONG[name]})
    assert changed.shape == images().shape
    assert all(not torch.equal(a, b) for a, b in zip(changed, images(), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_alone_decides_the_draws(name):
    strengths = {name: STRONG[name]}
    assert torch.equal(apply(seed=1, **strengths), apply(seed=1, **strengths))
    assert not torch.equal(apply(seed=1, **strengths), apply(seed=2, **strengths))


def test_shift_stays_within_its_fraction_of_the_side():
    # A bright column in the middle may move by 5 % of 28 pixels: 1.4, to either side.
    column = torch.zeros(500, 1, 28, 28)
    column[:, :, :, 14] = 1.0
    moved = Augment(shift=0.05)(column, torch.Generator().manual_seed(0)).amax(dim=(0, 1, 2))
    assert moved.nonzero().flatten().tolist() == [12, 13, 14, 15, 16]


def test_rotation_is_drawn_from_both_sides():
    turned = Augment(rotate=20)(images(1).repeat(200, 1, 1, 1), torch.Generator().manual_seed(0))
    assert len({tuple(image.flatten().tolist()) for image in turned}) == 200


def test_outside_the_image_is_black():
    bright = torch.ones(64, 1, 28, 28)
    moved = Augment(shift=0.5)(bright, torch.Generator().manual_seed(0))
    assert moved.amin(dim=(1, 2, 3)).max() < 0.5
    assert moved.max() <= 1.0 + 1e-6


@pytest.mark.parametrize(
    ("strengths", "message"),
    [
        ({"rotate": -1}, r"augment\.rotate=-1: outside 0 to 180; 0 turns it off"),
        ({"shift": 1.5}, r"augment\.shift=1.5: outside 0 to 1"),
        ({"erase": float("nan")}, r"augment\.erase=nan: outside 0 to 1"),
        ({"shear": True}, r"augment\.shear=True: a strength is a number from 0 to 60"),
        ({"scale": "0.1"}, r"augment\.scale='0.1': a strength is a number"),
        ({"scale": 1.0, "elastic": -2}, r"augment\.scale=1.0.*; augment\.elastic=-2"),
    ],
)
def test_a_strength_out_of_range_is_refused(strengths, message):
    with pytest.raises(DataError, match=message):
        Augment(**strengths)


def test_an_unknown_name_is_reported_with_its_neighbour():
    [fault] = errors_of({"rotation": 3})
    assert fault.startswith("augment.rotation: no such augmentation; did you mean 'rotate'?")
    assert errors_of({"rotate": 3}) == []
