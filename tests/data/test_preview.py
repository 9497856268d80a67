import numpy as np

from hpsearch.data.preview import sheet


def test_shows_24_labelled_digits_and_each_augmentation_at_three_strengths():
    shown = sheet({"augment": {"rotate": 30, "shift": 0.2, "erase": 0}})
    assert len(shown["digits"]) == 24
    picture, name = shown["digits"][0]
    assert picture.shape == (28, 28)
    assert picture.dtype == np.uint8
    assert name in "0123456789"
    assert set(shown["augmentations"]) == {"rotate", "shift"}
    strengths = [strength for strength, _ in shown["augmentations"]["rotate"]]
    assert strengths == [0, 15, 30]


def test_the_smallest_strength_shows_the_digits_themselves():
    shown = sheet({"augment": {"elastic": 2.0}})
    digits = [picture for picture, _ in shown["digits"][:8]]
    (_, minimum), (_, half), (_, full) = shown["augmentations"]["elastic"]
    assert all(np.array_equal(a, b) for a, b in zip(minimum, digits, strict=True))
    assert not np.array_equal(half[0], digits[0])
    assert not np.array_equal(full[0], half[0])


def test_without_augmentation_there_are_only_digits():
    assert sheet({})["augmentations"] == {}
