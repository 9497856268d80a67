"""A folder of pictures: its classes, its parts, and files that cannot be used."""

import logging
import os
import re
import shutil
import zlib

import numpy as np
import pytest
import torch
from picture_forms import write_forms
from PIL import Image

from hpsearch.data.images import Images
from hpsearch.data.pictures import Pictures
from hpsearch.data.sources import Request
from hpsearch.data.sources.folder import load_folder
from hpsearch.errors import DataError


def load(folder, split="train", size=8, limit=1.0, skip=False):
    request = Request(str(folder), None, size, limit, skip)
    return load_folder(folder, split, request)


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
    images = load(tree)
    assert isinstance(images, Images)
    assert images.classes == ("cat", "dog")
    assert images.labels.tolist() == [0, 1, 1]
    assert images.shape == (3, 8, 8)
    pixels, labels = images.take(torch.tensor([1, 0]))
    assert pixels[:, :, 4, 4].tolist() == [[0, 9, 0], [255, 0, 0]]
    assert labels.tolist() == [1, 0]


def test_above_the_memory_limit_the_same_pictures_are_streamed(tree):
    held, streamed = load(tree), load(tree, limit=1e-9)
    assert isinstance(streamed, Pictures)
    assert streamed.shape == held.shape
    assert torch.equal(streamed.labels, held.labels)
    index = torch.tensor([1, 0, 2])
    assert torch.equal(streamed.take(index)[0], held.take(index)[0])


def test_grey_pictures_have_one_channel_unless_one_is_coloured(tmp_path):
    paint(tmp_path / "a" / "1.png", 77, mode="L")
    paint(tmp_path / "b" / "2.png", 0, mode="L")
    images = load(tmp_path)
    assert images.shape == (1, 8, 8)
    assert images.take(torch.tensor([0]))[0].unique().tolist() == [77]
    paint(tmp_path / "b" / "3.png", (1, 2, 3))
    assert load(tmp_path).shape == (3, 8, 8)


def test_pictures_are_cropped_around_their_centre_not_squeezed(tmp_path):
    wide = np.zeros((8, 16), np.uint8)
    wide[:, 4:12] = 200
    for name in "ab":
        (tmp_path / name).mkdir()
        Image.fromarray(wide).save(tmp_path / name / "1.png")
    assert load(tmp_path).take(torch.tensor([0]))[0].min() == 200


@pytest.mark.parametrize("replaced", ["pixels", "label"])
@pytest.mark.parametrize("limit", [1.0, 1e-9])
def test_the_fingerprint_changes_with_a_picture_or_its_class(tree, replaced, limit):
    before = load(tree, limit=limit).fingerprint
    assert load(tree, limit=limit).fingerprint == before
    if replaced == "pixels":
        paint(tree / "train" / "dog" / "3.png", (0, 10, 0))
    else:
        (tree / "train" / "dog" / "3.png").rename(tree / "train" / "cat" / "3.png")
    assert load(tree, limit=limit).fingerprint != before


def test_a_digit_is_the_same_image_in_every_form(tmp_path):
    files = [path for name in "ab" for path in write_forms(tmp_path / name)]
    images = load(tmp_path, size=28)
    pixels = images.pixels.int()
    assert len(pixels) == len(files)
    assert (pixels - pixels[:1]).abs().max() <= 1


# --- parts


@pytest.mark.parametrize(
    "names",
    [
        ("train", "test"),
        ("training", "testing"),
        ("Training", "Testing"),
        ("TRAIN", "TEST"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("train_images", "test_images"),
        ("trainingSet", "testSet"),
        ("asl_alphabet_train", "asl_alphabet_test"),
        ("mnist_png/training", "mnist_png/testing"),
        ("train", "eval"),
        ("train", "holdout"),
    ],
)
def test_split_folders_are_recognised_and_never_classes(tmp_path, names):
    for name in names:
        for label in "01":
            paint(tmp_path / name / label / "1.png", 50, mode="L")
    paint(tmp_path / names[0] / "1" / "2.png", 50, mode="L")
    assert load(tmp_path).classes == ("0", "1")
    assert load(tmp_path).labels.tolist() == [0, 1, 1]
    assert load(tmp_path, "test").labels.tolist() == [0, 1]


@pytest.mark.parametrize("name", ["val", "valid", "Validation", "dev"])
def test_pictures_of_a_validation_folder_come_last_and_are_counted(tmp_path, name):
    for part in ("train", name, "test"):
        for label in "01":
            paint(tmp_path / part / label / "1.png", 50, mode="L")
    images = load(tmp_path)
    assert images.labels.tolist() == [0, 1, 0, 1]
    assert images.held_out == 2
    assert load(tmp_path, "test").held_out == 0


def test_a_class_may_be_called_train(tmp_path):
    for name in ("bus", "car", "train"):
        paint(tmp_path / name / "1.png", 50, mode="L")
    assert load(tmp_path).classes == ("bus", "car", "train")
    for part in ("train", "test"):
        for name in ("bus", "train"):
            paint(tmp_path / "both" / part / name / "1.png", 50, mode="L")
    assert load(tmp_path / "both").classes == ("bus", "train")


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (("train/a", "training/a"), None),
        (("training/a", "trn/a"), "training and trn could each be the train part"),
        (("test/a", "val/a"), "holds test, val, and none of them is the training folder"),
        (("train", "test"), "holds no class folders"),
        (
            ("a", ".git"),
            "holds one class folder, a, so there is nothing to tell apart; if it holds",
        ),
        ((), "holds no class folders; give each class a folder of pictures"),
    ],
)
def test_an_impossible_layout_is_refused(tmp_path, folders, message):
    for folder in folders:
        for name in ("", "/b") if "/" in folder else ("",):
            paint(tmp_path / folder.replace("/a", name or "/a") / "1.png", 50, mode="L")
    if message is None:
        assert load(tmp_path).classes == ("a", "b")
        return
    with pytest.raises(DataError, match=message):
        load(tmp_path)


