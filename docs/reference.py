"""Writes docs/cli.md and docs/api.md from the code: `make docs`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import griffe

from hpsearch.cli import app

DOCS = Path(__file__).parent
NOTE = "<!-- Written by docs/reference.py from the code; `make docs` rewrites it. -->\n"
CLI_INTRO = """\
Every command and option, as `--help` prints them. `hpsearch --install-completion` lets your shell
complete them with Tab.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | failed: a search without a result, an unsound study, or a bug, with its traceback |
| 2 | bad input: a study file, an option, data, a database, a disk |
| 130 | interrupted with Ctrl-C |
| 141 | the reader of the output closed it |
"""
API_INTRO = """\
What `import hpsearch` offers; [From Python](python.md) shows it at work. Everything else in the
package may change without notice.
"""


def cli_page() -> str:
    """Returns the page of the commands."""
    text = app.generate_docs("markdown").replace("```console", "```text")
    # What `python -m` runs, pytest for one, is taken for a part of the usage.
    text = re.sub(r"^(hpsearch \S+) -m \w+", r"\1", text, flags=re.MULTILINE)
    _, *commands = re.split(r"^(?=## hpsearch )", text, flags=re.MULTILINE)
    return "\n".join(["# Commands\n", NOTE, CLI_INTRO, *commands]).rstrip() + "\n"


def api_page() -> str:
    """Returns the page of the public names: functions, classes, errors, and the rest."""
    package = griffe.load("hpsearch", search_paths=[str(DOCS.parent)])
    parts = ["# Python interface\n", NOTE, API_INTRO]
    for name in sorted(map(str, package.exports or ()), key=lambda name: _rank(package[name])):
        parts += _entry(package[name], name, "##")
    return "\n".join(parts).rstrip() + "\n"


def _rank(found: griffe.Object | griffe.Alias) -> tuple[int, str]:
    kind = 0 if found.is_function else 1 if found.is_class else 3
    return (2 if found.name.endswith("Error") else kind), found.name.lower()


def _entry(found: griffe.Object | griffe.Alias, name: str, heading: str) -> Iterator[str]:
    target = found.final_target if isinstance(found, griffe.Alias) else found
    yield f"{heading} `{name}`\n"
    if isinstance(target, griffe.Function):
        yield f"```text\n{_signature(target).replace(target.name, name, 1)}\n```\n"
    if isinstance(target, griffe.Attribute) and target.annotation:
        yield f"```text\n{name}: {target.annotation}\n```\n"
    if isinstance(target, griffe.Class) and target.bases:
        yield f"Subclass of {', '.join(f'`{base}`' for base in target.bases)}.\n"
    yield from _docstring(target)
    if isinstance(target, griffe.Class):
        for member in _public(target):
            yield from _entry(member, f"{name}.{member.name}", "###")


def _signature(target: griffe.Function) -> str:
    """Returns the signature of a function; a default that is a named constant is its value."""
    for parameter in target.parameters:
        if isinstance(parameter.default, griffe.ExprName):
            constant = target.modules_collection[parameter.default.canonical_path]
            if constant.is_attribute:
                parameter.default = constant.value
    return target.signature()


def _public(cls: griffe.Class) -> Iterator[griffe.Object | griffe.Alias]:
    """Yields the methods and properties; plain attributes are in the docstring of the class."""
    for member in cls.members.values():
        if not member.name.startswith("_") and ("property" in member.labels or member.is_function):
            yield member


def _docstring(target: griffe.Object) -> Iterator[str]:
    for section in target.docstring.parse("google") if target.docstring else ():
        if section.kind is griffe.DocstringSectionKind.text:
            yield f"{section.value}\n"
            continue
        yield f"{section.kind.value.capitalize()}:\n"
        yield "".join(f"- {_item(item)}\n" for item in section.value)


def _item(item: griffe.DocstringElement) -> str:
    label = getattr(item, "name", "") or str(item.annotation or "")
    text = " ".join(item.description.split())
    return f"`{label}`: {text}" if label else text


PAGES = {"cli.md": cli_page, "api.md": api_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
        print(f"wrote docs/{name}", file=sys.stderr)
