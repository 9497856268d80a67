import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import datasets

from hpsearch.data.images import Images
from hpsearch.data.sources.torchvision_sets import as_images, files_wanted, find_class, open_dataset
from hpsearch.errors import DataError


class Coloured(datasets.VisionDataset):
    """Held as (N, H, W, C) bytes, as CIFAR is."""

    classes = ["cold", "warm"]  # noqa: RUF012

    def __init__(self, root="", train=True):
        super().__init__(root)
        self.data = np.zeros((4, 6, 5, 3), np.uint8)
        self.data[:, :, :, 2] = 9
        self.targets = [0, 1, 0, 1]


class Painted(datasets.VisionDataset):
    """Pictures of different sizes, opened one by one."""

    def __init__(self, labels=(1, 0, 2)):
        super().__init__("")
        self._values = labels

    def __len__(self):
        return len(self._values)

    def __getitem__(self, number):
        if number >= len(self):
            raise IndexError
        return Image.new("L", (5 + number, 9), 10 * number), self._values[number]


def test_names_are_found_in_any_case():
    assert find_class("cifar10") is datasets.CIFAR10
    assert find_class("FASHIONMNIST") is datasets.FashionMNIST


def test_coloured_arrays_become_channels_first():
    images = as_images(Coloured(), None, 1.0)
    assert isinstance(images, Images)
    assert images.shape == (3, 6, 5)
    assert images.pixels[0, :, 0, 0].tolist() == [0, 0, 9]
    assert images.labels.tolist() == [0, 1, 0, 1]
    assert images.classes == ("cold", "warm")


def test_arrays_above_the_memory_limit_are_refused():
    with pytest.raises(DataError, match=r"Coloured: 4 images of 3 x 6 x 5 bytes need 3\.6e-07 GB"):
        as_images(Coloured(), None, 1e-7)


def test_pictures_of_different_sizes_are_scaled_to_one_size():
    images = as_images(Painted(), 4, 1.0)
    assert images.shape == (1, 4, 4)
    assert images.take(torch.arange(3))[0].amax((1, 2, 3)).tolist() == [0, 10, 20]
    assert images.labels.tolist() == [1, 0, 2]
    assert images.classes == ("0", "1", "2")


def test_pictures_of_different_sizes_need_a_size():
    with pytest.raises(DataError, match="Painted: its pictures differ in size; give image_size"):
        as_images(Painted(), None, 1.0)


def test_a_dataset_without_one_class_per_image_is_refused():
    with pytest.raises(DataError, match="Painted: not a classification dataset, with one whole"):
        as_images(Painted(((0, 1), (2, 3))), 4, 1.0)


def test_a_dataset_that_needs_more_than_a_name_is_refused_with_advice(tmp_path):
    with pytest.raises(DataError, match=r"EMNIST cannot be used by its name alone .* DataModule"):
        open_dataset(datasets.EMNIST, "train", tmp_path, download=False)


def test_cifar_is_read_from_torchvisions_layout(tmp_path, monkeypatch):
    folder = tmp_path / datasets.CIFAR10.base_folder
    folder.mkdir()
    batch = {"data": np.full((2, 3072), 7, np.uint8), "labels": [0, 1]}
    (folder / "data_batch_1").write_bytes(pickle.dumps(batch))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": ["ship", "frog"]}))
    monkeypatch.setattr(datasets.CIFAR10, "train_list", [["data_batch_1", None]])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [])
    meta = {"filename": "batches.meta", "key": "label_names", "md5": None}
    monkeypatch.setattr(datasets.CIFAR10, "meta", meta)
    images = as_images(open_dataset(datasets.CIFAR10, "train", tmp_path, False), None, 1.0)
    assert images.shape == (3, 32, 32)
    assert images.classes == ("ship", "frog")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("KMNIST", "KMNIST/raw/train-images-idx3-ubyte[.gz]"),
        ("CIFAR10", "cifar-10-batches-py/ (from cifar-10-python.tar.gz)"),
        ("SVHN", "train_32x32.mat"),
        ("Food101", "the files of torchvision.datasets.Food101, as torchvision lays them out"),
    ],
)
def test_the_files_wanted_are_named(name, file):
    assert file in files_wanted(find_class(name))
