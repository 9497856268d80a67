import pytest

from hpsearch.data.sources.memory import fits, require_memory
from hpsearch.errors import DataError


def test_one_byte_per_pixel_counts_up_to_and_including_the_limit():
    assert fits(1000, (1, 1000, 1000), limit_gb=1)
    assert not fits(1001, (1, 1000, 1000), limit_gb=1)


def test_the_error_says_the_size_needed_and_what_to_do():
    message = (
        "cats: 2000 images of 3 x 1000 x 1000 bytes need 6 GB of memory, and memory_limit_gb is 4; "
        "raise memory_limit_gb, or give smaller images"
    )
    with pytest.raises(DataError, match=message):
        require_memory("cats", 2000, (3, 1000, 1000), limit_gb=4)
