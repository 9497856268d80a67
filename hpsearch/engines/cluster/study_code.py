"""The study's own modules, sent to the nodes as they were when the search began."""

from __future__ import annotations

import ast
import base64
import hashlib
import importlib.machinery
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LARGEST_BYTES = 1 << 20


@dataclass(frozen=True)
class StudyCode:
    """The files of a study's own modules.

    Attributes:
        files: their content in base64, by path relative to the folder they are imported from.
        digest: SHA-256 over paths and contents.
    """

    files: Mapping[str, str]
    digest: str

    @classmethod
    def of(cls, modules: Sequence[str], import_paths: Sequence[str]) -> StudyCode:
        """Returns the code of these modules and of the modules beside them that they import.

        A module that is not in `import_paths` is installed on the nodes, or missing there. From a
        package, every file of at most 1 MiB is sent.
        """
        files: dict[str, str] = {}
        wanted, seen = [name.partition(".")[0] for name in modules], set[str]()
        while wanted:
            root = wanted.pop()
            if root in seen or root == "hpsearch":
                continue
            seen.add(root)
            for folder in map(Path, import_paths):
                found = dict(_files_of(folder, root))
                if found:
                    files |= {name: base64.b64encode(data).decode() for name, data in found.items()}
                    wanted += [name for data in found.values() for name in _imports(data)]
                    break
        return cls(files, digest_of(files))

    def write(self, folder: Path) -> None:
        """Writes the files into a folder.

        Raises:
            OSError: the disk refuses it.
            ValueError: the content is not what was sent.
        """
        if digest_of(self.files) != self.digest:
            raise ValueError("the study's modules did not arrive as they were sent")
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b64decode(content))

    def others(self) -> list[str]:
        """Returns the files this machine has under the same module names, with other content."""
        found = []
        for name, content in self.files.items():
            root, _, rest = name.partition("/")
            place = _installed(root.removesuffix(".py"))
            path = place / rest if place is not None and rest else place
            if path is None or not path.is_file():
                continue
            if path.read_bytes() != base64.b64decode(content):
                found.append(str(path))
        return found


def digest_of(files: Mapping[str, str]) -> str:
    """Returns the SHA-256 of files by name, whatever their order."""
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(f"{name}\0{files[name]}\0".encode())
    return whole.hexdigest()


def _files_of(folder: Path, root: str) -> Iterator[tuple[str, bytes]]:
    """Yields the files of a module or package in this folder: path from the folder, and content."""
    package = folder / root
    if package.is_dir() and any(package.glob("*.py")):
        for path in sorted(package.rglob("*")):
            hidden = "__pycache__" in path.parts
            if path.is_file() and not hidden and path.stat().st_size <= LARGEST_BYTES:
                yield path.relative_to(folder).as_posix(), path.read_bytes()
    elif (folder / f"{root}.py").is_file():
        yield f"{root}.py", (folder / f"{root}.py").read_bytes()


def _imports(source: bytes) -> set[str]:
    """Returns the top-level names that a module imports; none if it is not Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return set()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.partition(".")[0])
    return found


def _installed(root: str) -> Path | None:
    """Returns where this machine would import a top-level module from: its file, or its folder."""
    spec = importlib.machinery.PathFinder.find_spec(root, sys.path)
    if spec is None or not spec.origin:
        return None
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin
