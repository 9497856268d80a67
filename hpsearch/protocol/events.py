"""A trial's own record of its reports: on disk before the coordinator is told."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

from hpsearch.protocol.messages import Ended, Report, from_line, to_line
from hpsearch.protocol.types import Direction, sign_of

_SEAL = re.compile(r'(.*), "crc32": "([0-9a-f]{8})"}')


class EventLog:
    """The file `events.jsonl` of a trial: its reports and its end, one line each.

    The coordinator replays it after its own death, so that nothing reported is lost.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.reports = [event for event in read_events(path) if isinstance(event, Report)]

    def append(self, event: Report | Ended) -> None:
        """Writes the event and waits until the disk has it."""
        with self._path.open("ab") as file:
            # A line torn by a kill must not swallow this one.
            file.write(b"\n" * (not _ends_whole(self._path)) + _sealed(to_line(event)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if isinstance(event, Report):
            self.reports.append(event)

    def drop_after(self, epoch: int) -> None:
        """Forgets reports of epochs that will be trained again."""
        self.reports = [report for report in self.reports if report.step <= epoch]

    def best(self, metric: str, direction: Direction) -> Report | None:
        """Returns the first report with the best value of `metric`, or None before any report."""
        return best_report(self.reports, metric, direction)


def best_report(reports: Sequence[Report], metric: str, direction: Direction) -> Report | None:
    """Returns the first of the reports with the best value of `metric`; None of none."""
    sign = sign_of(direction)
    return max(reports, key=lambda report: sign * report.values[metric], default=None)


def read_events(path: Path) -> list[Report | Ended]:
    """Returns the events of a trial's file, without lines that a kill or a disk has damaged."""
    if not path.exists():
        return []
    events: list[Report | Ended] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            event = from_line(_unsealed(line))
        except ValueError:
            continue
        if isinstance(event, Report | Ended):
            events.append(event)
    return events


def _sealed(text: str) -> bytes:
    """Returns a line with its CRC-32, since a number with one digit changed is a number still."""
    return f'{text[:-1]}, "crc32": "{zlib.crc32(text.encode()):08x}"}}'.encode()


def _unsealed(line: str) -> str:
    """Returns the text of a line; version 0.1.0 wrote lines without a checksum.

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


def _ends_whole(path: Path) -> bool:
    if path.stat().st_size == 0:
        return True
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
