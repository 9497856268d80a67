import re

import pytest

from hpsearch.studyfile.units import parse_duration


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("1d", 86400),
        (45, 45),
        ("2", 2),
    ],
)
def test_a_duration_reads_as_seconds(written, seconds):
    assert parse_duration(written) == seconds


@pytest.mark.parametrize("written", ["", "soon", "0", "-5", "5 minutes", "1e9999", "nan", "m"])
def test_anything_else_is_refused(written):
    message = f"{written} is not a duration; use 90s, 30m, 1h30m, 1d or seconds"
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_duration(written)