@pytest.mark.parametrize(
    ("folders", "named", "remedy"),
    [
        (("fold1/a", "fold2/a"), "fold1 and fold2", "the classes of one of them into T/val and"),
        (("fold_0", "fold_1", "fold_2"), "fold_0, fold_1 and fold_2", "others together into T/tra"),
        (("Fold 1/a", "Fold 2/a"), "Fold 1 and Fold 2", "if they are classes, rename them"),
        (("cv-fold-1/a", "cv-fold-2/a"), "cv-fold-1 and cv-fold-2", "T/val"),
        (("split1/train/a", "split2/train/a"), "split1 and split2", "as the source: T/split1;"),
        (("cv1/a", "cv2/a", "test/a"), "cv1 and cv2", "T/val"),
        (("train/kfold1/a", "train/kfold2/a"), "kfold1 and kfold2", "one of them into T/val"),
        (("fold1", "fold2", "cat"), None, ""),
        (("manifold1", "manifold2"), None, ""),
        (("fold", "unfold"), None, ""),
    ],
)
def test_the_folds_of_a_cross_validation_are_not_trained_as_classes(
    tmp_path, folders, named, remedy
):
    for folder in folders:
        paint(tmp_path / folder / "1.png", 50, mode="L")
    if named is None:
        assert load(tmp_path).classes == tuple(sorted(folders))
        return
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    message = str(caught.value).replace(str(tmp_path), "T")
    assert f": {named} are folds of a cross-validation by their names, and not classes" in message
    assert remedy in message


def test_the_parts_classes_are_compared_before_a_picture_is_opened(tree):
    (tree / "test" / "cat").rename(tree / "test" / "Cat")
    with pytest.raises(DataError) as caught:
        load(tree)
    assert str(caught.value).splitlines() == [
        f"{tree}/train: its parts differ in their classes:",
        f"  {tree}/test/Cat: a class that {tree}/train does not have",
        f"  {tree}/test/cat: missing, while {tree}/train has this class",
    ]


def test_a_test_folder_without_labels_does_not_prevent_training(tree):
    shutil.rmtree(tree / "test")
    paint(tree / "test" / "1.png", 50, mode="L")
    assert load(tree).classes == ("cat", "dog")
    with pytest.raises(DataError, match=r"there is no test split; put its classes into .*/test$"):
        load(tree, "test")


def test_errors_say_what_to_do(tree):
    with pytest.raises(
        DataError,
        match="pictures need image_size, their height and width in pixels, as in image_size: 28",
    ):
        load(tree, size=None)
    with pytest.raises(DataError, match=r"there is no test split; put its classes into .*test"):
        load(tree / "train", "test")


# --- what cannot be used


def cut(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])


