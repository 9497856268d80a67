"""Everything that is written to a study in the database: one place, one writer."""

from __future__ import annotations

import json
import socket
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from hpsearch.engines.slots import Slot
from hpsearch.protocol.messages import Ended, Report
from hpsearch.search.store.generalization import generalization_gap
from hpsearch.search.store.keys import (
    ATTEMPTS,
    BUDGET,
    CURVE,
    DEVICE,
    DOCUMENT,
    FAILURE,
    FAILURE_KIND,
    GAP,
    ID,
    IMPORT_PATHS,
    RUNS,
    TRACEBACK,
    VERSIONS,
)
from hpsearch.search.store.sampling import build_pruner, build_sampler, hand_over, suggester
from hpsearch.studyfile.study import StudySpec

RECORDED = ("hpsearch", "torch", "pytorch-lightning", "torchvision", "optuna")


class LastProgress(NamedTuple):
    """What a trial would lose if its process ended now: all since it had done so many epochs.

    Attributes:
        epochs: epochs done; None before it trains.
        since: `time.monotonic()` when they were done; None where nobody here saw it.
    """

    epochs: int | None
    since: float | None


class StudyWriter:
    """A study as its coordinator writes it.

    Args:
        study: the study in the database; this process must own it.
        spec: what is searched.
    """

    def __init__(self, study: optuna.Study, spec: StudySpec) -> None:
        self._study = study
        self._spec = spec
        self._storage: Any = study._storage
        self._prunes = len(spec.objectives) == 1
        self._study.pruner = build_pruner(spec)
        self._progress: dict[int, LastProgress] = {}
        self.exhausted = False

    def trials(self) -> list[FrozenTrial]:
        """Returns every trial there is, by number."""
        return self._study.get_trials(deepcopy=False)

    def trial(self, number: int) -> FrozenTrial:
        """Returns one trial as it stands; unlike `trials()`, at the same cost in any study."""
        frozen: FrozenTrial = self._storage.get_trial(number)
        return frozen

    def unfinished(self) -> Iterator[Trial]:
        """Yields the trials that are neither finished nor running anywhere, by number.

        A trial of a dead coordinator is adopted under its own number: Optuna returns its stored
        parameters when they are asked for again.
        """
        for frozen in self.trials():
            if not frozen.state.is_finished():
                yield self.adopt(frozen._trial_id, frozen.number, frozen.state)

    def adopt(self, trial_id: int, number: int, state: TrialState) -> Trial:
        """Returns a trial that goes on under its own number, as RUNNING."""
        if state == TrialState.WAITING:
            self._storage.set_trial_state_values(trial_id, TrialState.RUNNING)
        self._change_sampler(number)
        return Trial(self._study, trial_id)

    def ask(self, number: int) -> Trial:
        """Returns a new trial, which gets this number."""
        self._change_sampler(number)
        return self._study.ask()

    def sample(self, trial: Trial) -> tuple[dict[str, Any], dict[str, Any]]:
        """Returns the trial's parameters and the configuration they fill in."""
        config = self._spec.space.sample(suggester(trial))
        return dict(trial.params), config

    def report(self, trial: Trial, report: Report) -> bool:
        """Writes the values after an epoch and returns whether the trial should be pruned.

        Idempotent: an epoch that is reported again keeps its first value.
        """
        self._progress[trial.number] = LastProgress(report.step, time.monotonic())
        value = next(iter(report.values.values()))
        if not self._prunes:
            curve = dict(trial.user_attrs.get(CURVE, {}))
            trial.set_user_attr(CURVE, {str(report.step): value, **curve})
            return False
        if report.step not in self._storage.get_trial(trial._trial_id).intermediate_values:
            trial.report(value, report.step)
        return trial.should_prune()

    def replay(self, trial: Trial, reports: list[Report]) -> None:
        """Writes reports that a dead coordinator had not: they stand in the trial's own file."""
        for report in reports:
            self.report(trial, report)
            self._progress[trial.number] = LastProgress(report.step, None)

    def note_attempt(self, trial: Trial, slot: Slot) -> None:
        """Writes that a process is given the trial, here and now."""
        attempt = {
            "started": _now(),
            "host": slot.host or socket.gethostname(),
            "device": slot.device,
            "slot": slot.name,
            "from_epoch": None,
            "epochs": None,
            "lost_s": None,
            "ended": None,
            "how": None,
        }
        trial.set_user_attr(ATTEMPTS, [*self._closed(trial), attempt])
        self._progress[trial.number] = LastProgress(None, time.monotonic())
        trial.set_user_attr(DEVICE, slot.device)

    def begin_attempt(self, trial: Trial, from_epoch: int) -> None:
        """Writes after how many epochs the running attempt really goes on."""
        attempts = list(trial.user_attrs[ATTEMPTS])
        attempts[-1] = {**attempts[-1], "from_epoch": from_epoch}
        trial.set_user_attr(ATTEMPTS, attempts)
        self._progress[trial.number] = LastProgress(from_epoch, time.monotonic())

    def close_attempt(self, trial: Trial, how: str) -> None:
        """Writes how the running attempt ended, and what of it was in vain."""
        trial.set_user_attr(ATTEMPTS, self._closed(trial, how))

    def set_facts(self, trial: Trial, facts: Mapping[str, Any]) -> None:
        """Writes what is known of a trial; numbers become axes in the dashboard."""
        for name, value in facts.items():
            if value is not None and trial.user_attrs.get(name) != value:
                trial.set_user_attr(name, value)

    def attribute(self, name: str) -> Any:
        """Returns a fact of the study; None if it is not known."""
        return self._study.user_attrs.get(name)

    def set_attribute(self, name: str, value: Any) -> None:
        """Writes a fact of the study."""
        self._study.set_user_attr(name, value)

    def tell(self, trial: Trial, ended: Ended, best: Report | None) -> None:
        """Writes how a trial ended, with its values at the best epoch."""
        self.set_facts(trial, ended.facts)
        if ended.how == "failed":
            facts = {FAILURE: ended.failure, FAILURE_KIND: ended.failure_kind or None}
            self.set_facts(trial, {**facts, TRACEBACK: ended.traceback})
        values = list(best.values.values()) if best else None
        if best:
            self.set_facts(trial, {f"best_{key}": value for key, value in best.metrics.items()})
            first = next(iter(self._spec.objectives.items()))
            self.set_facts(trial, {GAP: generalization_gap(best.metrics, *first)})
        self.close_attempt(trial, ended.how)
        if ended.how == "complete" and values:
            self._finish(trial, TrialState.COMPLETE, values)
        elif ended.failure_kind == "out of memory":
            # A sampler that is told of a failure forgets it, and proposes the same again.
            trial.set_constraint("memory", 1.0)
            self._finish(trial, TrialState.PRUNED, None)
        elif ended.how == "pruned":
            self._finish(trial, TrialState.PRUNED, None)
        else:
            self._finish(trial, TrialState.FAIL, None)

    def requeue(self, trial: Trial, how: str) -> None:
        """Leaves the trial to be resumed later: it waits, and nobody owns it."""
        self.close_attempt(trial, how)
        self._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)

    def _change_sampler(self, number: int) -> None:
        sampler = build_sampler(self._spec, number)
        hand_over(self._study.sampler, sampler, self._study.pruner)
        self._study.sampler = sampler

    def _closed(self, trial: Trial, how: str = "killed") -> list[dict[str, Any]]:
        """Returns the trial's attempts with the last one ended, if nobody has said how it did."""
        attempts: list[dict[str, Any]] = [dict(a) for a in trial.user_attrs.get(ATTEMPTS, [])]
        footing = self._progress.pop(trial.number, LastProgress(None, None))
        if attempts and attempts[-1].get("ended") is None:
            attempts[-1] |= {"ended": _now(), "how": how, "epochs": footing.epochs}
            if footing.since is not None and how not in ("complete", "pruned"):
                attempts[-1]["lost_s"] = round(time.monotonic() - footing.since, 1)
        return attempts

    def _finish(self, trial: Trial, state: TrialState, values: list[float] | None) -> None:
        try:
            self._study.tell(trial, values, state=state)
        except RuntimeError as error:
            # A grid that is used up calls study.stop(), which only study.optimize() allows.
            if "Study.stop" not in str(error):
                raise
            self.exhausted = True


def create_study(spec: StudySpec, storage: RDBStorage, runs: Path) -> optuna.Study:
    """Makes a study in the database, with all that `resume` needs to go on from it alone."""
    study = optuna.create_study(
        storage=storage,
        study_name=spec.name,
        directions=list(spec.objectives.values()),
        sampler=build_sampler(spec, 0),
    )
    study.set_metric_names(list(spec.objectives))
    study.set_user_attr(ID, uuid.uuid4().hex)
    describe_study(study, spec, runs, spec.trials)
    return study


def describe_study(study: optuna.Study, spec: StudySpec, runs: Path, budget: int | None) -> None:
    """Writes what the study is and how far it may go."""
    study.set_user_attr(DOCUMENT, json.dumps(spec.document))
    study.set_user_attr(IMPORT_PATHS, list(spec.import_paths))
    study.set_user_attr(RUNS, str(runs.resolve()))
    study.set_user_attr(BUDGET, budget)
    study.set_user_attr(VERSIONS, {name: version(name) for name in RECORDED})


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
