"""Rules for constructor arguments; each returns the faults it finds, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Fault = str


def refuse(owner: str, *faults: Iterable[Fault]) -> None:
    """Raises one error with all faults, if there are any.

    Args:
        owner: the class whose arguments were checked.
        faults: what the rules below returned.

    Raises:
        ValueError: there is at least one fault.
    """
    found = [fault for group in faults for fault in group]
    if found:
        raise ValueError(f"{owner}: " + "; ".join(found))


def count(name: str, value: Any, least: int = 1) -> list[Fault]:
    """A whole number, not below `least`."""
    if type(value) is int and value >= least:
        return []
    return [f"{name}={value!r} must be a whole number, {least} or more"]


def counts(
    name: str, values: Any, length: int | None = None, at_least_one: bool = False
) -> list[Fault]:
    """A list of whole numbers, each 1 or more."""
    if not isinstance(values, Sequence) or isinstance(values, str):
        return [f"{name}={values!r} must be a list of whole numbers"]
    if length is not None and len(values) != length:
        return [f"{name}={list(values)} must have {length} entries"]
    if at_least_one and not values:
        return [f"{name}=[] must have at least one entry"]
    return [fault for i, value in enumerate(values) for fault in count(f"{name}[{i}]", value)]


def odd(name: str, value: Any) -> list[Fault]:
    """An odd whole number: only such a kernel has a middle, which 'same' padding needs."""
    if type(value) is int and value >= 1 and value % 2 == 1:
        return []
    return [f"{name}={value!r} must be an odd whole number, 1 or more"]


def fraction(name: str, value: Any) -> list[Fault]:
    """A number from 0 up to but not 1."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and 0 <= value < 1:
        return []
    return [f"{name}={value!r} must be a number from 0 to below 1"]


def fractions(name: str, value: Any, length: int) -> list[Fault]:
    """A number from 0 up to but not 1, or a list of `length` such numbers."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return fraction(name, value)
    if len(value) != length:
        return [f"{name}={list(value)} must have {length} entries, or be one number"]
    return [fault for i, part in enumerate(value) for fault in fraction(f"{name}[{i}]", part)]


def one_of(name: str, value: Any, allowed: Iterable[str]) -> list[Fault]:
    """One of the given names."""
    allowed = list(allowed)
    return [] if value in allowed else [f"{name}={value!r} must be one of {', '.join(allowed)}"]


def blocks_fit(name: str, blocks: int, input_shape: Sequence[int]) -> list[Fault]:
    """As many halvings as the image's shorter side allows."""
    height, width = input_shape[1:]
    most = min(height, width).bit_length() - 1
    if blocks <= most:
        return []
    return [
        f"{name} has {blocks} blocks, each of which halves the image, and {height} x {width} "
        f"pixels allow {most}"
    ]
