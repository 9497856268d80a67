"""The record of a trial's data, and how two of them differ.

A record is what a trial reports about its data before it trains:

- `arguments`: a text that changes with the data module's arguments, on which content may depend.
- `own`: the data module's own description of its content (`data_fingerprint`), if any.
- `train`, `val`: for each loader, None if its content changes from one reading to the next;
  otherwise `rows` (how many, None if unknown) and `sample`: for each row of a sample, a hash of its
  exact values, then the scale of its fractions and some means that represent them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

DataRecord = Mapping[str, Any]

# The last digits of fractions may depend on the machine and the number of threads.
_TOLERANCE = 1e-5
_PARTS = {"own": "data", "train": "training data", "val": "validation data"}


def changed_parts(stored: DataRecord, found: DataRecord) -> list[str]:
    """Returns which parts of two records of equal arguments differ, in words; none if none do.

    Parts that are unknown in one of the two are not compared.
    """
    return [
        words
        for part, words in _PARTS.items()
        if part in stored and part in found and not _same(stored[part], found[part])
    ]


def other_data(parts: str, whose: str, theirs: str) -> str:
    """Returns why values on other data are refused.

    Args:
        parts: what differs, in words.
        whose: the trial or setting.
        theirs: those that it is compared with.
    """
    return (
        f"the {parts} of {whose} are not those of {theirs}, so their values cannot be compared:"
        " draw them from split_seed, an argument that the data module is given, and not from the"
        " clock, its own generator or a searched value"
    )


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return bool(one == other)
    return len(one) == len(other) and all(map(_same_loader, one, other))


def _same_loader(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    if one is None or other is None:
        return True
    # A sample of slow rows ends early, when its time is up.
    rows = zip(one["sample"], other["sample"], strict=False)
    return one["rows"] == other["rows"] and all(_same_row(*row) for row in rows)


def _same_row(one: Sequence[Any], other: Sequence[Any]) -> bool:
    if len(one) != len(other) or one[0] != other[0]:
        return False
    scale = abs(one[1]) if len(one) > 1 else 0.0
    pairs = zip(one[1:], other[1:], strict=True)
    return all(abs(a - b) <= _TOLERANCE * scale for a, b in pairs)
