"""YAML text to plain data that remembers its lines, and back.

Scalars are read as in YAML 1.2's core schema: `1e-4` is a number, keys are always text, dates are
text. The words on which YAML 1.1 and 1.2 differ (`yes`, `no`, `on`, `off`) are errors as values
unless quoted. Tags, merge keys and repeated keys are errors; size, depth and the number of values
(aliases unfolded) are limited.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from hpsearch.protocol.types import Scalar
from hpsearch.studyfile.diagnostics import Diagnostic
from hpsearch.studyfile.document import Document, KeyPath, Location
from hpsearch.studyfile.links import Anchors
from hpsearch.studyfile.slips import explain_character, explain_yaml

MAX_BYTES = 128 * 1024
MAX_DEPTH = 32
MAX_VALUES = 10_000
_MAX_DIGITS = 100
# Texts written without quotes if YAML allows it: words, paths and search expressions.
_PLAIN = re.compile(r"[A-Za-z_][\w./-]*|~[a-z]+\(.*\)")

# `${NAME}` is an environment variable; `$${` is `${` itself.
_VARIABLE = re.compile(r"(?<!\$)\$\{([^{}]*)\}")
_TAG = "tag:yaml.org,2002:"
_AMBIGUOUS = "!ambiguous"
_DIGITS = r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
_SCALARS = {
    f"{_TAG}null": (r"~|null|Null|NULL|", "~nN\0"),
    f"{_TAG}bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    f"{_TAG}int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    f"{_TAG}float": (rf"{_DIGITS}|[-+]?\.(?i:inf)|\.(?i:nan)", "-+.0123456789"),
    _AMBIGUOUS: (r"(?i:yes|no|on|off)", "yYnNoO"),
}


def parse(text: str, where: str, *, numbered: bool = True) -> Document:
    """Returns the data of a YAML text; its `diagnostics` say what is wrong with it.

    Args:
        text: one YAML document.
        where: what messages call the source: a file or an override.
        numbered: whether messages name lines.
    """
    lines = tuple(text.splitlines()) if numbered else ()
    document = Document(None, Location(where, 1 if numbered else None), lines=lines)
    if len(text.encode()) > MAX_BYTES:
        message = f"{len(text.encode())} bytes are over the limit of {MAX_BYTES}"
        return replace(document, diagnostics=(Diagnostic(where, None, "", message),))
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.reader.ReaderError as error:
        place = Location(where, len(text[: error.position + 1].splitlines()) if numbered else None)
        message = f"not YAML: {explain_character(error.character)}"
        return replace(document, diagnostics=(document.diagnostic((), message, place),))
    except yaml.YAMLError as error:
        return replace(document, diagnostics=(_yaml_error(error, document),))
    reader = _Reader(text, where, numbered)
    tree = reader.read(node) if node else None
    document = replace(document, tree=None if reader.overfull else tree, locations=reader.locations)
    return replace(
        document, diagnostics=tuple(document.diagnostic(*error) for error in reader.errors)
    )


def to_yaml(tree: Any) -> str:
    """Returns plain data as YAML text, which `parse` and every other reader read alike.

    Lists are indented, and texts quoted that might be read as something else, such as `1e-4`.
    """
    tree = dict(tree) if isinstance(tree, Mapping) else tree
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=math.inf)


def _yaml_error(error: yaml.YAMLError, document: Document) -> Diagnostic:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    if mark is None or document.place.line is None:
        return Diagnostic(document.place.where, None, "", f"not YAML: {problem}")
    started = getattr(error, "context_mark", None)
    line, message = explain_yaml(problem, mark.line, started and started.line, document.lines)
    place = Location(document.place.where, line + 1)
    return document.diagnostic((), f"not YAML: {message}", place)


class _Loader(yaml.SafeLoader):
    """Composes nodes with our scalars, within the limits on depth and number."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  (PyYAML's own class attribute)
    _depth = 0
    _nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self._depth > MAX_DEPTH:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem=f"more than {MAX_DEPTH} levels", problem_mark=mark)
        self._nodes += 1
        if self._nodes > 2 * MAX_VALUES:  # a value and its key are a node each
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem=f"more than {MAX_VALUES} values", problem_mark=mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _Dumper(yaml.SafeDumper):
    """Writes YAML as a person would, without references."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    text = text.replace("${", "$${")
    style = None if _PLAIN.fullmatch(text) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


for _tag, (_pattern, _first) in _SCALARS.items():
    _firsts = ["" if letter == "\0" else letter for letter in _first]
    _Loader.add_implicit_resolver(_tag, re.compile(f"(?:{_pattern})$"), _firsts)


_Entry = tuple[Any, yaml.Node, yaml.Node]


class _Reader:
    """Turns nodes into plain data, recording places and errors."""

    def __init__(self, text: str, where: str, numbered: bool) -> None:
        self.locations: dict[KeyPath, Location] = {}
        self.errors: list[tuple[KeyPath, str, Location | None]] = []
        self._text, self._where, self._numbered = text, where, numbered
        self._values = 0
        self._anchors = Anchors()
        self.overfull = False

    def read(self, root: yaml.Node) -> Any:
        """Returns the data of a document."""
        return self._anchors.resolve(self._value(root, ()))

    def _value(self, node: yaml.Node, path: KeyPath) -> Any:
        self._values += 1
        if link := self._anchors.link(node, path):
            return link
        if self._values > MAX_VALUES or len(path) > MAX_DEPTH:
            limit = f"more than {MAX_VALUES} values or {MAX_DEPTH} levels, with aliases unfolded"
            if not self.overfull:
                self._note((), limit)
            self.overfull = True
            self._values = MAX_VALUES
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if not node.tag.startswith(_TAG) or "python" in node.tag:
            self._note(path, f"the tag {node.tag} is not supported; write plain data")
        if isinstance(node, yaml.SequenceNode):
            items = [(index, item, item) for index, item in enumerate(node.value)]
            return [*self._entries(items, path, node).values()]
        assert isinstance(node, yaml.MappingNode)
        return self._entries(self._keyed(node, path), path, node)

    def _entries(
        self, entries: list[_Entry], path: KeyPath, node: yaml.CollectionNode
    ) -> dict[Any, Any]:
        values: dict[Any, Any] = {}
        if node.flow_style:
            entries = self._rejoined(entries, path, node.end_mark.index)
        for key, label, item in entries:
            self.locations[*path, key] = self._place(label)
            values[key] = self._value(item, (*path, key))
        return values

    def _keyed(self, node: yaml.Node, path: KeyPath) -> list[_Entry]:
        entries: dict[str, _Entry] = {}
        for label, item in node.value:
            place = self._place(label)
            if not isinstance(label, yaml.ScalarNode):
                self._note(path, "a key must be one word, not a mapping or a list", place)
            elif label.value in entries:
                first = entries[label.value][1].start_mark.line + 1
                message = f"the key '{label.value}' appears twice, first in line {first}"
                self._note((*path, label.value), message, place)
            elif label.value == "<<" and label.style is None:
                self._note(path, "merge keys (<<) are not supported; write the keys out", place)
            else:
                entries[label.value] = (label.value, label, item)
        return [*entries.values()]

    def _rejoined(self, entries: list[_Entry], path: KeyPath, end: int) -> list[_Entry]:
        """Drops the pieces of expressions that YAML split at a comma, and reports each of them."""
        kept: list[_Entry] = []
        split = False
        for key, label, item in entries:
            if split:
                split = ")" not in label.value
            elif _is_open_expression(item):
                split = True
                text = self._text[item.start_mark.index : end]
                whole = text[: text.find(")") + 1] or f"{item.value}, ...)"
                rule = "inside {...} and [...] YAML splits a value at its commas"
                self.locations[*path, key] = self._place(label)
                self._note((*path, key), f'{rule}; put quotes round it: "{whole}"')
            else:
                kept.append((key, label, item))
        return kept

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Scalar:
        try:
            node = _with_environment(node)
            return _read_scalar(node.tag.removeprefix(_TAG), node.value)
        except ValueError as error:
            self._note(path, str(error))
            return None

    def _place(self, node: yaml.Node) -> Location:
        return Location(self._where, node.start_mark.line + 1 if self._numbered else None)

    def _note(self, path: KeyPath, message: str, place: Location | None = None) -> None:
        self.errors.append((path, message, place))


def _is_open_expression(node: yaml.Node) -> bool:
    plain = isinstance(node, yaml.ScalarNode) and node.style is None
    return plain and node.value.startswith("~") and node.value.count("(") > node.value.count(")")


def _with_environment(node: yaml.ScalarNode) -> yaml.ScalarNode:
    """Returns a scalar with its environment variables filled in; in quotes it stays text.

    Raises:
        ValueError: a variable is not set, or its name is not valid.
    """
    if "${" not in node.value:
        return node
    text = _VARIABLE.sub(_value_of, node.value).replace("$${", "${")
    loader = _Loader("")
    tag = node.tag if node.style else loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return yaml.ScalarNode(tag, text, node.start_mark, node.end_mark, node.style)


def _value_of(match: re.Match[str]) -> str:
    name = match[1].removeprefix("oc.env:").partition(",")[0].strip()
    if re.search(r"[^\w.]", name):
        raise ValueError(f"{match[0]} is not read: a study file has no resolvers; write the value")
    if "." in name:
        raise ValueError(f"{match[0]} is not supported; for another value write ~ref({name})")
    if name != match[1]:
        raise ValueError(
            f"{match[0]} is not supported; for an environment variable write ${{{name}}}"
        )
    if name not in os.environ:
        raise ValueError(
            f"the environment variable {name} is not set: export it, or write the value"
            f" (${match[0]} is the text {match[0]})"
        )
    return os.environ[name]


def _read_scalar(kind: str, text: str) -> Scalar:
    match kind:
        case "str":
            return text
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int" if len(text) <= _MAX_DIGITS:
            return int(text, 0 if text[:2] in ("0o", "0x") else 10)
        case "int":
            raise ValueError(f"a whole number of {len(text)} digits is too large")
        case "float" if text[-3:].lower() in ("inf", "nan"):
            return float(text.replace(".", ""))
        case "float" if math.isfinite(float(text)):
            return float(text)
        case "float":
            raise ValueError(f"{text} is too large for a number")
        case "!ambiguous":
            raise ValueError(
                f"some YAML readers take {text} for a boolean, some for text; "
                f'write true or false, or "{text}" in quotes'
            )
    raise ValueError(f"the tag {kind} is not supported; write plain data")
