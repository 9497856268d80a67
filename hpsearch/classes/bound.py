"""A class with all that it is built with, ready to be built."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hpsearch.classes.signature import by_position, signature_of
from hpsearch.classes.values import Build


class RefusedValuesError(ValueError):
    """A constructor rejects the values it is given."""


@dataclass(frozen=True)
class Bound:
    """A component whose class is found and whose arguments are bound.

    Attributes:
        target: the class, factory or class method.
        arguments: what builds each argument.
        partial: whether the owner calls it, so that a partial is built.
    """

    target: Callable[..., Any]
    arguments: Mapping[str, Build]
    partial: bool = False

    def wants(self, name: str) -> bool:
        """Returns whether it takes an argument of this name and has not been given one."""
        return name in signature_of(self.target).hints and name not in self.arguments

    def build(self, **extra: Any) -> Any:
        """Builds it, with those extra arguments that it takes."""
        wanted = {name: value for name, value in extra.items() if self.wants(name)}
        given = wanted | {name: build() for name, build in self.arguments.items()}
        positional = by_position(self.target, given)
        if self.partial:
            bare = not (positional or given)
            return self.target if bare else functools.partial(self.target, *positional, **given)
        try:
            return self.target(*positional, **given)
        except Exception as error:
            if not isinstance(error, ValueError) and type(error).__name__ != "TrialPruned":
                raise
            raise RefusedValuesError(f"{type(error).__name__}: {error}") from error