def noise(path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(pixels).save(path, **options)
    return path


def png_of_400_megapixels(path):
    noise(path)
    content = bytearray(path.read_bytes())
    content[16:24] = (20_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    path.write_bytes(content)


def damaged_png(path):
    noise(path)
    content = bytearray(path.read_bytes())
    content[60:80] = bytes(20)
    path.write_bytes(content)


def as_tiff(array):
    return lambda path: Image.fromarray(array).save(path)


def bytes_of(content):
    return lambda path: path.write_bytes(content)


BAD = {
    "truncated.jpg": (lambda path: cut(noise(path)), "damaged or cut short"),
    "truncated.png": (lambda path: cut(noise(path)), "damaged or cut short"),
    "truncated.webp": (lambda path: cut(noise(path)), "not a picture|damaged|cannot be opened"),
    "truncated.bmp": (lambda path: cut(noise(path)), "damaged or cut short"),
    "truncated.gif": (lambda path: cut(noise(path)), "damaged or cut short"),
    "truncated.tif": (lambda path: cut(noise(path)), "damaged or cut short"),
    "damaged.png": (damaged_png, "damaged or cut short"),
    "huge.png": (png_of_400_megapixels, "400 megapixels; at most 179 are read: scale it down"),
    "empty.png": (bytes_of(b""), "an empty file"),
    "page.jpg": (bytes_of(b"<html>404 Not Found</html>"), "not a picture"),
    "pointer.png": (bytes_of(b"version https://git-lfs.example/spec/v1\n"), "not a picture"),
    "archive.png": (bytes_of(b"PK\x03\x04" + bytes(40)), "not a picture"),
    "start.gif": (bytes_of(b"GIF89a"), "not a picture|damaged|cannot be opened"),
    "link.png": (lambda path: path.symlink_to(path.with_name("gone")), "a link to nothing"),
    "folder.png": (lambda path: path.mkdir(), "not a file"),
    "pipe.png": (os.mkfifo, "not a file"),
    "integers.tif": (
        as_tiff(np.full((9, 9), 70_000, np.int32)),
        "32-bit integer pixels, whose value for white",
    ),
    "nan.tif": (as_tiff(np.full((9, 9), np.nan, np.float32)), "pixels from nan to nan, which is"),
    "floats.tif": (as_tiff(np.full((9, 9), 900, np.float32)), "floating-point pixels from 900 to"),
    "negative.tif": (as_tiff(np.full((9, 9), -1, np.float32)), "floating-point pixels from -1 to"),
    "photo.heic": (bytes_of(b"ftypheic"), "a kind of picture that is not read; make it a PNG"),
    "._1.png": (noise, "a hidden file, likely a copy"),
    ".ipynb_checkpoints": (
        lambda path: noise(path / "1-checkpoint.png"),
        r"a hidden folder with pictures \(1\), which are likely copies",
    ),
}


@pytest.fixture
def spoilt(tmp_path):
    """Two good classes with every kind of bad file, and one class with a bad file only."""
    for label in "ab":
        for number in range(4):
            noise(tmp_path / label / f"{number}.png")
    for name, (make, _) in BAD.items():
        make(tmp_path / "a" / name)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "1.png").write_bytes(b"no picture")
    (tmp_path / "d").mkdir()
    return tmp_path


def test_everything_that_cannot_be_used_is_named_at_once(spoilt):
    with pytest.raises(DataError) as caught:
        load(spoilt)
    first, *lines = str(caught.value).splitlines()
    assert first == (
        f"{spoilt}: {len(BAD) + 3} files or folders cannot be used; repair or remove them, or train"
        " on the others with skip_unreadable: true"
    )
    reasons = dict(line.strip().split(": ", 1) for line in lines)
    assert len(lines) == len(reasons) == len(BAD) + 3
    for name, (_, reason) in BAD.items():
        assert re.search(reason, reasons[f"{spoilt}/a/{name}"]), name
    assert reasons[f"{spoilt}/c"] == "a class without a picture that can be read"
    assert reasons[f"{spoilt}/c/1.png"] == "not a picture, or in a format that cannot be read"
    assert reasons[f"{spoilt}/d"] == "a class without a picture"


@pytest.mark.parametrize("limit", [1.0, 1e-9])
def test_the_usable_pictures_are_trained_on_only_on_request(spoilt, limit, caplog):
    if limit < 1:  # damage between intact ends is found when the file is read: the next test
        (spoilt / "a" / "damaged.png").unlink()
    with caplog.at_level(logging.WARNING):
        images = load(spoilt, limit=limit, skip=True)
    assert images.labels.tolist() == [0] * 4 + [1] * 4
    assert images.take(torch.arange(8))[0].shape == (8, 3, 8, 8)
    assert f"{spoilt}: skipped, as skip_unreadable says:" in caplog.text
    assert "a/truncated.jpg: damaged or cut short" in caplog.text


def sixteen_bits(folder, *highest):
    """Writes a picture of 16 bits for each of these highest values, in two classes and formats."""
    for number, value in enumerate(highest):
        samples = np.linspace(0, value, 64, dtype=np.uint16).reshape(8, 8)
        name, kind = (("a", "png"), ("b", "tif"))[number % 2]
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(samples).save(folder / name / f"{number}.{kind}")


def test_pictures_of_12_bits_in_files_of_16_are_refused(tmp_path):
    sixteen_bits(tmp_path, 4095, 3000, 300)
    with pytest.raises(DataError) as refused:
        load(tmp_path)
    assert str(refused.value) == (
        f"{tmp_path}: its pictures have 16 bits, but their values end at 4095, so that of 256"
        " levels of grey at most 16 would be left: save them with 8 bits, or with values up to"
        " 65535"
    )


@pytest.mark.parametrize("highest", [(4096, 300), (4095, 300, 65535), (0, 0)])
def test_dark_pictures_of_16_bits_are_read_if_others_are_bright(tmp_path, highest):
    sixteen_bits(tmp_path, *highest)
    assert len(load(tmp_path).labels) == len(highest)


def test_a_test_folder_may_be_dark(tmp_path):
    sixteen_bits(tmp_path / "train", 65535, 300)
    sixteen_bits(tmp_path / "test", 4095, 300)
    assert len(load(tmp_path, "test").labels) == 2


def test_a_damaged_streamed_picture_is_named_when_it_is_read(tmp_path):
    for label in "ab":
        noise(tmp_path / label / "1.png")
    damaged_png(tmp_path / "a" / "2.png")
    images = load(tmp_path, limit=1e-9)
    with pytest.raises(DataError, match=r"a/2\.png: damaged or cut short"):
        images.take(torch.arange(3))
