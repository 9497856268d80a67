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


@pytest.mark.parametrize("written", ["", "soon", "0", "-5", "1e9999", "nan", "m"])
def test_anything_else_is_refused(written):
    message = f"{written} is not a duration; use 90s, 30m, 1h30m, 1d or seconds"
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_duration(written)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2h 30min", "2h30m"),
        ("2 hours", "2h"),
        ("1 hr, 5 secs", "1h5s"),
        ("1 day and 12 hours", "1d12h"),
        ("30min", "30m"),
        ("2H", "2h"),
        ("1:30:00", "1h30m"),
        ("0:00:45", "45s"),
    ],
)
def test_a_duration_in_words_or_on_a_clock_is_shown_as_it_is_written(written, meant):
    with pytest.raises(ValueError, match=f"{written} is not a duration; write {meant}$"):
        parse_duration(written)
