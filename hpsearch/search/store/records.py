"""A study in the database as plain records: what `list`, `status`, `show` and `best` print."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from optuna.trial import FrozenTrial
from optuna.trial import TrialState as TrialStateOfOptuna

from hpsearch.protocol.layout import trial_folder
from hpsearch.protocol.types import Direction, Scalar, primary, sign_of
from hpsearch.search.rungs import VALUES_BY_EPOCH
from hpsearch.search.store.keys import (
    ATTEMPTS,
    CHECKPOINT,
    CURVE,
    DECISIONS,
    DEVICE,
    FAILURE,
    FAILURE_KIND,
    PAUSED_AT,
    SECONDS,
)
from hpsearch.search.store.lease import Owner
from hpsearch.search.store.proof import is_checkpoint_of

TrialState = Literal["complete", "pruned", "failed", "running", "paused", "waiting"]
TRIAL_STATES: tuple[TrialState, ...] = get_args(TrialState)
FINISHED: tuple[TrialState, ...] = ("complete", "pruned", "failed")
StudyState = Literal["running", "paused", "done", "interrupted", "new"]

STATES: dict[TrialStateOfOptuna, TrialState] = {
    TrialStateOfOptuna.COMPLETE: "complete",
    TrialStateOfOptuna.PRUNED: "pruned",
    TrialStateOfOptuna.FAIL: "failed",
    TrialStateOfOptuna.RUNNING: "running",
    TrialStateOfOptuna.WAITING: "waiting",
}


@dataclass(frozen=True)
class TrialRecord:
    """One trial as it is stored in the database.

    Attributes:
        values: the objectives' values, in the study's order; None until there are any.
        values_by_epoch: the first objective after each epoch, epochs counted from 1.
        seconds: training time over all attempts.
        checkpoint: path of the best checkpoint, if one was written.
        attempts: one mapping per start of the trial (`started`, `device`, `from_epoch`, `ended`,
            `how` it ended; `epochs` done then, and `lost_s`, the seconds it had trained beyond
            them).
        attributes: everything else on record (`parameters`, `failure`, `traceback`,
            `epochs`, `best_step`, `pruned_at`, ...).
        contradiction: how its own record contradicts the database, in words; it then has no values.
    """

    number: int
    state: TrialState
    params: Mapping[str, Scalar]
    values: tuple[float, ...] | None
    values_by_epoch: Mapping[int, float]
    seconds: float | None
    device: str | None
    checkpoint: str | None
    attempts: tuple[Mapping[str, Any], ...]
    attributes: Mapping[str, Any]
    contradiction: str = ""

    @property
    def is_finished(self) -> bool:
        """Whether it will not train again."""
        return self.state in FINISHED

    @property
    def failure_kind(self) -> str | None:
        """How it failed, `unknown` if that is not on record; None if it did not fail."""
        if self.state != "failed" and FAILURE_KIND not in self.attributes:
            return None
        return str(self.attributes.get(FAILURE_KIND) or "unknown")

    @property
    def decisions(self) -> tuple[Mapping[str, Any], ...]:
        """The decisions after its reports: `step`, `value`, `action`, `reason`."""
        return tuple(self.attributes.get(DECISIONS, ()))

    @property
    def failure(self) -> str:
        """What went wrong, in one line."""
        return str(self.attributes.get(FAILURE) or "no reason on record")


@dataclass(frozen=True)
class StudyRecord:
    """One study as it is stored in the database.

    Attributes:
        objectives: metric name to direction, in order.
        budget: trials that the study may have in all; None without such a limit.
        epochs: epochs that they may train in all; None without such a limit.
        run_epochs: the same for the search that runs now, if it was changed for it.
        epochs_spent: whether the last run ended because these epochs allow no more trials.
        owner: the live coordinator, as `host, pid 123`; None if nobody runs the study.
        best: the trial that the confirmation chose, or else the best complete trial, by the first
            objective.
        pareto_front: with several objectives, the trials that no other trial beats in all of them.
        runs: the folder that holds the trials' files.
        confirmation: the result of `hpsearch confirm`, as plain data; None before.
        ensemble: the result of `hpsearch ensemble`, as plain data; None before.
        test_evaluations: each evaluation on its test split: when, why, of which model, its result.
        environments: the code and versions that its trials were trained with, in order.
        id: identifies it among studies of the same name in other databases.
        unit: what its trials report after, `epoch` or `validation`.
        moved: the database that it was copied to, and continues in; None where it is still here.
        unproved: trials with values that no record proves; None if the study's folder is not here.
        confirms: of a confirmation, the search that it confirms.
        last_run: when the last run `began` and `ended`, and `why` early; None while one runs.
        speed: what `speed: auto` has `taken`, and `why`; None where the file says it all.
    """

    name: str
    state: StudyState
    objectives: Mapping[str, Direction]
    budget: int | None
    trials: tuple[TrialRecord, ...]
    best: TrialRecord | None
    pareto_front: tuple[TrialRecord, ...]
    owner: str | None
    storage: str
    runs: str
    confirmation: Mapping[str, Any] | None = None
    test_evaluations: tuple[Mapping[str, Any], ...] = ()
    epochs: int | None = None
    run_epochs: int | None = None
    environments: tuple[Mapping[str, Any], ...] = ()
    id: str = ""
    unit: str = "epoch"
    ensemble: Mapping[str, Any] | None = None
    moved: str | None = None
    unproved: tuple[int, ...] | None = ()
    speed: Mapping[str, Any] | None = None
    confirms: str | None = None
    last_run: Mapping[str, Any] | None = None
    epochs_spent: bool = False

    @property
    def contradictions(self) -> dict[int, str]:
        """The contradictions by trial number; the values of these trials are not shown."""
        return {trial.number: trial.contradiction for trial in self.trials if trial.contradiction}

    @property
    def contradiction_words(self) -> str:
        """Which values are not shown, and why, in one line; empty if all are."""
        if not self.contradictions:
            return ""
        (number, contradiction), *more = self.contradictions.items()
        others = f", and of {len(more)} more" if more else ""
        words = f"the values of trial {number} ({contradiction}){others}"
        return f"{words} are neither shown nor learned from: hpsearch fsck {self.name}"

    @property
    def counts(self) -> dict[TrialState, int]:
        """How many trials are in each state."""
        found = Counter(trial.state for trial in self.trials)
        return {state: found[state] for state in TRIAL_STATES}

    @property
    def failures(self) -> dict[str, tuple[TrialRecord, ...]]:
        """The failed trials by kind of failure, the most common first.

        They include settings that did not fit into memory, although such a trial counts as pruned.
        Every screen and page counts failures with this.
        """
        kinds: dict[str, list[TrialRecord]] = {}
        for trial in self.trials:
            if trial.failure_kind is not None:
                kinds.setdefault(trial.failure_kind, []).append(trial)
        ordered = sorted(kinds.items(), key=lambda item: -len(item[1]))
        return {kind: tuple(trials) for kind, trials in ordered}


@contextmanager
def in_bulk() -> Iterator[None]:
    """Turns the garbage collector off inside the block, which creates objects that are kept."""
    # It would traverse all of them again and again: a quarter of the time of reading thousands.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def trial_record(
    frozen: FrozenTrial, runs: Path, *, has_owner: bool = True, contradiction: str = ""
) -> TrialRecord:
    """Returns one of Optuna's trials as a plain record.

    Args:
        frozen: the trial.
        runs: the study's own folder of trials.
        has_owner: whether a live coordinator runs the study; if not, no trial is running.
        contradiction: how its own record contradicts the database; its values are then left out.
    """
    if contradiction:
        frozen = without_values(frozen)
    attributes = dict(frozen.user_attrs)
    curve = attributes.pop(CURVE, None) or frozen.intermediate_values
    state = STATES[frozen.state]
    attempts = tuple(attributes.pop(ATTEMPTS, ()))
    # Before its first attempt it is only proposed; between two attempts it waits for a slot.
    runs_now = has_owner and bool(attempts) and attempts[-1].get("ended") is None
    if state == "waiting" or (state == "running" and not runs_now):
        state = "paused" if attributes.get(PAUSED_AT) else "waiting"
    name = attributes.pop(CHECKPOINT, None) or "best.ckpt"
    # Not with pathlib, which would take half the time of reading 10,000 trials.
    best = os.path.join(runs, trial_folder(frozen.number), name)  # noqa: PTH118
    return TrialRecord(
        number=frozen.number,
        state=state,
        params=dict(frozen.params),
        values=tuple(frozen.values) if frozen.values else None,
        values_by_epoch={int(step): curve[step] for step in sorted(curve, key=int)},
        seconds=attributes.pop(SECONDS, None),
        device=attributes.pop(DEVICE, None),
        checkpoint=best if is_checkpoint_of(best, frozen) else None,
        attempts=attempts,
        attributes=attributes,
        contradiction=contradiction,
    )


def without_values(frozen: FrozenTrial) -> FrozenTrial:
    """Returns one of Optuna's trials without its values."""
    known = copy(frozen)
    known.intermediate_values = {}
    known.user_attrs = {
        key: fact
        for key, fact in frozen.user_attrs.items()
        if key not in (CURVE, VALUES_BY_EPOCH, "best_step") and not key.startswith("best_")
    }
    known.values = None
    return known


