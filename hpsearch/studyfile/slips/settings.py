"""Values of the study block in another form: numbers with a unit, names with a blank, `never`."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?", re.IGNORECASE)
_THOUSANDS = re.compile(r"\d{1,3}(?:[,_' ]\d{3})+|\d+(?:_\d+)+")
_UNITS = {"k": 10**3, "m": 10**6, "b": 10**9, "g": 10**9}
_LARGEST = 2**53
_NO_LIMIT = ("none", "no", "never", "off", "inf", ".inf", "infinite", "infinity", "unlimited")


def whole_line(value: Any) -> str:
    """Returns the end of a message about `1e6`, `100k`, `1,000` or `"20"`; empty if unclear."""
    text = str(value)
    unit = _UNITS.get(text[-1:].lower(), 1) if isinstance(value, str) else 1
    number = text[:-1].rstrip() if unit > 1 else text
    if _THOUSANDS.fullmatch(number):
        number = re.sub(r"\D", "", number)
    if not isinstance(value, str | float) or not _NUMBER.fullmatch(number):
        return ""
    whole = Decimal(number) * unit
    if whole != whole.to_integral_value() or abs(whole) > _LARGEST:
        return ""
    quotes = ", without quotes" if text == f"{whole:f}" else ""
    return f"; write {int(whole)}{quotes}"


def name_line(value: Any) -> str:
    """Returns what a study may be named instead; empty if that is unclear."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f'; write "{value}", in quotes'
    name = (
        re.sub(r"[^A-Za-z0-9._-]+", "-", value).strip("._-")[:64] if isinstance(value, str) else ""
    )
    return f"; write {name}" if name else ""


def is_no_limit(value: Any) -> bool:
    """Returns whether a time limit is a word for none, such as `never`."""
    if isinstance(value, str):
        return value.strip().lower() in _NO_LIMIT
    return value is False or value == math.inf
