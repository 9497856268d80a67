"""Classes that a study file may not name: those of Python itself, which reach into the machine."""

from __future__ import annotations

import sys

_HARMLESS = frozenset(
    {"pathlib.Path", "datetime.timedelta", "collections.OrderedDict", "fractions.Fraction"}
)


def forbidden_reason(class_path: str) -> str | None:
    """Returns why a study file may not name this class; None where it may.

    Only the path is looked at: nothing is imported.
    """
    root, dot, _ = class_path.strip().partition(".")
    if not dot or root not in sys.stdlib_module_names or class_path in _HARMLESS:
        return None
    return (
        f"{class_path[:80]} is part of Python's standard library, which a study file may not call; "
        "name a class of your own that uses it"
    )