def state_of(
    trials: tuple[TrialRecord, ...], budget: int | None, owner: Owner | None, *, paused: bool
) -> StudyState:
    """Returns the state of a study with these trials."""
    if owner:
        return "paused" if paused else "running"
    if not trials:
        return "new"
    unfinished = not all(trial.is_finished for trial in trials)
    return "interrupted" if unfinished or (budget is not None and len(trials) < budget) else "done"


def find_setting(
    setting: Mapping[str, Scalar], trials: Iterable[TrialRecord | FrozenTrial]
) -> int | None:
    """Returns the number of the first trial that has all values of a setting; None if none has."""
    found = (trial.number for trial in trials if setting.items() <= trial.params.items())
    return next(found, None)


def find_winner(
    trials: Sequence[TrialRecord],
    objectives: Mapping[str, Direction],
    confirmation: Mapping[str, Any] | None,
) -> TrialRecord | None:
    """Returns the trial that the confirmation chose, or else the best; None if none is complete.

    Args:
        trials: those of the study.
        objectives: the first decides.
        confirmation: the result of `hpsearch confirm`; None before.
    """
    complete = best_first(trials, objectives)
    chosen = (confirmation or {}).get("chosen")
    best = next(iter(complete), None)
    return next((trial for trial in complete if trial.number == chosen), best)


def best_first(
    trials: Iterable[TrialRecord], objectives: Mapping[str, Direction]
) -> list[TrialRecord]:
    """Returns the complete trials, the best by the first objective first."""
    sign = sign_of(primary(objectives)[1])
    complete = [trial for trial in trials if trial.state == "complete" and trial.values]
    return sorted(complete, key=lambda trial: -sign * (trial.values or (0.0,))[0])
