"""The plan of the house: who may import whom, what a room's face is, how large a room may be."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from private_names import defined_names, private_names

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "hpsearch"
FILES = sorted(PACKAGE.rglob("*.py"))

# Each room may import from itself and from the rooms named here, and from no other.
MAY_IMPORT = {
    "errors": set(),
    "internals": set(),
    "protocol": {"errors"},
    "studyfile": {"protocol", "errors"},
    "classes": {"studyfile", "protocol", "errors", "internals"},
    "engines": {"protocol", "errors"},
    "search": {"classes", "studyfile", "engines", "protocol", "errors", "internals"},
    "measure": {"search", "classes", "studyfile", "engines", "protocol", "errors"},
    "views": {
        *("measure", "search", "classes", "studyfile"),
        *("engines", "protocol", "errors", "internals"),
    },
    "commands": {
        *("study", "result", "views", "measure", "search", "classes", "studyfile"),
        *("engines", "protocol", "errors"),
    },
    "result": {"views", "measure", "search", "studyfile", "protocol", "errors"},
    "study": {
        "result",
        "views",
        "measure",
        "search",
        "classes",
        "engines",
        "studyfile",
        "protocol",
        "errors",
    },
    "cli": {"commands"},
    "models": {"errors"},
    "data": {"errors"},
    "trial": {"models", "data", "classes", "studyfile", "protocol", "errors", "internals"},
}
# The same for the inner rooms of a room; "" stands for the files directly in it.
INNER = {
    "search": {
        "rungs": {"samplers"},
        "pruners": set(),
        "samplers": set(),
        "store": {"rungs", "pruners", "samplers"},
        "coordinator": {"store"},
        "fsck": {"store"},
        "": {"store", "coordinator"},
        "confirm": {"", "coordinator", "store"},
    },
    "studyfile": {"": {"slips"}, "slips": set()},
    "views": {
        "": set(),
        "tables": {""},
        "check": {""},
        "live": {"", "tables"},
        "report": {"", "tables", "check"},
        "dashboard": {"", "report"},
    },
    "trial": {
        "": {"loggers", "saving", "speedups", "inference"},
        "inference": set(),
        "loggers": set(),
        "saving": set(),
        "speedups": set(),
        "export": {"", "saving", "inference"},
        "ensemble": {"", "saving", "export", "inference"},
        "probes": {"", "saving", "speedups", "inference"},
    },
}
# What else would read and write in the encoding of the locale.
TEXT = {"read_text", "write_text", "fdopen"}
WITHOUT_TORCH = set(MAY_IMPORT) - {"trial", "models", "data"}
# The private names of other libraries, a file for each; Lightning's is also torch's.
INTERNALS = PACKAGE / "internals"
LIBRARIES = {"optuna.py": "optuna", "lightning.py": "torch", "jsonargparse.py": "jsonargparse"}
OF_TORCH = "hpsearch.internals.lightning"
HEAVY = {"torch", "torchvision", "pytorch_lightning", "lightning"}
# Modules that are loaded by name: what they load is the study's own, or the other wing.
LOADS_BY_NAME = {"engines/bridge.py", "classes/components.py"}
# The face of the package loads its names when they are first used.
FACE = "__init__.py"
# The names of the store's facts are many; they are imported from the module that lists them.
FACES_BESIDE_INIT = {"hpsearch.search.store.keys"}
MOST_FILES = 20
RUN_SOMETHING = {
    *("hpsearch.engines.bridge", "hpsearch.engines.subprocess_call", "hpsearch.measure.probes"),
    *("subprocess", "multiprocessing"),
}


def parts_of(file: Path) -> tuple[str, str]:
    """The room of a file, and its inner room; "" where it lies directly in the room."""
    parts = file.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py"), parts[1] if len(parts) > 2 else ""


@cache
def imported_by(file: Path) -> list[tuple[str, str]]:
    """Every module that a file imports from, with the imported name."""
    return [*_imported_by(file)]


def _imported_by(file: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import; name the whole path"
            yield from ((node.module or "", alias.name) for alias in node.names)


def place_of(module: str, name: str) -> tuple[str, str]:
    """The room and inner room that an import of hpsearch leads to."""
    path = module.split(".")[1:] or [name]
    is_inner = len(path) > 1 and (PACKAGE / path[0] / path[1]).is_dir()
    if len(path) == 1 and (PACKAGE / path[0] / name).is_dir():
        return path[0], name
    return path[0], path[1] if is_inner else ""


def of_hpsearch(file: Path) -> Iterator[tuple[str, str, str, str]]:
    for module, name in imported_by(file):
        if module == "hpsearch" or module.startswith("hpsearch."):
            yield module, name, *place_of(module, name)


@cache
def defined_by_us() -> set[str]:
    texts = [file.read_text(encoding="utf-8") for file in FILES if file.parent != INTERNALS]
    return {name for text in texts for name in defined_names(text)}


@cache
def theirs() -> set[str]:
    texts = [file.read_text(encoding="utf-8") for file in INTERNALS.glob("*.py")]
    return {name for text in texts for name in private_names(text)}


def of_each(files: list[Path]) -> Callable[[Callable[[Path], None]], Callable[[], None]]:
    """Makes a rule on a file a test of all these files, which names each that breaks it."""

    def make(rule: Callable[[Path], None]) -> Callable[[], None]:
        def test() -> None:
            faults = []
            for file in files:
                try:
                    rule(file)
                except AssertionError as fault:
                    faults.append(f"{file.relative_to(ROOT)}: {fault}")
            assert not faults, "\n".join(faults)

        assert files
        test.__doc__ = rule.__doc__
        return test

    return make


def test_the_walk_finds_the_house() -> None:
    assert len(FILES) > 40
    rooms = {parts_of(file)[0] for file in FILES} - {"__init__", "__main__"}
    assert rooms == set(MAY_IMPORT), "a new room needs its place in the plan"


@of_each(FILES)
def test_rooms_import_downwards_only(file: Path) -> None:
    room, _ = parts_of(file)
    rooms = {target for _, _, target, _ in of_hpsearch(file)} & set(MAY_IMPORT)
    allowed = MAY_IMPORT.get(room, set(MAY_IMPORT)) | {room}
    assert rooms <= allowed, f"{room} may import {sorted(allowed)}, not {sorted(rooms - allowed)}"


@of_each([file for file in FILES if parts_of(file)[0] in INNER and file.name != "__init__.py"])
def test_inner_rooms_import_downwards_only(file: Path) -> None:
    room, inner = parts_of(file)
    targets = {where for _, _, target, where in of_hpsearch(file) if target == room}
    allowed = INNER[room][inner] | {inner}
    assert targets <= allowed, f"{room}/{inner} may not import {sorted(targets - allowed)}"


def test_no_files_import_each_other_in_a_circle() -> None:
    """Nor inside a function, nor for a type: what two files need lies below both."""
    file_of = {".".join(file.relative_to(ROOT).with_suffix("").parts): file for file in FILES}
    TopologicalSorter(
        {
            name: {
                target
                for module, imported in imported_by(file)
                for target in (module, f"{module}.{imported}")
                if target in file_of
            }
            for name, file in file_of.items()
        }
    ).prepare()


@of_each(FILES)
def test_from_outside_only_the_face_of_an_inner_room_is_imported(file: Path) -> None:
    for module, name, room, inner in of_hpsearch(file):
        if not inner or room == "trial" or parts_of(file) == (room, inner):
            continue
        face = f"hpsearch.{room}.{inner}"
        assert module in {face, f"hpsearch.{room}", *FACES_BESIDE_INIT}, (
            f"import {name} from {face}, not from {module}"
        )


@of_each([file for file in FILES if parts_of(file)[0] in WITHOUT_TORCH])
def test_the_deciding_wing_imports_no_torch(file: Path) -> None:
    imported = {module for module, _ in imported_by(file)}
    assert OF_TORCH not in imported
    assert (
        file == INTERNALS / "lightning.py" or not {name.split(".")[0] for name in imported} & HEAVY
    )


@of_each([file for file in FILES if file.parent != INTERNALS])
def test_private_names_of_other_libraries_stay_in_the_room_for_them(file: Path) -> None:
    found = private_names(file.read_text(encoding="utf-8")) - (defined_by_us() - theirs())
    assert not found, f"{sorted(found)}: give it a name of ours in {INTERNALS.name}/, and a test"


def test_a_file_for_private_names_is_of_one_library() -> None:
    files = {file.name: file for file in INTERNALS.glob("[!_]*.py")}
    assert set(files) == set(LIBRARIES)
    for name, library in LIBRARIES.items():
        imported = {module.partition(".")[0] for module, _ in imported_by(files[name])}
        assert imported & set(LIBRARIES.values()) == {library}


def test_the_rule_on_private_names_sees_each_way_to_write_one() -> None:
    seen = private_names(
        "from optuna._transform import Scale\n"
        "from optuna.study import _x\n"
        "import torch._inductor\n"
        "class Sampler(TPESampler):\n"
        "    def _mine(self):\n"
        "        self._own = os._exit\n"
        "        return self._mine, self._own, self._rng, study._id, getattr(study, '_backend')\n"
    )
    assert seen == {"Scale", "_x", "torch._inductor", "_rng", "_id", "_backend"}


@of_each([file for file in FILES if parts_of(file)[0] == "views"])
def test_views_run_nothing(file: Path) -> None:
    """They are given results: no view calls into the training wing, or starts a process for it."""
    runs = {
        "hpsearch.engines.bridge",
        "hpsearch.engines.subprocess_call",
        "hpsearch.measure.probes",
    }
    imported = {module for module, _ in imported_by(file)}
    assert not imported & (runs | {"subprocess", "multiprocessing"})


def test_only_two_modules_import_by_name() -> None:
    users = {
        str(file.relative_to(PACKAGE))
        for file in FILES
        if "import_module" in file.read_text()
        and parts_of(file)[0] != "trial"
        and file != PACKAGE / FACE
    }
    assert users == LOADS_BY_NAME


@of_each(FILES)
def test_files_and_functions_stay_small(file: Path) -> None:
    text = file.read_text()
    assert len(text.splitlines()) <= 300, "more than one thing in one file?"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 50, f"{node.name} is {length} lines long"


@pytest.mark.parametrize("room", sorted({file.parent for file in FILES}), ids=str)
def test_no_room_is_a_hall(room: Path) -> None:
    flat = [file for file in room.glob("*.py") if file.name != "__init__.py"]
    assert len(flat) <= MOST_FILES, f"{room.name} holds {len(flat)} files flat: add inner rooms"


@of_each(FILES)
def test_text_is_utf8_in_every_locale(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in TEXT:
            given = {keyword.arg for keyword in node.keywords}
            assert "encoding" in given, f'line {node.lineno}: encoding="utf-8"'


@cache
def defined_in(module: str) -> set[str]:
    """Returns the names that a module of hpsearch has, and those of the modules in it."""
    file = ROOT / f"{module.replace('.', '/')}.py"
    inside = file.with_suffix("")
    names = {path.stem for path in inside.glob("*")} if inside.is_dir() else set()
    tree = ast.parse((inside / "__init__.py" if inside.is_dir() else file).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


OUTSIDE = [
    file
    for folder in ("benchmarks", "docs", "examples", "tests")
    for file in sorted((ROOT / folder).rglob("*.py"))
    if ".venv" not in file.parts
]


def test_make_faults_runs_all_that_the_short_round_cuts() -> None:
    recipe = (ROOT / "Makefile").read_text().partition("\nfaults:")[2].partition("\n\n")[0]
    run = [ROOT / word for word in recipe.split() if word.startswith("tests/")]
    assert all(place.exists() for place in run)
    cut = {
        file
        for file in OUTSIDE
        for module, name in imported_by(file)
        if (module, name) == ("fault_score", "FULL") and file.name.startswith("test_")
    }
    assert len(cut) > 10
    assert not {file for file in cut if not any(map(file.is_relative_to, run))}


@of_each(OUTSIDE)
def test_what_is_imported_from_outside_exists(file: Path) -> None:
    """Some of it, such as that of the benchmarks, no other test imports."""
    for module, name in imported_by(file):
        if module.partition(".")[0] == "hpsearch" and name:
            assert name in defined_in(module), f"{module} has no {name}"
