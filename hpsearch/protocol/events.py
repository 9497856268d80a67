"""A trial's record of its reports: on disk before the coordinator has them, provably its own.

Each attempt begins with an owner line: study, trial, parameters, seed and the attempt's token. Each
line carries a digest of its owner and the hash of the line before it. So each line shows whose it
is, and the lines together show whether one is missing. Files of earlier versions have neither and
can still be read.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpsearch.protocol.job import Identity
from hpsearch.protocol.messages import Ended, Report, from_line, to_line
from hpsearch.protocol.types import Direction, sign_of

OWNER = "Owner"
_TAIL = 1 << 20  # bytes: far more than the longest line
_SEAL = re.compile(r'(.*), "crc32": "([0-9a-f]{8})"}')
_CHAIN = re.compile(r'(.*), "of": "([0-9a-f]{16})", "after": "([0-9a-f]{16}|)"}')


@dataclass(frozen=True)
class Record:
    """The contents of a trial's file.

    Attributes:
        events: reports and ends, in the order they were written, without those of other owners.
        owners: each identity that wrote to it, in order, with the token of its `attempt`.
        proved: whether a line carries the requested identity.
        damaged: lines that are not what was written.
        foreign: lines of another owner.
        missing: how often the line before is gone or has changed.
    """

    events: tuple[Report | Ended, ...] = ()
    owners: tuple[Mapping[str, Any], ...] = ()
    proved: bool = False
    damaged: int = 0
    foreign: int = 0
    missing: int = 0

    @property
    def reports(self) -> list[Report]:
        """The reports alone; a repeated epoch occurs twice."""
        return [event for event in self.events if isinstance(event, Report)]

    @property
    def ended(self) -> Ended | None:
        """How the trial ended; None if it has not."""
        return next((e for e in reversed(self.events) if isinstance(e, Ended)), None)


class EventLog:
    """The file `events.jsonl` of a trial: its owners, its reports and its end, one line each.

    The coordinator replays it after its own death, so that nothing reported is lost.

    Args:
        path: the file.
        identity: whose record it is; None if that does not matter.
        attempt: identifies this start of the trial.
    """

    def __init__(self, path: Path, identity: Identity | None = None, attempt: str = "") -> None:
        self._path = path
        self._identity = identity
        self._attempt = attempt
        self._begun = identity is None
        self.reports = read_record(path, identity).reports

    def append(self, event: Report | Ended) -> None:
        """Writes the event and waits until it is on disk."""
        self.begin()
        self._write(to_line(event))
        if isinstance(event, Report):
            self.reports.append(event)

    def begin(self) -> None:
        """Writes the owner line of this attempt, if it is missing."""
        if not self._begun and self._identity is not None:
            owner = {"kind": OWNER, **self._identity, "attempt": self._attempt}
            self._write(json.dumps(owner))
            self._begun = True

    def drop_after(self, epoch: int) -> None:
        """Removes reports of epochs that will be trained again."""
        self.reports = [report for report in self.reports if report.step <= epoch]

    def best(self, metric: str, direction: Direction) -> Report | None:
        """Returns the first report with the best value of `metric`, or None before any report."""
        return best_report(self.reports, metric, direction)

    def _write(self, text: str) -> None:
        last, whole = _last_line(self._path)
        if self._identity is not None:
            after = _hash(last) if last else ""
            text = f'{text[:-1]}, "of": "{digest_of(self._identity)}", "after": "{after}"}}'
        with self._path.open("ab") as file:
            # A line torn by a kill must not swallow this one.
            file.write(b"\n" * (not whole) + _sealed(text) + b"\n")
            file.flush()
            os.fsync(file.fileno())


def best_report(reports: Sequence[Report], metric: str, direction: Direction) -> Report | None:
    """Returns the first report with the best value of `metric`; None if there are no reports."""
    sign = sign_of(direction)
    return max(reports, key=lambda report: sign * report.values[metric], default=None)


def read_events(path: Path, identity: Identity | None = None) -> list[Report | Ended]:
    """Returns the events of a trial's file, without lines that a kill or a disk has damaged.

    Args:
        path: the file.
        identity: the owner; events of another owner are left out.
    """
    return list(read_record(path, identity).events)


def read_record(path: Path, identity: Identity | None = None) -> Record:
    """Returns the contents of a trial's file, and what in it cannot be trusted.

    Args:
        path: the file; if it is missing or not a file, there are no contents.
        identity: whose record it must be; None accepts every intact line.
    """
    if not path.is_file():
        return Record()
    wanted = None if identity is None else digest_of(identity)
    events: list[Report | Ended] = []
    owners: list[Mapping[str, Any]] = []
    seen, counts = {""}, {"damaged": 0, "foreign": 0, "missing": 0}
    proved = False
    for raw in path.read_bytes().split(b"\n"):
        if not raw.strip():
            continue
        try:
            line = _parse(raw)
        except ValueError:
            counts["damaged"] += 1
            continue
        counts["missing"] += line.after not in seen if line.of else 0
        seen.add(_hash(raw))
        if isinstance(line.content, dict):
            owners.append(line.content)
        if wanted is not None and line.of not in ("", wanted):
            counts["foreign"] += 1
            continue
        proved |= line.of == wanted
        if isinstance(line.content, Report | Ended):
            events.append(line.content)
    return Record(tuple(events), tuple(owners), proved, **counts)


def digest_of(identity: Identity) -> str:
    """Returns the digest that each line of an owner carries: 16 hexadecimal digits."""
    return _hash(json.dumps(dict(identity), sort_keys=True).encode())


@dataclass(frozen=True)
class _Line:
    """An intact line; one of an earlier version names no owner (`of` is empty)."""

    content: Report | Ended | Mapping[str, Any]
    of: str
    after: str


def _parse(raw: bytes) -> _Line:
    """Returns the contents of a line.

    Raises:
        ValueError: the line is not what was written.
    """
    text = _unsealed(raw.decode(errors="replace"))
    chained = _CHAIN.fullmatch(text)
    of, after = (chained[2], chained[3]) if chained else ("", "")
    body = chained[1] + "}" if chained else text
    fields = json.loads(body)
    if isinstance(fields, dict) and fields.get("kind") == OWNER:
        return _Line({name: fact for name, fact in fields.items() if name != "kind"}, of, after)
    event = from_line(body)
    if isinstance(event, Report | Ended):
        return _Line(event, of, after)
    raise ValueError("not an event of a trial's record")


def _sealed(text: str) -> bytes:
    """Returns a line with its CRC-32, since a number with one digit changed is still a number."""
    return f'{text[:-1]}, "crc32": "{zlib.crc32(text.encode()):08x}"}}'.encode()


def _unsealed(line: str) -> str:
    """Returns the text of a line; the first version wrote lines without a checksum.

    Raises:
        ValueError: the line is not what was written.
    """
    sealed = _SEAL.fullmatch(line)
    if sealed is None:
        return line
    text = sealed[1] + "}"
    if zlib.crc32(text.encode()) != int(sealed[2], 16):
        raise ValueError("damaged line")
    return text


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()[:16]


def _last_line(path: Path) -> tuple[bytes, bool]:
    """Returns the last intact line of a file, and whether no torn line follows it."""
    if not path.is_file():
        return b"", True
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        *lines, rest = file.read().split(b"\n")
    return next((line for line in reversed(lines) if line.strip()), b""), not rest
