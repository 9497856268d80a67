"""The bridge between the two wings: calls functions of the training wing by name."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def call(name: str, *args: Any) -> Any:
    """Calls a function by its name, `package.module:function`, importing it first.

    Search and views run without torch; only functions called through here import it.
    """
    module, function = name.split(":")
    return getattr(import_module(module), function)(*args)
