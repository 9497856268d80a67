"""A CSV file of pixels, one image per row."""

import numpy as np
import pytest

from hpsearch.data.sources import Request, load_test
from hpsearch.data.sources import load as load_training
from hpsearch.errors import DataError

PIXELS = np.arange(24).reshape(6, 4) * 10
LABELS = [0, 1, 2, 0, 1, 2]
NAMES = ["label", *(f"pixel{number}" for number in range(4))]


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    """Evaluations are recorded in a separate folder."""
    monkeypatch.chdir(tmp_path)


def load(request, split="train"):
    return load_training(request) if split == "train" else load_test(request, "a test of it")


def rows(labels=LABELS, pixels=PIXELS):
    return [[label, *image] for label, image in zip(labels, pixels, strict=True)]


def write(path, lines, header=NAMES):
    path.parent.mkdir(parents=True, exist_ok=True)
    table = [header, *lines] if header else lines
    path.write_text("".join(",".join(map(str, line)) + "\n" for line in table))
    return path


@pytest.mark.parametrize(
    "name", ["train.csv", "mnist_train.csv", "fashion-mnist_train.csv", "sign_mnist_train.csv"]
)
def test_a_folder_with_a_training_file_is_a_source(tmp_path, name):
    write(tmp_path / name, rows())
    write(tmp_path / name.replace("train", "test"), rows()[:3])
    images = load(Request(str(tmp_path)))
    assert images.shape == (1, 2, 2)
    assert images.pixels.reshape(6, 4).tolist() == PIXELS.tolist()
    assert images.labels.tolist() == LABELS
    assert images.classes == ("0", "1", "2")
    assert load(Request(str(tmp_path)), "test").labels.tolist() == LABELS[:3]


def test_the_file_itself_is_a_source_whatever_its_name(tmp_path):
    write(tmp_path / "mine.csv", rows())
    write(tmp_path / "other.csv", rows()[:2])
    assert len(load(Request(str(tmp_path / "mine.csv"))).labels) == 6
    with pytest.raises(DataError, match=r"there is no CSV file of the test split, such as test\.c"):
        load(Request(str(tmp_path / "mine.csv")), "test")


def test_the_test_file_is_the_one_with_a_matching_name(tmp_path):
    for kind in ("digits", "letters"):
        write(tmp_path / f"{kind}_train.csv", rows())
        write(tmp_path / f"{kind}_test.csv", rows()[: len(kind) - 4])
    assert len(load(Request(str(tmp_path / "digits_train.csv")), "test").labels) == 2
    with pytest.raises(DataError, match=r"digits_train\.csv and letters_train\.csv could each be"):
        load(Request(str(tmp_path)))


def test_the_label_is_found_by_its_name_or_is_the_first(tmp_path):
    last = [[*line[1:], line[0]] for line in rows()]
    write(tmp_path / "last.csv", last, header=[*NAMES[1:], '"Label"'])
    write(tmp_path / "bare.csv", rows(), header=None)
    for name in ("last.csv", "bare.csv"):
        images = load(Request(str(tmp_path / name)))
        assert (images.labels.tolist(), images.pixels[5].flatten().tolist()) == (
            LABELS,
            [200, 210, 220, 230],
        )


def test_words_as_labels_are_the_classes_names(tmp_path):
    write(tmp_path / "train.csv", rows(["dog", "cat", "dog", "owl", "cat", "dog"]))
    images = load(Request(str(tmp_path)))
    assert images.classes == ("cat", "dog", "owl")
    assert images.labels.tolist() == [1, 0, 1, 2, 0, 1]


def test_fractions_from_0_to_1_are_scaled(tmp_path):
    write(tmp_path / "train.csv", rows(pixels=PIXELS / 255))
    assert load(Request(str(tmp_path))).pixels.reshape(6, 4).tolist() == PIXELS.tolist()


@pytest.mark.parametrize(
    ("lines", "header", "message"),
    [
        (PIXELS, NAMES[1:], "has no column named label, and so nothing to learn from"),
        (rows(pixels=PIXELS[:, :3]), NAMES[:4], "3 pixels a row are not a square grey image"),
        (rows(pixels=PIXELS + 100), NAMES, "its pixels go from 100 to 330; expected is 0 to 255"),
        (rows(pixels=PIXELS - 1), NAMES, "its pixels go from -1 to 229; expected is 0 to 255"),
        (rows([1, 2, 3, 1, 2, 3]), NAMES, "its labels go from 1 to 3, and labels count from 0"),
        (rows([0.5, 1, 2, 0, 1, 2]), NAMES, "a label is 0.5"),
        ([*rows(), [1, 2]], NAMES, "the number of columns changed from 5 to 2 at row 7"),
        ([[0, 1, 2, "x", 4]], NAMES, r"could not convert string 'x' to float32 at row 0"),
        ([["", 1, 2, 3, 4]], NAMES, "row 0 has no label"),
        ([[0, 1, 2, "", 4]], NAMES, r"could not convert string '' to float32 at row 0"),
        ([], NAMES, "holds no rows"),
    ],
)
def test_a_file_of_another_kind_is_refused_and_named(tmp_path, lines, header, message):
    path = write(tmp_path / "train.csv", lines, header)
    with pytest.raises(DataError, match=message) as caught:
        load(Request(str(tmp_path)))
    assert str(caught.value).startswith(f"{path}: ")


def test_pictures_beside_their_list_are_not_a_file_of_pixels(tmp_path):
    write(tmp_path / "train.csv", [["1.png", "cat"]], header=["id", "label"])
    for name in ("cat", "dog"):
        (tmp_path / "train" / name).mkdir(parents=True)
    with pytest.raises(DataError, match="pictures need image_size"):
        load(Request(str(tmp_path)))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"source='.*gone\.csv': there is no such file"):
        load(Request(str(tmp_path / "gone.csv")))
