"""Lengths of time, sizes and shares as people write them: `1h30m`, `20GB`, `5%`."""

from __future__ import annotations

import re

_SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_WRITTEN = re.compile(r"(?:\d+(?:\.\d+)?[dhms])+")


def parse_duration(written: str | float) -> float:
    """Returns a duration in seconds.

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
        raise ValueError(f"{text} is not a duration; use 90s, 30m, 1h30m, 1d or seconds")
    return seconds


def parse_share(written: str | float) -> float:
    """Returns the share that a percentage or a number stands for, above 0 and at most 1.

    Args:
        written: text such as `5%`, or a number such as 0.05.

    Raises:
        ValueError: it is not a share.
    """
    text = str(written).strip()
    match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,9})?)\s*(%?)", text)
    share = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    if not 0 < share <= 1:
        raise ValueError(f"{text!r} is not a share; use 5% or 0.05")
    return share


_BYTES = {"": 1, **{f"{letter}B": 1000**power for power, letter in enumerate("KMGT", start=1)}}
_BYTES |= {f"{letter}iB": 1024**power for power, letter in enumerate("KMGT", start=1)}
_WRITTEN_sizes = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([KMGT]i?B)?")


def parse_size(written: str | int) -> int:
    """Returns a size in bytes.

    Args:
        written: a number of bytes, or text such as `500MB` (millions) or `20GiB` (of 1024**3).

    Raises:
        ValueError: it is not a size of one byte or more.
    """
    text = str(written).strip()
    match = _WRITTEN_sizes.fullmatch(text)
    size = round(float(match[1]) * _BYTES[match[2] or ""]) if match else 0
    if size < 1:
        shown = text if len(text) <= 60 else f"{text[:60]}..."
        raise ValueError(f"{shown!r} is not a size; use 500MB, 20GB, 1TiB or bytes")
    return size
