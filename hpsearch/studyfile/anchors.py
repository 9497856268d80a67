"""YAML anchors on searched values: one anchor is one value, wherever it is named."""

from __future__ import annotations

import re
from typing import Any

import yaml

from hpsearch.studyfile.document import CHOICE, KeyPath, name_of, without_branches
from hpsearch.studyfile.expressions import is_expression


class Anchors:
    """Turns each further place of an aliased node into a `~ref` to one of its places.

    Without it, one anchor would stand for two parameters. Places in branches that exclude each
    other are never in one configuration: they stay two parameters.
    """

    def __init__(self) -> None:
        self._first: dict[int, KeyPath] = {}
        self._late: dict[KeyPath, str] = {}

    def link(self, node: yaml.Node, path: KeyPath) -> str | None:
        """Returns what to write at a path in a node's stead; None for the node itself."""
        first = self._first.setdefault(id(node), path)
        if first == path or len(path) < 2 or path[0] == "study" or not _is_searched(node):
            return None
        here, there = _branches_of(path), _branches_of(first)
        if there <= here:
            return _ref(first)
        if here < there and (link := _ref(path)):
            self._late[first] = link
            self._first[id(node)] = path
        return None

    def settle(self, tree: Any) -> Any:
        """Returns the data with the places replaced that were read before the one they refer to."""
        for path, link in self._late.items():
            parent = tree
            for part in path[:-1]:
                parent = parent[part]
            parent[path[-1]] = link
        return tree


def _branches_of(path: KeyPath) -> set[KeyPath]:
    """Returns the branches that a path leads through."""
    return {path[: index + 2] for index, part in enumerate(path) if part == CHOICE}


def _ref(path: KeyPath) -> str | None:
    name = name_of(without_branches(path))
    return f"~ref({name})" if re.fullmatch(r"[\w.-]+", name) else None


def _is_searched(root: yaml.Node) -> bool:
    """Tells whether a value in a node is searched."""
    nodes, seen = [root], set()
    while nodes:
        node = nodes.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if not isinstance(node, yaml.ScalarNode):
            for part in node.value:
                nodes += part if isinstance(part, tuple) else (part,)
        elif is_expression(node.value) and node.tag == "tag:yaml.org,2002:str":
            return True
    return False
