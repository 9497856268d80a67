"""The one door between the two wings: functions of the training wing, called by their names."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def call(name: str, *args: Any) -> Any:
    """Calls a function by its name, `package.module:function`, importing it first.

    Search and views decide without torch; only what is called through here imports it.
    """
    module, function = name.split(":")
    return getattr(import_module(module), function)(*args)
