import gzip
import hashlib
import struct
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest
import torch
from torchvision import datasets

from hpsearch.data.sources import Request, named, places, table
from hpsearch.data.sources.idx import find_pair, read_idx
from hpsearch.data.sources.table import MNIST_FOLDER
from hpsearch.errors import DataError


def load(source="mnist", split="train", **options):
    given = {
        name: str(option) if name == "data_dir" else option for name, option in options.items()
    }
    request = Request(source, **given)
    return table.load(request) if split == "train" else table.load_test(request, "a test of it")


CHECKSUMS = {
    ("train", 0): "6bbc9ace898e44ae57da46a324031adb",
    ("train", 1): "a25bea736e30d166cdddb491f175f624",
    ("test", 0): "2646ac647ad5339dbf082846283269ea",
    ("test", 1): "27ae3e4e09519cfbb04c329615203637",
}


def idx(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder, split="train", count=6, side=5, pack=False):
    folder.mkdir(parents=True, exist_ok=True)
    images = np.arange(count * side * side, dtype=np.uint8).reshape(count, side, side)
    for name, array in (
        (f"{split}-images-idx3-ubyte", images),
        (f"{split}-labels-idx1-ubyte", np.arange(count, dtype=np.uint8) % 3),
    ):
        path = folder / (f"{name}.gz" if pack else name)
        path.write_bytes(gzip.compress(idx(array)) if pack else idx(array))
    return images


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    """No data folder of the machine is searched, and nothing is downloaded."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HPSEARCH_DATA", raising=False)
    for module in (named, places):
        monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(datasets.FashionMNIST, "mirrors", [(tmp_path / "net").as_uri() + "/"])


@pytest.mark.parametrize(("split", "part"), CHECKSUMS)
def test_the_packaged_files_are_the_original_ones(split, part):
    content = gzip.decompress(find_pair(MNIST_FOLDER, split)[part].read_bytes())
    assert hashlib.md5(content).hexdigest() == CHECKSUMS[split, part]


def test_mnist_comes_with_the_package():
    images = load("MNIST", "test")
    assert images.shape == (1, 28, 28)
    assert images.pixels.dtype == torch.uint8
    assert images.labels.dtype == torch.int64
    assert images.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert images.classes == tuple("0123456789")


@pytest.mark.process
def test_loading_starts_no_thread_so_that_the_process_can_be_forked_afterwards():
    script = """
