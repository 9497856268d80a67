import numpy as np
import pytest
import torch
from PIL import Image

from hpsearch.data.folder import load_folder
from hpsearch.data.images import Images
from hpsearch.data.pictures import Pictures
from hpsearch.errors import DataError


def paint(path, value, size=(10, 6), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path)


@pytest.fixture
def tree(tmp_path):
    for split in ("train", "test"):
        paint(tmp_path / split / "cat" / "1.png", (255, 0, 0))
        paint(tmp_path / split / "dog" / "deep" / "2.jpg", (0, 0, 250), size=(7, 30))
    paint(tmp_path / "train" / "dog" / "3.png", (0, 9, 0))
    (tmp_path / "train" / "dog" / "notes.txt").write_text("not a picture")
    (tmp_path / "train" / ".hidden").mkdir()
    return tmp_path


def test_class_folders_become_labels_in_alphabetical_order(tree):
    images = load_folder(tree, "train", 8, 1.0)
    assert isinstance(images, Images)
    assert images.classes == ("cat", "dog")
    assert images.labels.tolist() == [0, 1, 1]
    assert images.shape == (3, 8, 8)
    pixels, labels = images.take(torch.tensor([1, 0]))
    assert pixels[:, :, 4, 4].tolist() == [[0, 9, 0], [255, 0, 0]]
    assert labels.tolist() == [1, 0]


def test_above_the_memory_limit_the_same_pictures_are_streamed(tree):
    held = load_folder(tree, "train", 8, 1.0)
    streamed = load_folder(tree, "train", 8, 1e-9)
    assert isinstance(streamed, Pictures)
    assert streamed.shape == held.shape
    assert torch.equal(streamed.labels, held.labels)
    index = torch.tensor([1, 0, 2])
    assert torch.equal(streamed.take(index)[0], held.take(index)[0])


def test_grey_pictures_have_one_channel_unless_one_is_coloured(tmp_path):
    paint(tmp_path / "a" / "1.png", 77, mode="L")
    paint(tmp_path / "b" / "2.png", 0, mode="L")
    images = load_folder(tmp_path, "train", 4, 1.0)
    assert images.shape == (1, 4, 4)
    assert images.take(torch.tensor([0]))[0].unique().tolist() == [77]
    paint(tmp_path / "b" / "3.png", (1, 2, 3))
    assert load_folder(tmp_path, "train", 4, 1.0).shape == (3, 4, 4)


def test_pictures_are_cut_about_their_centre_not_squeezed(tmp_path):
    wide = np.zeros((8, 16), np.uint8)
    wide[:, 4:12] = 200
    (tmp_path / "a").mkdir()
    Image.fromarray(wide).save(tmp_path / "a" / "1.png")
    assert load_folder(tmp_path, "train", 8, 1.0).take(torch.tensor([0]))[0].min() == 200


def test_the_test_split_has_the_training_classes(tree):
    for path in (tree / "test" / "cat").iterdir():
        path.unlink()
    images = load_folder(tree, "test", 8, 1.0)
    assert images.classes == ("cat", "dog")
    assert images.labels.tolist() == [1]


def test_faults_say_what_to_do(tree, tmp_path):
    with pytest.raises(DataError, match="pictures need image_size, their height and width"):
        load_folder(tree, "train", None, 1.0)
    with pytest.raises(DataError, match=r"there is no test split; put its classes into .*test"):
        load_folder(tree / "train", "test", 8, 1.0)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="empty: holds no pictures; it must hold one folder a cl"):
        load_folder(empty, "train", 8, 1.0)


def test_a_broken_picture_is_named(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"1\.png: not a picture that can be read"):
        load_folder(tmp_path, "train", 8, 1.0)
