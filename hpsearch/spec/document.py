"""A study file as plain data, with the place of every value in it."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hpsearch.spec.faults import Fault, frame
from hpsearch.spec.paths import CHOICE, KeyPath, is_within, name_of


@dataclass(frozen=True)
class Place:
    """Where a value was written: a file with a line from 1, or an override without one."""

    where: str
    line: int | None = None


@dataclass(frozen=True)
class Document:
    """Plain data and where each part of it was written.

    Attributes:
        tree: the data: mappings, lists and scalars; marks as text.
        place: where the whole was written.
        places: where its parts were written; a part without a place stands where its parent does.
        lines: the lines of the file, for the frames of faults.
        faults: what is known to be wrong with it.
    """

    tree: Any
    place: Place
    places: Mapping[KeyPath, Place] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()

    def place_of(self, path: KeyPath) -> Place:
        """Returns where the value at the path was written, or its nearest parent."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, self.place)

    def fault(self, path: KeyPath, message: str, place: Place | None = None) -> Fault:
        """Returns a fault of the value at the path, told at its own place or the given one."""
        place = place or self.place_of(path)
        around = frame(self.lines, place.line) if place.line and self.lines else ()
        return Fault(place.where, place.line, name_of(path), message, around)

    def with_value(self, path: KeyPath, value: Any, place: Place) -> Document:
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
        kept = {at: old for at, old in self.places.items() if at[: len(path)] != path}
        faults = tuple(fault for fault in self.faults if not is_within(fault.path, name_of(path)))
        return replace(self, tree=tree, places={**kept, path: place, changed: place}, faults=faults)

    def with_branch(self, path: KeyPath, branch: str, place: Place) -> Document:
        """Returns the document with one branch of the `~choice:` at the path in its stead."""
        inside = (*path, CHOICE, branch)
        subtree = self.tree
        for part in inside:
            subtree = subtree[part]
        taken = self.with_value(path, copy.deepcopy(subtree), place)
        depth = len(inside)
        moved = {
            (*path, *at[depth:]): old
            for at, old in self.places.items()
            if at[:depth] == inside and len(at) > depth
        }
        return replace(taken, places={**taken.places, **moved})


class FaultLog:
    """Collects the faults of one document, from those it has, one a cause."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._faults: dict[Fault, None] = {}
        self._paths: set[str] = set()
        self._around: set[str] = set()
        for fault in document.faults:
            self._note(fault)

    def add(self, path: KeyPath, message: str) -> None:
        """Notes a fault, unless the same value has one already: the first is the cause."""
        if not self.has(path):
            self._note(self._document.fault(path, message))

    def has(self, path: KeyPath) -> bool:
        """Tells whether the value at the path has a fault of its own."""
        return name_of(path) in self._paths

    def has_within(self, path: KeyPath) -> bool:
        """Tells whether the value at the path, or a part of it, has a fault."""
        return name_of(path) in self._around

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults found so far, in the order of the file; those without a line come last."""
        return tuple(sorted(self._faults, key=lambda fault: fault.line or math.inf))

    def _note(self, fault: Fault) -> None:
        parts = fault.path.split(".")
        self._faults[fault] = None
        self._paths.add(fault.path)
        self._around |= {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
