"""A node's greeting, and whether the search can use the node."""

from __future__ import annotations

import hashlib
import os
import platform
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from hpsearch.engines.slots import Slot

# A difference in one of these may give the same trial another curve.
COMPARED = ("torch", "pytorch-lightning", "torchvision")
PACKAGE = Path(__file__).parents[2]


@dataclass(frozen=True)
class Hello:
    """A node: its host, its slots, and what it runs trials with.

    Attributes:
        host: the machine's own name.
        pid: process id of the agent.
        slots: slots for trials, under the names of this machine.
        memory: bytes of main memory.
        versions: of Python, of the packages in `COMPARED`, and of hpsearch with a digest of its
            code, by name.
    """

    host: str
    pid: int
    slots: tuple[Slot, ...]
    memory: int
    versions: Mapping[str, str]

    @classmethod
    def of_this_machine(cls, slots: Sequence[Slot]) -> Hello:
        """Returns the greeting of this machine."""
        memory = psutil.virtual_memory().total
        return cls(socket.gethostname(), os.getpid(), tuple(slots), memory, versions())

    def to_message(self) -> dict[str, Any]:
        """Returns it as plain data."""
        return asdict(self)

    @classmethod
    def from_message(cls, fields: Mapping[str, Any]) -> Hello:
        """Returns what `to_message` wrote.

        Raises:
            ValueError: it is not such a message.
        """
        try:
            slots = tuple(Slot(**slot) for slot in fields["slots"])
            return cls(**{**fields, "slots": slots})
        except (KeyError, TypeError) as error:
            raise ValueError(f"not an agent's greeting: {error}") from error


@cache
def versions() -> dict[str, str]:
    """Returns the versions that must be equal on all machines of a search.

    Builds of one version for other devices (`2.9.0+cpu`, `2.9.0+cu128`) count as equal.
    """
    found = {"Python": ".".join(platform.python_version_tuple()[:2])}
    for name in COMPARED:
        try:
            found[name] = version(name).partition("+")[0]
        except PackageNotFoundError:
            found[name] = "missing"
    found["hpsearch"] = f"{version('hpsearch')} (code {_digest()})"
    return found


def differences(theirs: Mapping[str, str]) -> str:
    """Describes how a node's versions differ from those here; empty if they do not."""
    ours = versions()
    unlike = [
        f"{name} {theirs.get(name, 'missing')} where the coordinator has {ours[name]}"
        for name in ours
        if theirs.get(name, "missing") != ours[name]
    ]
    return f"{', '.join(unlike)}; install the same there" if unlike else ""


def _digest() -> str:
    """Returns a short SHA-256 of this package's modules."""
    whole = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        whole.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()[:12]
