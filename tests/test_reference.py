"""The pages about the code agree with it: commands, public names, words, where to add what."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

import hpsearch
from hpsearch.cli import app, main

ROOT = Path(__file__).parent.parent
DOCS, PACKAGE = ROOT / "docs", ROOT / "hpsearch"


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["cli.md", "api.md"])
def test_the_page_is_that_of_the_code(reference: ModuleType, name: str) -> None:
    written = (DOCS / name).read_text(encoding="utf-8")
    assert written == reference.PAGES[name](), "the code has changed: make docs"


def test_the_pages_name_every_command_and_every_public_name() -> None:
    commands, names = (DOCS / "cli.md").read_text(), (DOCS / "api.md").read_text()
    for command in app:
        assert command.startswith("-") or f"## hpsearch {command}\n" in commands
    for name in hpsearch.__all__:
        assert f"## `{name}`\n" in names


def test_completion_is_written_where_the_shell_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["--install-completion", "--shell", "bash"]) == 0
    printed = capsys.readouterr().out
    script = tmp_path / ".local/share/bash-completion/completions/hpsearch"
    assert str(script) in printed
    assert "--per-device" in script.read_text()
    assert str(script) in (tmp_path / ".bashrc").read_text()


TERMS = re.findall(
    r"^\| \*\*(.+?)\*\* \| .+ \| `([\w/]+\.py)(?::(\w+))?` \|$",
    (DOCS / "glossary.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


def test_the_glossary_is_in_order() -> None:
    terms = [term.lower() for term, _, _ in TERMS]
    assert terms == sorted(set(terms))
    assert len(terms) == (DOCS / "glossary.md").read_text(encoding="utf-8").count("| **")


@pytest.mark.parametrize(("term", "file", "name"), TERMS, ids=[term for term, *_ in TERMS])
def test_a_term_is_where_the_glossary_says(term: str, file: str, name: str) -> None:
    text = (PACKAGE / file).read_text(encoding="utf-8")
    defined = {
        name
        for node in ast.parse(text).body
        for name in [getattr(node, "name", None), *map(ast.unparse, getattr(node, "targets", []))]
    }
    assert not name or name in defined


FILES = [
    pytest.param(page, file, id=f"{page.name}: {file}")
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md")))
    for file in sorted(
        set(re.findall(r"`((?:[\w-]+/)+[\w-]+\.(?:py|md|yaml|jsonl))`", page.read_text()))
    )
]


@pytest.mark.parametrize(("page", "file"), FILES)
def test_files_that_a_page_names_exist(page: Path, file: str) -> None:
    """As seen from the project's folder or, for the code, from the package's."""
    assert (ROOT / file).exists() or (PACKAGE / file).exists()
