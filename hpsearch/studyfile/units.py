"""Whole numbers, lengths of time, sizes and shares as people write them: `1h30m`, `20GB`, `5%`."""

from __future__ import annotations

import math
import re
from typing import Any

from hpsearch.studyfile.diagnostics import InvalidValueError, in_yaml
from hpsearch.studyfile.slips import whole_line

_SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_WRITTEN = re.compile(r"(?:\d+(?:\.\d+)?[dhms])+")
# A part of a duration in words: `2 hours`, `30min`, `5 secs,`.
_IN_WORDS = re.compile(
    r"(\d+(?:\.\d+)?)\s*(d|h|m|s)(?:ays?|ours?|rs?|in(?:ute)?s?|ec(?:ond)?s?)?"
    r"(?:[\s,]+(?:and\s)?|$|(?=\d))"
)
_CLOCK = re.compile(r"(\d+):(\d\d):(\d\d)")


def parse_whole(
    written: Any, rule: str, low: int, high: float = math.inf, *, name: str = ""
) -> int:
    """Returns a whole number between two, both included.

    Args:
        written: as in a study file.
        rule: how a message says the bounds, as in `, 1 or more`.
        low: the lowest that is accepted.
        high: the highest.
        name: the argument's, for a message about one of several.

    Raises:
        InvalidValueError: it is not.
    """
    if isinstance(written, bool) or not isinstance(written, int) or not low <= written <= high:
        said = f"{name}={in_yaml(written)}" if name else in_yaml(written)
        raise InvalidValueError(f"{said} must be a whole number{rule}{whole_line(written)}")
    return written


def parse_duration(written: object) -> float:
    """Returns a duration in seconds.

    Args:
        written: a number of seconds, or text such as `90s`, `30m`, `1h30m`, `1d`.

    Raises:
        ValueError: it is not a duration above 0.
    """
    text = _text_of(written)
    if re.fullmatch(r"\d+(\.\d+)?", text):
        seconds = float(text)
    elif _WRITTEN.fullmatch(text):
        parts = re.findall(r"([\d.]+)([dhms])", text)
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    else:
        seconds = 0.0
    if not 0 < seconds < 1e10:
        raise ValueError(f"{text} is not a duration; {_duration_remedy(text)}")
    return seconds


def _text_of(written: object) -> str:
    return written.strip() if isinstance(written, str) else in_yaml(written)


def _duration_remedy(text: str) -> str:
    """Returns how to write a duration that is in words or on a clock."""
    text = text.lower()
    clock = _CLOCK.fullmatch(text)
    parts = list(zip(clock.groups(), "hms", strict=True)) if clock else _IN_WORDS.findall(text)
    whole = clock or re.fullmatch(f"(?:{_IN_WORDS.pattern})+", text)
    meant = "".join(f"{number.lstrip('0')}{unit}" for number, unit in parts if float(number))
    return f"write {meant}" if whole and meant else "use 90s, 30m, 1h30m, 1d or seconds"


def parse_share(written: object) -> float:
    """Returns the share that a percentage or a number stands for, above 0 and at most 1.

    Args:
        written: text such as `5%`, or a number such as 0.05.

    Raises:
        ValueError: it is not a share.
    """
    text = _text_of(written)
    match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,9})?)\s*(%?)", text)
    share = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    if not 0 < share <= 1:
        meant = f"write {text}%" if 1 < share <= 100 else "use 5% or 0.05"
        raise ValueError(f"{text!r} is not a share; {meant}")
    return share


_BYTES = {"": 1, **{f"{letter}B": 1000**power for power, letter in enumerate("KMGT", start=1)}}
_BYTES |= {f"{letter}iB": 1024**power for power, letter in enumerate("KMGT", start=1)}
_WRITTEN_sizes = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([KMGT]i?B)?")
# A size with its unit in other letters: `20gb`, `20G`, `20 gigabytes`.
_SIZE_IN_WORDS = re.compile(
    r"(\d{1,15}(?:\.\d{1,9})?)\s*([kmgt])(i?)(?:b|(?:ilo|ega|iga|era)?bytes?)?", re.IGNORECASE
)


def parse_size(written: object) -> int:
    """Returns a size in bytes.

    Args:
        written: a number of bytes, or text such as `500MB` (millions) or `20GiB` (of 1024**3).

    Raises:
        ValueError: it is not a size of one byte or more.
    """
    text = _text_of(written)
    match = _WRITTEN_sizes.fullmatch(text)
    size = round(float(match[1]) * _BYTES[match[2] or ""]) if match else 0
    if size < 1:
        shown = text if len(text) <= 60 else f"{text[:60]}..."
        words = _SIZE_IN_WORDS.fullmatch(text)
        meant = words and f"write {words[1]}{words[2].upper()}{words[3].lower()}B"
        raise ValueError(f"{shown!r} is not a size; {meant or 'use 500MB, 20GB, 1TiB or bytes'}")
    return size
