"""The place of a value in a study file, and its name."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hpsearch.studyfile.diagnostics import Diagnostic, excerpt, mask

KeyPath = tuple[str | int, ...]
CHOICE = "~choice"
_SILENT = ("init_args", CHOICE)


def name_of(path: KeyPath) -> str:
    """Returns the dotted name of a path: `model.channels.0`, without `init_args` and `~choice`."""
    return ".".join(str(part) for part in path if part not in _SILENT)


def without_branches(path: KeyPath) -> KeyPath:
    """Returns the path of a value once its branches are chosen."""
    named = {index + 1 for index, part in enumerate(path) if part == CHOICE}
    kept = [part for i, part in enumerate(path) if part != CHOICE and i not in named]
    return tuple(kept)


def is_within(name: str, outer: str) -> bool:
    """Returns whether a dotted name is another or inside it: `a.b` in `a`, not in `a.bc`."""
    return f"{name}.".startswith(f"{outer}.")


def is_branches(tree: Any) -> bool:
    """Returns whether the tree is a mapping with the single key `~choice:`, named branches."""
    return isinstance(tree, dict) and list(tree) == [CHOICE]


def items_of(tree: Any) -> Iterable[tuple[Any, Any]]:
    """Returns the keys of a mapping, or the numbers of a list, with their values."""
    return tree.items() if isinstance(tree, dict) else enumerate(tree if type(tree) is list else ())


def alternatives(tree: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    """Yields each subtree that the path may have, with the path where it is written.

    That is the tree itself or, where it is named branches, each of them (to any depth).
    """
    if not (is_branches(tree) and isinstance(tree[CHOICE], dict)):
        yield path, tree
        return
    if {"class_path", "init_args"} & tree[CHOICE].keys():  # a component without a branch's name
        return
    for name, branch in tree[CHOICE].items():
        yield from alternatives(branch, (*path, CHOICE, name))


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Returns for each parameter the shortest unique end of its path.

    An end never begins with a list's index: `model.channels.0` becomes `channels.0`.
    """
    names = list(dict.fromkeys(names))
    suffixes = {name: _suffixes(name) for name in names}
    owners: dict[str, int] = {}
    for name in names:
        for end in suffixes[name]:
            owners[end] = owners.get(end, 0) + 1
    return {name: next((e for e in suffixes[name] if owners[e] == 1), name) for name in names}


def _suffixes(name: str) -> list[str]:
    parts = name.split(".")
    starts = [i for i in range(len(parts) - 1, -1, -1) if i == 0 or not parts[i].isdigit()]
    return [".".join(parts[start:]) for start in starts]


@dataclass(frozen=True)
class Location:
    """Where a value is written: a file and a line from 1, or an override without a line."""

    where: str
    line: int | None = None


@dataclass(frozen=True)
class Document:
    """Plain data and where each part of it was written.

    Attributes:
        tree: the data: mappings, lists and scalars; expressions as text.
        place: where the whole is written.
        locations: where its parts are written; a part without a place has its parent's.
        lines: the lines of the file, for the excerpts of diagnostics.
        diagnostics: what is known to be wrong with it.
    """

    tree: Any
    place: Location
    locations: Mapping[KeyPath, Location] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    def place_of(self, path: KeyPath) -> Location:
        """Returns where the value at the path was written, or its nearest parent."""
        while path and path not in self.locations:
            path = path[:-1]
        return self.locations.get(path, self.place)

    def line_of(self, name: str) -> str:
        """Returns where a parameter is written, and how: `cnn.yaml:14: dropout: ~float(0, 0.5)`.

        Empty if that is unknown: a study from the database has lost its lines.
        """
        place = next((at for path, at in self.locations.items() if name_of(path) == name), None)
        if place is None or place.line is None or not self.lines:
            return ""
        return f"{place.where}:{place.line}: {mask(self.lines[place.line - 1]).strip()}"

    def diagnostic(self, path: KeyPath, message: str, place: Location | None = None) -> Diagnostic:
        """Returns a diagnostic of the value at the path, at its own place or the given one."""
        place = place or self.place_of(path)
        around = excerpt(self.lines, place.line) if place.line and self.lines else ()
        return Diagnostic(place.where, place.line, name_of(path), message, around)

    def with_value(self, path: KeyPath, value: Any, place: Location) -> Document:
        """Returns the document with another value at the path; missing mappings are made."""
        tree = copy.deepcopy(self.tree)
        parent = tree
        changed = path
        for depth, part in enumerate(path[:-1], start=1):
            if isinstance(parent, dict) and parent.get(part) is None:
                parent[part] = {}
                changed = min(changed, path[:depth], key=len)
            parent = parent[part]
        parent[path[-1]] = value
        kept = {at: old for at, old in self.locations.items() if at[: len(path)] != path}
        diagnostics = tuple(
            diagnostic
            for diagnostic in self.diagnostics
            if not is_within(diagnostic.path, name_of(path))
        )
        return replace(
            self,
            tree=tree,
            locations={**kept, path: place, changed: place},
            diagnostics=diagnostics,
        )

    def with_branch(self, path: KeyPath, branch: str, place: Location) -> Document:
        """Returns the document with the `~choice:` at the path replaced by one of its branches."""
        inside = (*path, CHOICE, branch)
        subtree = self.tree
        for part in inside:
            subtree = subtree[part]
        taken = self.with_value(path, copy.deepcopy(subtree), place)
        depth = len(inside)
        moved = {
            (*path, *at[depth:]): old
            for at, old in self.locations.items()
            if at[:depth] == inside and len(at) > depth
        }
        return replace(taken, locations={**taken.locations, **moved})


class Diagnostics:
    """Collects the diagnostics of one document, one for each cause."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._found: dict[Diagnostic, None] = {}
        self._paths: set[str] = set()
        for diagnostic in document.diagnostics:
            self._note(diagnostic)

    def add(self, path: KeyPath, message: str) -> None:
        """Adds a diagnostic, unless the value already has one: the first is the cause.

        That of a mapping is the cause of whatever it lacks.
        """
        is_missing = path not in self._document.locations and path[:-1] in self._document.locations
        if not self.has(path) and not (is_missing and self.has(path[:-1])):
            self._note(self._document.diagnostic(path, message))

    def has(self, path: KeyPath) -> bool:
        """Returns whether the value at the path itself has a diagnostic."""
        return name_of(path) in self._paths

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The diagnostics found so far, in file order; those without a line come last."""
        return tuple(sorted(self._found, key=lambda diagnostic: diagnostic.line or math.inf))

    def _note(self, diagnostic: Diagnostic) -> None:
        self._found[diagnostic] = None
        self._paths.add(diagnostic.path)
