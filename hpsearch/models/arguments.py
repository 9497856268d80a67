"""Rules for constructor arguments; each returns a message for each broken one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def refuse(owner: str, *messages: Iterable[str]) -> None:
    """Raises one error with all messages; does nothing if there are none.

    Args:
        owner: the class whose arguments were checked.
        messages: what the rules below returned.

    Raises:
        ValueError: there is at least one message.
    """
    found = [message for group in messages for message in group]
    if found:
        raise ValueError(f"{owner}: " + "; ".join(found))


def count(name: str, value: Any, minimum: int = 1) -> list[str]:
    """Returns an error unless a value is a whole number, `minimum` or more."""
    holds = type(value) is int and value >= minimum
    return _rule(name, value, holds, f"be a whole number, {minimum} or more")


def counts(
    name: str, values: Any, length: int | None = None, at_least_one: bool = False
) -> list[str]:
    """Returns the errors of a value that must be a list of whole numbers, each 1 or more."""
    if not isinstance(values, Sequence) or isinstance(values, str):
        return _rule(name, values, False, "be a list of whole numbers")
    if length is not None and len(values) != length:
        return _rule(name, list(values), False, f"have {length} entries")
    if at_least_one and not values:
        return _rule(name, [], False, "have at least one entry")
    return [message for i, value in enumerate(values) for message in count(f"{name}[{i}]", value)]


def odd(name: str, value: Any) -> list[str]:
    """Returns an error unless a kernel's size is odd: only then does 'same' padding work."""
    holds = type(value) is int and value >= 1 and value % 2 == 1
    return _rule(name, value, holds, "be an odd whole number, 1 or more")


def fraction(name: str, value: Any, length: int | None = None) -> list[str]:
    """Returns the errors of what must be a number from 0 to below 1, or `length` of them."""
    if length is not None and isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != length:
            return _rule(name, list(value), False, f"have {length} entries, or be one number")
        return [error for i, part in enumerate(value) for error in fraction(f"{name}[{i}]", part)]
    holds = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1
    return _rule(name, value, holds, "be a number from 0 to below 1")


def one_of(name: str, value: Any, allowed: Iterable[str]) -> list[str]:
    """Returns an error unless a value is one of the given names."""
    return _rule(name, value, value in (known := [*allowed]), f"be one of {', '.join(known)}")


def blocks_fit(name: str, blocks: int, input_shape: Sequence[int]) -> list[str]:
    """Returns an error if there are more halvings than the image's shorter side allows."""
    height, width = input_shape[1:]
    most = min(height, width).bit_length() - 1
    rule = "each of which halves the image"
    message = f"{name} has {blocks} blocks, {rule}, and {height} x {width} pixels allow {most}"
    return [] if blocks <= most else [message]


def _rule(name: str, value: Any, holds: bool, rule: str) -> list[str]:
    return [] if holds else [f"{name}={value!r} must {rule}"]
