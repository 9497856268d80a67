"""Overhead: a trial relative to a bare loop, a trial that does almost nothing, and idle slots."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from contest import Setting
from optuna.trial import FrozenTrial
from peers.work import TASKS
from races.same_work import CASES, PEERS, Case, order, run_hpsearch, run_peer, trials_of, write_data
from table import Measured, figures_of, markdown, spread

HERO, LOOP = "hpsearch", "Optuna + loop by hand"
TRIALS, EPOCHS = 4, 3
WHOLE = {f"{name}, {EPOCHS} epochs": TASKS[name] for name in ("softmax-32", "mlp-128", "cnn-128")}
FIXED = "one batch of mlp-128"
IDLE = "cnn-128"
BATCHES = 12  # of trials that train one batch
FIXED_IMAGES = 139  # one batch to train on and eleven to validate on

Span = tuple[datetime, datetime]


class Stay(NamedTuple):
    """A trial on its slot: its start, its end, and the seconds it trained."""

    start: datetime
    end: datetime
    trained_s: float


def measure(setting: Setting, turn: int) -> Iterator[Measured]:
    """Runs each part once: the first two on one core, the last on two."""
    data, images = write_data(setting)
    few, count = write_data(setting, FIXED_IMAGES)
    with one_core():
        for name, task in WHOLE.items():
            case = Case(task, TRIALS, EPOCHS)
            yield from _trials(setting, turn, name, case, (data, images))
        yield from _trials(setting, turn, FIXED, Case(TASKS["mlp-128"], BATCHES, 1), (few, count))
    if setting.wanted(IDLE, HERO):
        work = order(CASES[IDLE], data, images, replace(setting, scale=max(0.5, setting.scale)))
        run_hpsearch(work)
        yield Measured(IDLE, HERO, idleness(trials_of(work)))
        shutil.rmtree(work.folder)


def _trials(
    setting: Setting, turn: int, name: str, case: Case, data: tuple[object, int]
) -> Iterator[Measured]:
    for contestant in (HERO, LOOP)[:: -1 if turn % 2 else 1]:
        if not setting.wanted(name, contestant):
            continue
        work = order(case, *data, setting)
        if contestant == HERO:
            run_hpsearch(work, slots=1)
            yield Measured(name, HERO, {"seconds": seconds_apart(trials_of(work))})
        elif absent := setting.missing(*PEERS[LOOP].needs):
            yield Measured(name, LOOP, left_out=absent)
        else:
            (said,) = run_peer(PEERS[LOOP], work).said
            yield Measured(name, LOOP, {"seconds": median(said["seconds"][1:])})
        shutil.rmtree(work.folder)


@contextmanager
def one_core() -> Iterator[None]:
    """Restricts all processes started inside the block to one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def seconds_apart(trials: Sequence[FrozenTrial]) -> float:
    """Returns the median time from the end of one trial to the end of the next on a slot.

    The time between two trials counts for the second; the start of the search is not counted.
    """
    ends = sorted(_span(trial)[1] for trial in trials)
    return median((later - sooner).total_seconds() for sooner, later in pairwise(ends))


def idleness(trials: Sequence[FrozenTrial]) -> dict[str, float]:
    """Returns the share of time that a slot lost between its first and its last trial's end.

    `idle_share` is the time without any trial; `untrained_share` includes the time in which a trial
    is started, saved and finished.
    """
    by_slot: dict[str, list[Stay]] = {}
    for trial in trials:
        slot = trial.user_attrs["attempts"][-1]["slot"]
        by_slot.setdefault(slot, []).append(Stay(*_span(trial), trial.user_attrs["seconds"]))
    return shares(by_slot)


def shares(by_slot: Mapping[str, Sequence[Stay]]) -> dict[str, float]:
    """Returns the shares of `idleness` from the trials of each slot.

    Raises:
        SystemExit: no slot had two trials.
    """
    whole = idle = trained = 0.0
    for stays in by_slot.values():
        first, *others = sorted(stays)
        busy_until = first.end
        for stay in others:
            idle += max(0.0, (stay.start - busy_until).total_seconds())
            busy_until = max(busy_until, stay.end)
            trained += stay.trained_s
        whole += (busy_until - first.end).total_seconds()
    if not whole:
        raise SystemExit("too few trials to say how long slots are idle: each had only one")
    return {"idle_share": idle / whole, "untrained_share": 1 - trained / whole}


def _span(trial: FrozenTrial) -> Span:
    assert trial.datetime_start is not None
    assert trial.datetime_complete is not None
    return trial.datetime_start, trial.datetime_complete


def table(lines: Sequence[Measured]) -> str:
    """Returns seconds for each trial and for the loop, and a sentence on the idle shares."""
    rows = [
        _row(lines, case) for case in (*WHOLE, FIXED) if figures_of(lines, case, HERO, "seconds")
    ]
    head = ("A trial on one core", "hpsearch, s", "By hand, s", "By hand / hpsearch", "n")
    return markdown(head, rows) + _sentence(lines)


def _row(lines: Sequence[Measured], case: str) -> list[str]:
    ours, theirs = (figures_of(lines, case, name, "seconds") for name in (HERO, LOOP))
    both = [theirs[turn] / ours[turn] for turn in sorted(ours.keys() & theirs.keys())]
    cells = (spread(ours.values(), 3), spread(theirs.values(), 3), spread(both, 3))
    return [case, *cells, str(len(ours))]


def _sentence(lines: Sequence[Measured]) -> str:
    idle, untrained = (
        [100 * share for share in figures_of(lines, IDLE, HERO, name).values()]
        for name in ("idle_share", "untrained_share")
    )
    if not idle:
        return ""
    return (
        f"\n\nIn the {IDLE} race on two slots, a slot had no trial for {spread(idle, 2)} % of the"
        f" time, and a trial that was not training for {spread(untrained, 2)} % (the former"
        " included)."
    )
