"""Where a value stands in a study file, and the name it is known by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

KeyPath = tuple[str | int, ...]
CHOICE = "~choice"
_SILENT = ("init_args", CHOICE)


def name_of(path: KeyPath) -> str:
    """Returns the dotted name of a path: `model.channels.0`, without `init_args` and `~choice`."""
    return ".".join(str(part) for part in path if part not in _SILENT)


def is_within(name: str, outer: str) -> bool:
    """Tells whether a dotted name is another one or lies inside it: `a.b` in `a`, not in `a.bc`."""
    return f"{name}.".startswith(f"{outer}.")


def is_branches(tree: Any) -> bool:
    """Tells whether the tree is a mapping with the single key `~choice:`, named branches."""
    return isinstance(tree, dict) and list(tree) == [CHOICE]


def alternatives(tree: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    """Yields each subtree that may stand at the path, with the path it is written at.

    That is the tree itself or, where it is named branches, each of them (to any depth).
    """
    if not (is_branches(tree) and isinstance(tree[CHOICE], dict)):
        yield path, tree
        return
    for name, branch in tree[CHOICE].items():
        yield from alternatives(branch, (*path, CHOICE, name))
