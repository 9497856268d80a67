import pytest

from hpsearch.studyfile.units import parse_size


@pytest.mark.parametrize(
    ("written", "size"),
    [
        (1, 1),
        ("4096", 4096),
        ("3KB", 3000),
        ("500MB", 500_000_000),
        ("20 GB", 20_000_000_000),
        ("1.5TB", 1_500_000_000_000),
        ("2KiB", 2048),
        ("1TiB", 1024**4),
    ],
)
def test_a_size_is_a_number_of_bytes(written, size):
    assert parse_size(written) == size


@pytest.mark.parametrize("written", [0, -1, "", "GB", "1e9", "0.1", "-3GB", "9" * 400])
def test_anything_that_is_not_a_size_is_refused(written):
    with pytest.raises(ValueError, match="is not a size; use 500MB, 20GB, 1TiB or bytes"):
        parse_size(written)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("20gb", "20GB"), ("20G", "20GB"), ("1.5 tib", "1.5TiB"), ("20 gigabytes", "20GB")],
)
def test_a_size_whose_unit_has_other_letters_is_shown_as_it_is_written(written, meant):
    with pytest.raises(ValueError, match=f"'{written}' is not a size; write {meant}$"):
        parse_size(written)
