"""Rules for constructor arguments; each returns a message for each broken one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Message = str


def refuse(owner: str, *messages: Iterable[Message]) -> None:
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


def count(name: str, value: Any, minimum: int = 1) -> list[Message]:
    """Returns an error unless a value is a whole number, `minimum` or more."""
    if type(value) is int and value >= minimum:
        return []
    return [f"{name}={value!r} must be a whole number, {minimum} or more"]


def counts(
    name: str, values: Any, length: int | None = None, at_least_one: bool = False
) -> list[Message]:
    """Returns the errors of a value that must be a list of whole numbers, each 1 or more."""
    if not isinstance(values, Sequence) or isinstance(values, str):
        return [f"{name}={values!r} must be a list of whole numbers"]
    if length is not None and len(values) != length:
        return [f"{name}={list(values)} must have {length} entries"]
    if at_least_one and not values:
        return [f"{name}=[] must have at least one entry"]
    return [message for i, value in enumerate(values) for message in count(f"{name}[{i}]", value)]


def odd(name: str, value: Any) -> list[Message]:
    """Returns an error unless a kernel's size is odd: only then does 'same' padding work."""
    if type(value) is int and value >= 1 and value % 2 == 1:
        return []
    return [f"{name}={value!r} must be an odd whole number, 1 or more"]


def fraction(name: str, value: Any) -> list[Message]:
    """Returns an error unless a value is a number from 0 to below 1."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and 0 <= value < 1:
        return []
    return [f"{name}={value!r} must be a number from 0 to below 1"]


def fractions(name: str, value: Any, length: int) -> list[Message]:
    """Returns the errors of what must be a number from 0 to below 1, or `length` of them."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return fraction(name, value)
    if len(value) != length:
        return [f"{name}={list(value)} must have {length} entries, or be one number"]
    return [message for i, part in enumerate(value) for message in fraction(f"{name}[{i}]", part)]


def one_of(name: str, value: Any, allowed: Iterable[str]) -> list[Message]:
    """Returns an error unless a value is one of the given names."""
    allowed = list(allowed)
    return [] if value in allowed else [f"{name}={value!r} must be one of {', '.join(allowed)}"]


def blocks_fit(name: str, blocks: int, input_shape: Sequence[int]) -> list[Message]:
    """Returns an error if there are more halvings than the image's shorter side allows."""
    height, width = input_shape[1:]
    most = min(height, width).bit_length() - 1
    if blocks <= most:
        return []
    return [
        f"{name} has {blocks} blocks, each of which halves the image, and {height} x {width} "
        f"pixels allow {most}"
    ]
