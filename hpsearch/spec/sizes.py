"""Sizes as people write them: `500MB`, `20GB`, `1.5TiB`."""

from __future__ import annotations

import re

_BYTES = {"": 1, **{f"{letter}B": 1000**power for power, letter in enumerate("KMGT", start=1)}}
_BYTES |= {f"{letter}iB": 1024**power for power, letter in enumerate("KMGT", start=1)}
_WRITTEN = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([KMGT]i?B)?")


def parse_size(written: str | int) -> int:
    """Returns the bytes that a size stands for.

    Args:
        written: a number of bytes, or text such as `500MB` (millions) or `20GiB` (of 1024**3).

    Raises:
        ValueError: it is not a size of one byte or more.
    """
    text = str(written).strip()
    match = _WRITTEN.fullmatch(text)
    size = round(float(match[1]) * _BYTES[match[2] or ""]) if match else 0
    if size < 1:
        shown = text if len(text) <= 60 else f"{text[:60]}..."
        raise ValueError(f"{shown!r} is no size; write 500MB, 20GB, 1TiB or bytes")
    return size
