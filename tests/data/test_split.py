import numpy as np
import pytest

from hpsearch.data.sources.idx import read_idx
from hpsearch.data.sources.table import MNIST_FOLDER
from hpsearch.data.split import fingerprint, split
from hpsearch.errors import DataError

LABELS = np.repeat([0, 1, 2], [50, 30, 20])


def test_every_image_is_on_exactly_one_side():
    training, validation = split(LABELS, validation=10)
    assert sorted([*training, *validation]) == list(range(100))


def test_every_class_keeps_its_share():
    _, validation = split(LABELS, validation=10)
    assert np.bincount(LABELS[validation]).tolist() == [5, 3, 2]


@pytest.mark.parametrize("count", [1, 7, 33, 99])
def test_the_count_is_exact_even_if_shares_are_fractions(count):
    _, validation = split(LABELS, validation=count)
    assert len(validation) == count
    exact = np.array([50, 30, 20]) * count / 100
    assert np.abs(np.bincount(LABELS[validation], minlength=3) - exact).max() < 1


def test_the_same_seed_splits_the_same_and_another_differently():
    first, again, other = (fingerprint(*split(LABELS, 10, seed)) for seed in (0, 0, 1))
    assert first == again != other


def test_the_split_of_mnist_never_changes():
    labels = read_idx(MNIST_FOLDER / "train-labels-idx1-ubyte.gz")
    assert fingerprint(*split(labels)) == "b09619144fe9c9c9"


def test_the_fingerprint_changes_if_an_image_changes_sides():
    training, validation = split(LABELS, 10)
    moved = fingerprint(training[:-1], np.append(validation, training[-1]))
    assert moved != fingerprint(training, validation)


@pytest.mark.parametrize("count", [0, -1, 100, 5000])
def test_one_empty_side_is_refused(count):
    with pytest.raises(DataError, match=f"validation={count}: .* a number from 1 to 99"):
        split(LABELS, validation=count)
