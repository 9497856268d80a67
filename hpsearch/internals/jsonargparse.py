"""Private names of jsonargparse, the engine of LightningCLI; both wings resolve arguments here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jsonargparse._parameter_resolvers import get_signature_parameters


def resolve_parameters(target: Callable[..., Any], method: str | None = None) -> Sequence[Any]:
    """Returns the parameters of a class's constructor, a function, or a method of a class.

    Those of base classes and called functions are included if `**kwargs` passes them on. Each has a
    `name`, a `kind`, an `annotation` and a `default`, like those of `inspect`.
    """
    return list(get_signature_parameters(target, method))
