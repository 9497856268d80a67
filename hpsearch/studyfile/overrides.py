"""Overrides from the command line, `trainer.max_epochs=1`, in the study file's own language."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from hpsearch.studyfile.diagnostics import Diagnostic, did_you_mean, mask
from hpsearch.studyfile.document import CHOICE, Document, KeyPath, Location, is_branches, name_of
from hpsearch.studyfile.sections import SCHEDULE_KEYS
from hpsearch.studyfile.yaml_text import parse

# The keys of a component that have keys of the project's own.
_PARTS = ("init_args", "from_data")


class _Unknown(Exception):
    """An override names a place that does not exist."""


def apply_override(document: Document, override: str, *, adds: bool = False) -> Document:
    """Returns the document with one value replaced; errors go into its `diagnostics`.

    If the file has a `~choice:` there, the name of a branch selects that branch.

    Args:
        document: the study file so far.
        override: `key=value`; the key is a dotted path with or without `init_args`, the value is
            anything that the file could have there.
        adds: whether arguments may get settings that they do not have in the file.
    """
    where = f"--set {mask(override)}"
    name, equals, text = override.partition("=")
    if not equals or not name.strip():
        return _faulty(document, Diagnostic(where, None, "", "write key=value"))
    value = parse(text, where, numbered=False)
    if not isinstance(document.tree, dict):
        return document
    try:
        path, node = _locate(document.tree, name.strip(), adds)
        if _takes_branch(node, text.strip(), path):
            return document.with_branch(path, text.strip(), Location(where))
    except _Unknown as error:
        return _faulty(document, Diagnostic(where, None, name.strip(), str(error)))
    diagnostics = (
        replace(diagnostic, path=".".join(filter(None, (name_of(path), diagnostic.path))))
        for diagnostic in value.diagnostics
    )
    return _faulty(document.with_value(path, value.tree, Location(where)), *diagnostics)


def _takes_branch(node: Any, text: str, path: KeyPath) -> bool:
    """Returns whether the text names a branch of the node."""
    if not (is_branches(node) and isinstance(node[CHOICE], dict)):
        return False
    if text not in node[CHOICE] and len(path) == 1 and re.fullmatch(r"[\w-]+", text):
        raise _Unknown(f"there is no branch '{text}'{did_you_mean(text, node[CHOICE])}")
    return text in node[CHOICE]


def _faulty(document: Document, *diagnostics: Diagnostic) -> Document:
    return replace(document, diagnostics=(*document.diagnostics, *diagnostics))


def _locate(tree: dict[str, Any], name: str, adds: bool) -> tuple[KeyPath, Any]:
    """Returns the path of a dotted name, and the value there now."""
    path: KeyPath = ()
    node: Any = tree
    for part in name.split("."):
        is_setting = adds and "init_args" in path and isinstance(node, dict)
        is_setting = is_setting and not {"class_path", "init_args", CHOICE} & node.keys()
        step = (part,) if is_setting else _step(node, part, path)
        for key in step:
            node = node[key] if _has(node, key) else None
        path += step
    return path, node


def _step(node: Any, part: str, path: KeyPath) -> KeyPath:
    """Returns the keys that lead from a node to its part."""
    if isinstance(node, list):
        return (_index(node, part),)
    if not isinstance(node, dict | None):
        raise _Unknown(f"{node!r} has no parts; set it as a whole")
    node = node or {}
    if part in node:
        return (part,)
    if is_branches(node) and isinstance(node[CHOICE], dict):
        if part in node[CHOICE]:
            return (CHOICE, part)
        raise _Unknown(f"there is no branch '{part}'{did_you_mean(part, node[CHOICE])}")
    if "class_path" in node or "init_args" in node:
        own = part in _PARTS or (path[0] == "schedule" and part in SCHEDULE_KEYS)
        return (part,) if own else ("init_args", part)
    if not node or path in ((), ("study",), ("trainer",), ("speed",), ("tensorboard",)):
        return (part,)
    if path[-1] in _PARTS or (path[0] == "trainer" and path[-2:-1] == (CHOICE,)):
        return (part,)
    raise _Unknown(f"there is no key '{part}'{did_you_mean(part, node)}")


def _index(items: list[Any], part: str) -> int:
    if not (part.isdecimal() and int(part) < len(items)):
        raise _Unknown(f"{part!r} is not an index of a list of {len(items)}, counted from 0")
    return int(part)


def _has(node: Any, key: str | int) -> bool:
    return isinstance(node, list) or (isinstance(node, dict) and key in node)
