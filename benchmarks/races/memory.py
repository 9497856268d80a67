"""Memory: a trial's process compared with a bare loop, and what two such processes share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import NamedTuple

import psutil
from contest import Setting, everybody, moments
from peers.work import TASKS, Work
from races.same_work import PEERS, Case, run_hpsearch, run_peer, take_turns
from table import NOTHING, Measured, figures_of, markdown, names, ratios, reason, spread

HERO, LOOP, LOOPS = "hpsearch", "Optuna + loop by hand", "Optuna + loop by hand, 2 processes"
CONTESTANTS = (HERO, LOOP, LOOPS)
CASES = {name: Case(TASKS[name], trials=2, epochs=1) for name in ("mlp-128", "cnn-augment-128")}
SAMPLE_S = 0.1
PROC = Path("/proc")


class Taken(NamedTuple):
    """The memory of a process at one moment, in MB of 10**6 bytes.

    Attributes:
        trains: whether it trains, as a trial of hpsearch or a peer's loop.
        rss: its peak so far, shared or not.
        pss: its own memory, and its part of shared memory divided by the number of sharers.
        own: its unshared memory: what it adds to the others, and what its end would free.
    """

    trains: bool
    rss: float
    pss: float
    own: float


def measure(setting: Setting, turn: int) -> Iterator[Measured]:
    """Trains twice with every contestant in every case; every other round in reverse order."""
    return take_turns(setting, turn, CASES, CONTESTANTS, lambda who, work: peaks(watch(who, work)))


def watch(contestant: str, work: Work) -> list[list[Taken]]:
    """Runs one contestant; returns the memory of its processes, moment by moment."""
    ended, others = Event(), everybody()
    with ThreadPoolExecutor(1) as pool:
        trains = is_trial if contestant == HERO else lambda process: True
        samples = pool.submit(_sample, ended, others, trains)
        try:
            run_hpsearch(work) if contestant == HERO else run_peer(PEERS[contestant], work)
        finally:
            ended.set()
    return samples.result()


def _sample(
    ended: Event, others: set[psutil.Process], trains: Callable[[int], bool]
) -> list[list[Taken]]:
    return [
        [taken for one in processes for taken in _taken(one.pid, trains)]
        for processes in moments(ended, SAMPLE_S, others)
    ]


def _taken(process: int, trains: Callable[[int], bool]) -> Iterator[Taken]:
    """Yields the memory of a process; nothing if it has ended."""
    with suppress(OSError, KeyError):
        status, memory = (
            sizes((PROC / str(process) / name).read_text()) for name in ("status", "smaps_rollup")
        )
        own = memory["Private_Clean"] + memory["Private_Dirty"]
        yield Taken(trains(process), status["VmHWM"], memory["Pss"], own)


def is_trial(process: int) -> bool:
    """Returns whether a process is a trial of hpsearch: it prints into the trial's own folder."""
    output = str((PROC / str(process) / "fd" / "1").readlink())
    return re.search(r"/trial-\d+/output\.txt$", output) is not None


def sizes(text: str) -> dict[str, float]:
    """Returns the lines `name: N kB` of a file in /proc, in MB."""
    found = re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)
    return {name: int(size) * 1024 / 1e6 for name, size in found}


def peaks(samples: Sequence[Sequence[Taken]]) -> dict[str, float]:
    """Returns the peak of one training process, and the peak of all processes together.

    Raises:
        SystemExit: no training process was seen.
    """
    trainers = [taken for sample in samples for taken in sample if taken.trains]
    if not trainers:
        raise SystemExit(f"no process that trains was seen in {len(samples)} samples")
    return {
        "rss_mb": max(taken.rss for taken in trainers),
        "pss_mb": max(taken.pss for taken in trainers),
        "own_mb": max(taken.own for taken in trainers),
        "all_mb": max(sum(taken.pss for taken in sample) for sample in samples),
    }


def table(lines: Sequence[Measured]) -> str:
    """Returns a row for each contestant in each case."""
    head = (
        *("", "RSS of a process, MB", "Times one loop's", "PSS of a process, MB"),
        *("Times one loop's", "Its own, MB", "All processes, MB", "Times two loops'", "n"),
    )
    rows = [
        _row(lines, case, contestant)
        for case in names(lines, "case")
        for contestant in CONTESTANTS
        if any((line.case, line.contestant) == (case, contestant) for line in lines)
    ]
    return markdown(head, rows)


def _row(lines: Sequence[Measured], case: str, contestant: str) -> list[str]:
    label = f"{case}: {contestant}"
    if why := reason(lines, case, contestant):
        return [label, f"left out: {why}", *[NOTHING] * 7]
    cells = []
    for figure, beside in (("rss_mb", LOOP), ("pss_mb", LOOP), ("own_mb", ""), ("all_mb", LOOPS)):
        found = figures_of(lines, case, contestant, figure)
        cells.append(spread(found.values(), 0))
        if beside:
            cells.append(spread(ratios(found, figures_of(lines, case, beside, figure)), 2))
    return [label, *cells, str(len(found))]