import psutil, torch
from hpsearch.data.sources import Request, load
torch.set_num_threads(4)
before = psutil.Process().num_threads()
load(Request("mnist"))
print(psutil.Process().num_threads() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "0"


def test_mnist_is_loaded_once_per_process():
    assert load("mnist", "test") is load("mnist", "test")


@pytest.mark.parametrize("pack", [True, False])
def test_a_folder_of_bare_idx_files_is_a_source(tmp_path, pack):
    written = write_idx(tmp_path / "digits", pack=pack)
    images = load("./digits")
    assert images.pixels[:, 0].numpy().tolist() == written.tolist()
    assert images.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert images.classes == ("0", "1", "2")


@pytest.mark.parametrize(
    "below", ["", "FashionMNIST", "fashionmnist", "FashionMNIST/raw", "fashion-mnist"]
)
def test_a_named_dataset_is_found_as_bare_files_in_a_data_folder(tmp_path, below):
    write_idx(tmp_path / "my data" / below)
    images = load("fashionmnist", data_dir=tmp_path / "my data")
    assert images.shape == (1, 5, 5)
    assert images.classes == tuple(datasets.FashionMNIST.classes)


@pytest.mark.parametrize("name", ["fashion_mnist", "fashion-mnist", "FASHIONMNIST"])
def test_a_dataset_has_one_name_however_it_is_spelled(tmp_path, name):
    write_idx(tmp_path / "data" / "FashionMNIST")
    assert load(name).classes == tuple(datasets.FashionMNIST.classes)


def test_labels_that_start_at_1_are_refused_with_their_file(tmp_path):
    write_idx(tmp_path / "letters")
    labels = tmp_path / "letters" / "train-labels-idx1-ubyte"
    labels.write_bytes(idx(np.array([1, 2, 3, 1, 2, 3], np.uint8)))
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte: its labels go from 1 to 3, and"):
        load("./letters")


def test_places_are_searched_from_the_argument_to_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HPSEARCH_DATA", str(tmp_path / "env"))
    names = [place.name for place in places.places(str(tmp_path / "argument"))]
    assert names == ["argument", "env", "data", "cache"]
    for count, name in enumerate(reversed(names), start=3):
        write_idx(tmp_path / name / "FashionMNIST", count=count)
        assert len(load("FashionMNIST", data_dir=tmp_path / "argument").labels) == count


def test_bare_files_without_a_folder_of_their_own_are_not_taken_for_any_dataset(tmp_path):
    write_idx(tmp_path / "data")
    with pytest.raises(DataError, match="source='FashionMNIST' is not on this machine"):
        load("FashionMNIST")


def test_the_error_on_a_missing_dataset_names_files_places_and_remedy(tmp_path):
    with pytest.raises(DataError) as caught:
        load("FashionMNIST", data_dir=tmp_path / "mine")
    message = str(caught.value)
    assert "source='FashionMNIST' is not on this machine and could not be downloaded" in message
    assert "FashionMNIST/raw/train-images-idx3-ubyte[.gz]" in message
    for place in ("mine", "data", "cache"):
        assert str(tmp_path / place) in message
    assert "No such file or directory" in message.splitlines()[0]
    assert "name theirs with data_dir or $HPSEARCH_DATA" in message


class SilentHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def served(tmp_path):
    """A folder, and the address of a server on this machine that serves its files."""
    folder = tmp_path / "net"
    folder.mkdir()
    handler = partial(SilentHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_a_dataset_is_downloaded_once_where_the_network_allows(served, monkeypatch):
    net, address = served
    write_idx(net, "train", pack=True)
    write_idx(net, "t10k", pack=True)
    files = sorted(path.name for path in net.iterdir())
    monkeypatch.setattr(datasets.FashionMNIST, "resources", [(name, None) for name in files])
    monkeypatch.setattr(datasets.FashionMNIST, "mirrors", [address])
    images = load("FashionMNIST")
    assert images.shape == (1, 5, 5)
    monkeypatch.setattr(datasets.FashionMNIST, "mirrors", [])
    assert torch.equal(load("FashionMNIST").pixels, images.pixels)


def test_only_the_files_of_the_requested_split_are_needed(tmp_path):
    write_idx(tmp_path / "digits", "train")
    assert len(load("./digits", "train").labels) == 6
    with pytest.raises(DataError, match="the test split needs t10k-images-idx3-ubyte and t10k-la"):
        load("./digits", "test")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("FashonMNIST", "source='FashonMNIST': did you mean FashionMNIST"),
        ("ImageFolder", "A source is mnist, a torchvision dataset .* or a folder"),
        ("./nowhere", "source='nowhere': there is no such folder"),
    ],
)
def test_the_error_on_an_unknown_source_lists_the_sources(source, message):
    with pytest.raises(DataError, match=message):
        load(source)


def test_images_above_the_memory_limit_are_refused_before_they_are_read(tmp_path):
    write_idx(tmp_path / "digits")
    with pytest.raises(DataError, match=r"digits: 6 images of 1 x 5 x 5 bytes need 1\.5e-07 GB"):
        load("./digits", memory_limit_gb=1e-7)
    with pytest.raises(DataError, match=r"mnist: 60000 images .* need 0\.047 GB"):
        load("mnist", memory_limit_gb=0.04)


def test_images_and_labels_must_be_of_one_length(tmp_path):
    write_idx(tmp_path / "digits")
    (tmp_path / "digits" / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(4, np.uint8)))
    with pytest.raises(DataError, match=r"expected are \(N, H, W\) and \(N,\)"):
        load("./digits")


def test_reading_gives_what_torchvision_reads(tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for path in MNIST_FOLDER.glob("*.gz"):
        (raw / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    theirs = datasets.MNIST(str(tmp_path), train=False)
    ours = load("mnist", "test")
    assert torch.equal(ours.pixels[:, 0], theirs.data)
    assert torch.equal(ours.labels, theirs.targets)
    assert read_idx(raw / "t10k-labels-idx1-ubyte").shape == (10000,)


def test_images_of_one_size_are_not_resized_silently():
    message = r"image_size=32: the images of mnist always have 28 x 28 pixels; leave image_size"
    with pytest.raises(DataError, match=message):
        load("mnist", "test", image_size=32)
