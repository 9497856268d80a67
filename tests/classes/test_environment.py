"""What counts as other code, and what does not: comments, layout and docstrings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpsearch.classes.environment import Environment, environment_from, find_environment

TREE = {
    "study": {"name": "small"},
    "model": {"class_path": "~choice(originnet.Net, originnet.Deep)"},
    "data": {"class_path": "originlib.data.Pictures"},
    "optimizer": {"class_path": "torch.optim.Adam"},
}
NET = '''\
"""A network."""
import torch
from originlib import layers
from originlib.data import Pictures

WIDTH = 8


class Net(torch.nn.Module):
    """Of two layers."""

    def forward(self, x):
        # Twice.
        return layers.double(x) + WIDTH
'''
LAYERS = """\
from . import maths


def double(x, *, by=2):
    return maths.times(x, by)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    library = tmp_path / "originlib"
    library.mkdir()
    (tmp_path / "originnet.py").write_text(NET)
    (library / "__init__.py").write_text("")
    (library / "layers.py").write_text(LAYERS)
    (library / "maths.py").write_text("def times(x, by):\n    return x * by\n")
    (library / "data.py").write_text("class Pictures:\n    size = 28\n")
    (library / "unused.py").write_text("print('never')\n")
    (tmp_path / "other.py").write_text("x = 1\n")
    return tmp_path


def environment(folder: Path, tree: Any = TREE) -> Environment:
    return find_environment(tree, [str(folder)])


def test_own_modules_count_with_all_that_they_import_of_each_other(folder: Path) -> None:
    found = environment(folder)
    known = {"originlib", "originlib.data", "originlib.layers", "originlib.maths", "originnet"}
    assert set(found.modules) == known
    assert {"python", "torch", "hpsearch", "optuna"} <= set(found.versions)
    assert not [text for text in found.versions.values() if "+" in text]
    assert environment_from(found.to_data()) == found


UNCHANGED = [
    ("originnet.py", "# Twice.", "# Three times, and why not."),
    ("originnet.py", "        # Twice.\n", ""),
    ("originnet.py", '"""A network."""', '"""Quite another network."""'),
    ("originnet.py", '    """Of two layers."""\n\n', "    # no docstring\n"),
    ("originnet.py", "WIDTH = 8", "WIDTH = (\n    8\n)"),
    ("originnet.py", "\n\n\nclass", "\nclass"),
    ("originnet.py", "layers.double(x) + WIDTH", "(layers.double( x ))+WIDTH  # sum"),
    ("originnet.py", "torch.nn.Module", "(torch.nn.Module)"),
    ("originlib/layers.py", "by=2):", "by=2,):"),
    ("originlib/layers.py", "by=2", "by=0x2"),
    ("originlib/layers.py", "from . import maths", "from . import (maths)"),
    ("originlib/layers.py", "    return", "\n\n    return"),
    ("originlib/layers.py", "\n", "\r\n"),
    ("originlib/maths.py", "return x * by", "return (x * by)"),
    ("originlib/maths.py", "    return", "\treturn"),
    ("originlib/maths.py", "def times", "# multiplies\ndef times"),
    ("originlib/data.py", "size = 28", "size = 2_8"),
    ("originlib/data.py", "    size", "  size"),
    ("originlib/unused.py", "never", "ever"),
    ("other.py", "1", "2"),
]
CHANGED = [
    ("originnet.py", "WIDTH = 8", "WIDTH = 9"),
    ("originnet.py", "+ WIDTH", "- WIDTH"),
    ("originnet.py", "double(x)", "double(x, by=3)"),
    ("originnet.py", "(torch.nn.Module)", "(torch.nn.Identity)"),
    ("originnet.py", "def forward", "def extra(self): ...\n    def forward"),
    ("originnet.py", "# Twice.", "x = x.relu()"),
    ("originnet.py", "WIDTH = 8", "WIDTH = 8.0"),
    ("originnet.py", "WIDTH = 8", "WIDTH = '8'"),
    ("originlib/__init__.py", "", "import torch\n"),
    ("originlib/layers.py", "by=2", "by=3"),
    ("originlib/layers.py", "*, by", "by"),
    ("originlib/layers.py", "maths.times(x, by)", "maths.times(by, x)"),
    ("originlib/layers.py", "def double", "@staticmethod\ndef double"),
    ("originlib/layers.py", "return maths", "yield maths"),
    ("originlib/maths.py", "x * by", "x + by"),
    ("originlib/maths.py", "x * by", "x ** by"),
    ("originlib/maths.py", "return", "if by: return"),
    ("originlib/maths.py", "(x, by)", "(x, by=2)"),
    ("originlib/data.py", "28", "32"),
    ("originlib/data.py", "size = 28", "size: int = 28"),
]


def edit(folder: Path, name: str, before: str, after: str) -> None:
    text = (folder / name).read_text()
    assert before in text
    (folder / name).write_text(text.replace(before, after, 1) if before else after, newline="")


@pytest.mark.parametrize(("name", "before", "after"), UNCHANGED)
def test_comments_layout_and_docstrings_do_not_count(
    folder: Path, name: str, before: str, after: str
) -> None:
    first = environment(folder)
    edit(folder, name, before, after)
    assert environment(folder).differences(first) == ()


@pytest.mark.parametrize(("name", "before", "after"), CHANGED)
def test_other_code_is_named_by_its_module(
    folder: Path, name: str, before: str, after: str
) -> None:
    first = environment(folder)
    edit(folder, name, before, after)
    module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    assert environment(folder).differences(first) == (f"the module {module} has changed",)


def test_there_are_twenty_of_each() -> None:
    assert (len(UNCHANGED), len(CHANGED)) == (20, 20)


def test_modules_that_come_and_go_and_other_versions_are_named(folder: Path) -> None:
    first = environment(folder)
    edit(folder, "originnet.py", "import torch\n", "import torch\nimport other\n")
    edit(folder, "originlib/layers.py", "from . import maths", "maths = None")
    now = replace(environment(folder), versions={**first.versions, "torch": "9.0"})
    assert now.differences(first) == (
        "the module originlib.layers has changed",
        "the module originlib.maths is gone",
        "the module originnet has changed",
        "the module other is new",
        f"torch is 9.0, and was {first.versions['torch']}",
    )


def test_a_study_that_moves_with_its_modules_is_the_same(folder: Path) -> None:
    first = environment(folder)
    moved = folder.rename(folder.with_name("elsewhere"))
    assert environment(moved).differences(first) == ()


def test_what_cannot_be_parsed_counts_as_it_is(folder: Path) -> None:
    (folder / "originnet.py").write_text("class Net(:\n")
    first = environment(folder)
    (folder / "originnet.py").write_text("class Net(:  # odd\n")
    assert environment(folder).differences(first) == ("the module originnet has changed",)
