"""The house rules: who may import whom, and how large a room may be."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "hpsearch"
FILES = sorted(PACKAGE.rglob("*.py"))

# Each room may import from itself and from the rooms named here, and from no other.
MAY_IMPORT = {
    "cli": {"commands", "views", "search", "engines", "spec"},
    "study": {"commands", "result", "views", "search", "engines", "spec"},
    "result": {"search", "spec"},
    "commands": {"views", "search", "engines", "spec"},
    "views": {"search", "engines", "spec"},
    "search": {"engines", "spec"},
    "engines": {"spec"},
    "spec": set(),
    "trial": {"models", "data", "spec"},
    "models": set(),
    "data": set(),
}
WITHOUT_TORCH = ("cli", "commands", "views", "search", "engines", "spec")
HEAVY = {"torch", "torchvision", "pytorch_lightning", "lightning"}
# Modules that are loaded by name: what they load is the study's own, or the other wing.
DOORS = {"engines/door.py", "spec/components.py"}


def room_of(file: Path) -> str:
    parts = file.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py")


def imports_of(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import; name the whole path"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_the_walk_finds_the_house() -> None:
    assert len(FILES) > 40
    assert {room_of(file) for file in FILES} >= set(MAY_IMPORT)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_rooms_import_downwards_only(file: Path) -> None:
    room = room_of(file)
    rooms = {name.split(".")[1] for name in imports_of(file) if name.startswith("hpsearch.")}
    rooms &= set(MAY_IMPORT)
    allowed = MAY_IMPORT.get(room, set(MAY_IMPORT)) | {room}
    assert rooms <= allowed, f"{room} may import {sorted(allowed)}, not {sorted(rooms - allowed)}"


@pytest.mark.parametrize(
    "file",
    [file for file in FILES if room_of(file) in WITHOUT_TORCH],
    ids=lambda file: str(file.relative_to(PACKAGE)),
)
def test_the_deciding_wing_imports_no_torch(file: Path) -> None:
    assert not {name.split(".")[0] for name in imports_of(file)} & HEAVY


def test_only_the_doors_import_by_name() -> None:
    users = {
        str(file.relative_to(PACKAGE))
        for file in FILES
        if "import_module" in file.read_text() and room_of(file) != "trial"
    }
    assert users == DOORS


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_files_and_functions_stay_small(file: Path) -> None:
    text = file.read_text()
    assert len(text.splitlines()) <= 300, "more than one thing in one file?"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 50, f"{node.name} is {length} lines long"
