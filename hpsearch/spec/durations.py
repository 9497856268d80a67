"""Lengths of time as people write them: `30m`, `1h30m`, `2d`."""

from __future__ import annotations

import re

_SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_WRITTEN = re.compile(r"(?:\d+(?:\.\d+)?[dhms])+")


def parse_duration(written: str | float) -> float:
    """Returns the seconds that a duration stands for.

    Args:
        written: a number of seconds, or text such as `90s`, `30m`, `1h30m`, `1d`.

    Raises:
        ValueError: it is not a duration above 0.
    """
    text = str(written).strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        seconds = float(text)
    elif _WRITTEN.fullmatch(text):
        parts = re.findall(r"([\d.]+)([dhms])", text)
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    else:
        seconds = 0.0
    if not 0 < seconds < 1e10:
        raise ValueError(f"{text} is no length of time; write 90s, 30m, 1h30m, 1d or seconds")
    return seconds
