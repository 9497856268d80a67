import gzip
import struct

import numpy as np
import pytest

from hpsearch.data.sources.idx import find_pair, idx_shape, read_idx
from hpsearch.errors import DataError

CONTENT = struct.pack(">BBBBII", 0, 0, 8, 2, 2, 3) + bytes(range(6))


def test_reads_the_shape_its_header_gives_gzipped_or_not(tmp_path):
    (tmp_path / "plain").write_bytes(CONTENT)
    (tmp_path / "packed.gz").write_bytes(gzip.compress(CONTENT))
    for name in ("plain", "packed.gz"):
        assert idx_shape(tmp_path / name) == (2, 3)
        assert read_idx(tmp_path / name).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_the_array_can_be_written_to_as_torch_wants(tmp_path):
    (tmp_path / "plain").write_bytes(CONTENT)
    assert read_idx(tmp_path / "plain").flags.writeable


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello world", "not an IDX file of bytes, which begins with 00 00 08"),
        (CONTENT[:6], "cut short within its header"),
        (CONTENT[:-1], "its header promises 6 bytes, 5 follow; copy the file again"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(tmp_path, content, message):
    path = tmp_path / "damaged"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"damaged: {message}"):
        read_idx(path)


def test_a_damaged_archive_is_named(tmp_path):
    path = tmp_path / "damaged.gz"
    path.write_bytes(gzip.compress(CONTENT)[:-9])
    with pytest.raises(DataError, match=r"damaged\.gz: cannot be read .*; copy the file again"):
        read_idx(path)


@pytest.mark.parametrize("spelling", ["-idx", ".idx"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_finds_both_spellings_gzipped_or_not(tmp_path, spelling, suffix):
    for name in (f"t10k-images{spelling}3-ubyte", f"t10k-labels{spelling}1-ubyte"):
        assert find_pair(tmp_path, "test") is None
        (tmp_path / f"{name}{suffix}").write_bytes(np.zeros(1).tobytes())
    assert find_pair(tmp_path, "test") is not None
    assert find_pair(tmp_path, "train") is None
