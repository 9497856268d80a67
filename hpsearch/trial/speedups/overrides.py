"""Which of Lightning's hooks a module or a callback overrides."""

from __future__ import annotations

# The classes whose hooks do nothing, or what Lightning does by itself, in either of its trees.
_BASES = (".core.module", ".core.hooks", ".core.datamodule", ".callbacks.callback")


def overrides(instance: object, hook: str) -> bool:
    """Returns whether a class of the instance, other than Lightning's bases, has the method."""
    classes = type(instance).__mro__
    return any(hook in vars(cls) for cls in classes if not cls.__module__.endswith(_BASES))
