"""Transfers a trial's files between machines that share no folder."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

CHUNK_BYTES = 1 << 18
# They only ever grow, so their new end is enough.
GROWING = ("events.jsonl", "output.txt", "events.out.tfevents")
UNFINISHED = (".tmp", ".keep", ".incoming")
NEVER_SENT = ("claim",)
LAST, PREVIOUS = "last", "previous"

Part = dict[str, Any]
Select = Callable[[str], bool]


def result_file(name: str) -> bool:
    """Returns whether a node sends this file to the coordinator, which keeps its own `previous`."""
    return not name.startswith(f"{PREVIOUS}.")


def needed_to_continue(name: str) -> bool:
    """Returns whether the next node needs this file to continue the trial."""
    return not name.startswith(("output.txt", "tensorboard/"))


@dataclass(frozen=True)
class _Version:
    inode: int
    changed: int
    size: int


class Outbound:
    """The files of a folder that the other end does not have yet.

    Args:
        folder: a trial's folder.
        select: which files are sent at all, by their path in the folder.
    """

    def __init__(self, folder: Path, select: Select) -> None:
        self._folder = folder
        self._select = select
        self._sent: dict[str, _Version] = {}

    def regard_as_sent(self) -> None:
        """Marks the current files as known to the other end."""
        self._sent.update((name, _version_of(self._folder / name)) for name in self._names())

    def parts(self) -> Iterator[Part]:
        """Yields what is new, in parts that `Inbound.take` reassembles."""
        by_inode: dict[int, str] = {}
        for name in self._names():
            try:
                version, before = _version_of(self._folder / name), self._sent.get(name)
            except FileNotFoundError:
                continue
            if version == before:
                continue
            self._sent[name] = version
            if version.inode in by_inode:
                yield {"name": name, "same_as": by_inode[version.inode]}
                continue
            by_inode[version.inode] = name
            grown = name.rpartition("/")[2].startswith(GROWING)
            start = before.size if grown and before and before.inode == version.inode else 0
            yield from _read(self._folder / name, name, start, version.size, grown)

    def _names(self) -> list[str]:
        paths = (path for path in self._folder.rglob("*") if path.is_file())
        names = (path.relative_to(self._folder).as_posix() for path in paths)
        return sorted(
            name
            for name in names
            if name not in NEVER_SENT and not name.endswith(UNFINISHED) and self._select(name)
        )


def _version_of(path: Path) -> _Version:
    stat = path.stat()
    return _Version(stat.st_ino, stat.st_mtime_ns, stat.st_size)


def _read(path: Path, name: str, start: int, end: int, grown: bool) -> Iterator[Part]:
    with path.open("rb") as file:
        file.seek(start)
        first = True
        while first or start < end:
            data = file.read(min(CHUNK_BYTES, end - start))
            start = start + len(data) if data else end
            how = "append" if grown else ("begin" if first else "more")
            first = False
            yield {"name": name, how: base64.b64encode(data).decode()}


@dataclass
class Inbound:
    """Incoming files of a trial's folder; `commit` puts them in place together.

    Until then the folder is unchanged, so that a node lost during a transfer leaves the files of
    the previous epoch.
    """

    folder: Path
    _appended: dict[str, bytearray] = field(default_factory=dict)
    _staged: list[str] = field(default_factory=list)
    _same: dict[str, str] = field(default_factory=dict)

    def take(self, part: Mapping[str, Any]) -> None:
        """Takes one part of a file.

        Raises:
            ValueError: the name leads out of the folder.
            OSError: the disk refuses it.
        """
        name = _inside(part["name"])
        if "same_as" in part:
            self._same[name] = _inside(part["same_as"])
        elif "append" in part:
            self._appended.setdefault(name, bytearray()).extend(base64.b64decode(part["append"]))
        elif "begin" in part:
            self._staged.append(name)
            self._write(name, "wb", part["begin"])
        else:
            self._write(name, "ab", part["more"])

    def commit(self) -> None:
        """Puts the received files in place.

        Raises:
            OSError: the disk refuses it.
        """
        # A report is there before the checkpoint of its epoch, as on the node.
        for name, data in self._appended.items():
            self._append(name, bytes(data))
        if f"{LAST}.ckpt" in (*self._staged, *self._same):
            self._keep_previous()
        for name, source in self._same.items():
            beside, staged = self._beside(name), self._beside(source)
            beside.parent.mkdir(parents=True, exist_ok=True)
            beside.unlink(missing_ok=True)
            _link(staged if staged.exists() else self.folder / source, beside)
        for name in (*self._same, *self._staged):
            self._beside(name).replace(self.folder / name)
        self._clear()

    def drop(self) -> None:
        """Discards what arrived since the last commit."""
        for name in (*self._same, *self._staged):
            self._beside(name).unlink(missing_ok=True)
        self._clear()

    def _clear(self) -> None:
        self._appended, self._staged, self._same = {}, [], {}

    def _beside(self, name: str) -> Path:
        path = self.folder / name
        return path.with_name(path.name + ".incoming")

    def _write(self, name: str, mode: str, data: str) -> None:
        path = self._beside(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(mode) as file:
            file.write(base64.b64decode(data))

    def _append(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(data)
            if name == "events.jsonl":
                # A report is on disk before it is decided on, here as on the node.
                file.flush()
                os.fsync(file.fileno())

    def _keep_previous(self) -> None:
        for suffix in ("ckpt", "json"):
            last, previous = (self.folder / f"{stem}.{suffix}" for stem in (LAST, PREVIOUS))
            if last.exists():
                beside = previous.with_name(previous.name + ".incoming")
                beside.unlink(missing_ok=True)
                _link(last, beside)
                beside.replace(previous)


def _inside(name: object) -> str:
    path = PurePosixPath(str(name))
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(f"{name!r} is not a path inside the trial's folder")
    return str(path)


def _link(source: Path, target: Path) -> None:
    """Makes `target` the same file as `source`, or a copy where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
