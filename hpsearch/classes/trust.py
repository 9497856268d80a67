"""Whose code a study would run, found by name and inspected on disk without importing anything.

A study file names classes, and importing a class runs its file. Code that only the user and root
could have written is trusted, and so is whatever is installed with this Python. Code that others
own or may write to runs only with the user's permission.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpsearch.classes.components import importing_from
from hpsearch.classes.permissions import bytecode_reason, folder_reason, untrusted_reason
from hpsearch.classes.source import (
    find_files,
    find_modules,
    find_places,
    imported_names,
    is_installed,
    walk_modules,
)
from hpsearch.errors import InputError
from hpsearch.studyfile.sections import texts_of

_LONGEST = 200


@dataclass(frozen=True)
class Code:
    """Code that a study would run.

    Attributes:
        name: the class path that leads to it, or the module's own name.
        file: where it is; None if not found, so that nothing would be imported.
        reason: why others could have written it; empty if they could not.
    """

    name: str
    file: Path | None
    reason: str = ""

    def __str__(self) -> str:
        place = "not found" if self.file is None else _printable(str(self.file))
        name = _printable(self.name[:_LONGEST])
        return f"{name}: {place}" + (f" ({self.reason})" if self.reason else "")


def require_trust(
    source: Path | None, tree: Any, import_paths: Sequence[str], *, trusted: bool
) -> tuple[str, ...]:
    """Returns a line for each piece of code that others could have written, ready to print.

    If others could have written the study itself, every class it names counts.

    Args:
        source: the study file, or the database file that holds the study; None for a server.
        tree: the study as data, expressions as text.
        import_paths: folders with the study's own classes.
        trusted: whether the user allows the code to run.

    Raises:
        InputError: there is such code and the user has not allowed it; nothing was imported.
    """
    reason = untrusted_reason(source) if source is not None else ""
    named = find_code(tree, import_paths)
    suspects = [*(named if reason else (code for code in named if code.reason))]
    own = [code.file.parent for code in named if code.file and not is_installed(code.file)]
    folders = dict.fromkeys([*import_paths, *map(str, own)])
    suspects += find_shadowing_modules(folders, {code.file for code in suspects})
    if not reason and not suspects:
        return ()
    head = "others could have written code of this study"
    if reason:
        head = f"{_printable(str(source))}: {reason}"
    lines = (f"{head}; this would be imported:", *(f"  {code}" for code in suspects))
    if not trusted:
        advice = "Nothing was imported. Read it, and if you trust it add --trust to the command"
        raise InputError("\n".join([*lines, advice]))
    return lines


def find_code(tree: Any, import_paths: Sequence[str]) -> tuple[Code, ...]:
    """Returns the code of every class that a study names, each once, in file order."""
    with importing_from(import_paths):
        paths = (
            text
            for _, text, names_class in texts_of(tree)
            if "." in text and (names_class or _leads_to_code(text))
        )
        return tuple(map(_code_of, dict.fromkeys(paths)))


def find_shadowing_modules(
    folders: Iterable[str], known: Collection[Path | None]
) -> Iterator[Code]:
    """Yields the folders and modules beside a study's classes that others could have written.

    The classes may import them, including the packages and folders inside. These folders are
    searched first, so a `numpy.py` there would be imported in numpy's place.
    """
    seen = set(known)
    for folder in folders:
        if Path(folder).is_dir() and (reason := folder_reason(Path(folder))):
            yield Code("every module here", Path(folder), reason)
            continue
        for name, file in walk_modules(folder):
            if file in seen or is_installed(file):
                continue
            seen.add(file)
            if reason := _reason_of(file):
                yield Code(name, file, reason)


class OwnModules:
    """The names of top-level modules that are the user's own: found, but not installed.

    They are searched on Python's path, so the study's folders must be on it.
    """

    def __contains__(self, name: object) -> bool:
        """Returns whether a module of this name is the user's own; imports nothing."""
        if name == "__main__":
            return True
        return isinstance(name, str) and name not in sys.stdlib_module_names and _is_own(name)


def walk_own(paths: Iterable[str], own: Container[str]) -> Iterator[tuple[str, Path]]:
    """Yields the user's own modules on dotted paths, and those that they import, with their files.

    Args:
        paths: where the walk begins.
        own: the top-level modules that are the user's, such as `OwnModules()`.
    """
    queue, seen = deque(paths), set[str]()
    while queue:
        path = queue.popleft()
        if path.partition(".")[0] not in own:
            continue
        for name, file in find_modules(path):
            if name not in seen:
                seen.add(name)
                yield name, file
                queue.extend(imported_names(name, file))


def _is_own(name: str) -> bool:
    places = find_places(name)
    return bool(places) and not any(map(is_installed, places))


def _reason_of(file: Path) -> str:
    return untrusted_reason(file) or bytecode_reason(file)


def _code_of(class_path: str) -> Code:
    files = find_files(class_path.rpartition(".")[0])
    own = (file for file in files if not is_installed(file))
    found = next(((file, reason) for file in own if (reason := _reason_of(file))), None)
    if found is not None:
        return Code(class_path, *found)
    return Code(class_path, files[-1] if files else None)


def _leads_to_code(text: str) -> bool:
    """Returns whether a text is the path of a module's member: an argument may be a function."""
    return all(map(str.isidentifier, text.split("."))) and bool(find_files(text.rpartition(".")[0]))


def _printable(name: str) -> str:
    """Keeps a hostile name from controlling the terminal that shows it."""
    return name if name.isprintable() else repr(name)
