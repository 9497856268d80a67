"""The values of one parameter: a range of whole numbers, a range of numbers, or a few options."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import Any, Final, Literal

from hpsearch.protocol.types import Scalar
from hpsearch.studyfile.diagnostics import InvalidValueError, in_yaml

_EXACT = 2**53


class Unknown(Enum):
    """Marks a missing prior, since `None` may itself be the prior of a choice."""

    NO_PRIOR = "no prior"


NO_PRIOR: Final = Unknown.NO_PRIOR
NoPrior = Literal[Unknown.NO_PRIOR]


@dataclass(frozen=True)
class IntRange:
    """Whole numbers from `low` to `high`, both included, uniform or (`log`) log-uniform.

    `prior` is a value that is believed to be good.
    """

    low: int
    high: int
    log: bool = False
    step: int = 1
    prior: Scalar | NoPrior = NO_PRIOR

    def bounds(self) -> tuple[int, int]:
        """Returns the smallest and the largest value."""
        return self.low, self.high

    def middle(self) -> int:
        """Returns the middle value; for a log range, the middle of the logarithms."""
        steps = (_middle(self.low, self.high, self.log) - self.low) / self.step
        return self.low + round(steps) * self.step

    def draw(self, random: Random) -> int:
        """Returns a random value."""
        if self.log:
            return round(math.exp(random.uniform(math.log(self.low), math.log(self.high))))
        return random.randrange(self.low, self.high + 1, self.step)

    def size(self) -> float:
        """Returns how many values there are."""
        return (self.high - self.low) // self.step + 1

    def contains(self, value: Scalar) -> bool:
        """Returns whether the value is one of the range."""
        if isinstance(value, bool) or not isinstance(value, int):
            return False
        return self.low <= value <= self.high and (value - self.low) % self.step == 0


@dataclass(frozen=True)
class FloatRange:
    """Numbers from `low` to `high`, both included, uniform or (`log`) log-uniform.

    `prior` is a value that is believed to be good.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    prior: Scalar | NoPrior = NO_PRIOR

    def bounds(self) -> tuple[float, float]:
        """Returns the smallest and the largest value."""
        return self.low, self.high

    def middle(self) -> float:
        """Returns the middle value; for a log range, the middle of the logarithms."""
        middle = _middle(self.low, self.high, self.log)
        if self.step is None:
            return middle
        return self.low + round((middle - self.low) / self.step) * self.step

    def draw(self, random: Random) -> float:
        """Returns a random value."""
        if self.log:
            return math.exp(random.uniform(math.log(self.low), math.log(self.high)))
        if self.step is None:
            return random.uniform(self.low, self.high)
        return self.low + random.randrange(int(self.size())) * self.step

    def size(self) -> float:
        """Returns how many values there are: infinite without a step."""
        return math.inf if self.step is None else round((self.high - self.low) / self.step) + 1

    def contains(self, value: Scalar) -> bool:
        """Returns whether the value is one of the range; steps count to within 1e-8 of a step."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if not self.low <= value <= self.high:
            return False
        if self.step is None:
            return True
        steps = (value - self.low) / self.step
        return abs(steps - round(steps)) < 1e-8


@dataclass(frozen=True)
class Choice:
    """One of a few options, which have no order.

    Attributes:
        options: the options; for a list, the text under which it is stored.
        lists: the lists that such texts stand for.
        prior: an option that is believed to be good.
    """

    options: tuple[Scalar, ...]
    lists: Mapping[str, list[Any]] = field(default_factory=dict, hash=False)
    prior: Scalar | NoPrior = NO_PRIOR

    def value_of(self, option: Scalar) -> Any:
        """Returns the value of an option: itself, or the list that its text describes."""
        return self.lists[option] if isinstance(option, str) and option in self.lists else option

    def bounds(self) -> tuple[Scalar, Scalar]:
        """Returns the smallest and largest option; the first and last if they are not numbers."""
        ordered = self._ordered()
        return ordered[0], ordered[-1]

    def middle(self) -> Scalar:
        """Returns the middle option, numbers by size; of two, the first."""
        return self._ordered()[(len(self.options) - 1) // 2]

    def draw(self, random: Random) -> Scalar:
        """Returns a random option."""
        return random.choice(self.options)

    def size(self) -> float:
        """Returns how many options there are."""
        return len(self.options)

    def alike(self) -> tuple[Scalar, Scalar] | None:
        """Returns two options that read the same, such as 64 and '64'; None if there are none."""
        for place, option in enumerate(self.options):
            if isinstance(option, str) and option not in self.lists:
                continue
            for other, text in enumerate(self.options):
                reads = isinstance(text, str) and text in (str(option), in_yaml(option))
                if reads and other != place:
                    return option, text
        return None

    def contains(self, value: Scalar) -> bool:
        """Returns whether the value is one of the options, of the same type."""
        return any(type(value) is type(option) and value == option for option in self.options)

    def _ordered(self) -> list[Scalar]:
        numbers = [
            option
            for option in self.options
            if isinstance(option, int | float) and not isinstance(option, bool)
        ]
        return [*sorted(numbers)] if len(numbers) == len(self.options) else [*self.options]


def _middle(low: float, high: float, log: bool) -> float:
    return math.sqrt(low * high) if log else (low + high) / 2


Distribution = IntRange | FloatRange | Choice


def check_values(distribution: Distribution) -> tuple[Scalar, ...]:
    """Returns the values that a check tries: each option, or both bounds of a range."""
    return distribution.options if isinstance(distribution, Choice) else distribution.bounds()


def example_value(distribution: Distribution) -> Scalar:
    """Returns one of its values; a text if some of them are texts, or nothing at all."""
    values = check_values(distribution)
    kinds = {type(value) for value in values}
    return values[0] if kinds <= {int, float} or kinds == {bool} else str(values[0])


def number_of(given: dict[str, Any], name: str) -> float:
    """Returns an argument of a range that must be a number.

    Raises:
        InvalidValueError: it is not.
    """
    value = given[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidValueError(f"{name} must be a number, not {value!r}{_unquoted(value)}")
    if abs(value) > sys.float_info.max:
        raise InvalidValueError(f"{name} is too large for a number")
    return float(value)


def whole_of(given: dict[str, Any], name: str) -> int:
    """Returns an argument of a range that must be a whole number.

    Raises:
        InvalidValueError: it is not.
    """
    value = given.get(name, 1)
    if isinstance(value, bool) or not isinstance(value, int):
        is_whole = isinstance(value, float) and value.is_integer()
        meant = f"; write {int(value)}" if is_whole else _unquoted(value) or "; or use ~float"
        raise InvalidValueError(f"{name} of ~int must be a whole number, not {value!r}{meant}")
    if abs(value) > _EXACT:
        raise InvalidValueError(
            f"{name}={value} is beyond 2**53, where numbers are no longer exact"
        )
    return value


def is_number(text: str) -> bool:
    """Returns whether a text reads as a number."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _unquoted(value: Any) -> str:
    return f"; write {value}, without quotes" if isinstance(value, str) and is_number(value) else ""


def log_of(given: dict[str, Any]) -> bool:
    """Returns whether a range has a log scale.

    Raises:
        InvalidValueError: `log` is neither True nor False.
    """
    log = given.get("log", False)
    if not isinstance(log, bool):
        raise InvalidValueError(f"log must be True or False, not {log!r}")
    return log


def require_ascending(kind: str, low: float, high: float, log: bool) -> None:
    """Refuses bounds that are equal, or in the wrong order.

    Raises:
        InvalidValueError: they are.
    """
    if low > high:
        raise InvalidValueError(
            f"low {low:.12g} is above high {high:.12g};"
            f" write ~{kind}({high:.12g}, {low:.12g}{', log=True' * log})"
        )
    if low == high:
        raise InvalidValueError(
            f"low and high are both {low:.12g}; write {low:.12g} alone to fix the value"
        )


def last_step(kind: str, low: float, high: float, last: Any, step: float) -> str:
    """Returns what to say of a step that does not lead to the upper bound."""
    return (
        f"steps of {step:.12g} from {low:.12g} do not meet {high:.12g}; "
        f"write ~{kind}({low:.12g}, {last}, step={step:.12g})"
    )
