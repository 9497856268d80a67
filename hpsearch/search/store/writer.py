"""Everything that a coordinator writes to its study in the database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from hpsearch.internals.optuna import forget_trials, storage_of, study_id_of, trial_id_of
from hpsearch.protocol.messages import Ended, Report
from hpsearch.protocol.metrics import best_facts, generalization_gap
from hpsearch.protocol.types import Scalar, primary
from hpsearch.search.pruners import KeptPruner
from hpsearch.search.rungs import AUDITED, VALUES_BY_EPOCH, RungDecision
from hpsearch.search.store.attempts import Attempts
from hpsearch.search.store.decisions import Decisions, why_pruned
from hpsearch.search.store.keys import (
    AUDITED_AT,
    BUDGET,
    CURVE,
    FAILURE,
    FAILURE_KIND,
    FIXED,
    GENERALIZATION_GAP,
    ORIGIN,
    PAUSED_AT,
    PROMOTED,
    PRUNED_AT,
    TRACEBACK,
    WHOLE,
)
from hpsearch.search.store.records import find_setting
from hpsearch.search.store.sampling import (
    MANY,
    Pauses,
    build_sampler,
    grid_size,
    hand_over,
    keep_pruner,
    suggester,
)
from hpsearch.studyfile.study import StudySpec


class StudyWriter:
    """A study as its coordinator writes it.

    Args:
        study: the study in the database; this process must own it.
        spec: what is searched.
        environment: number of the environment that trials are trained with now.
        folder: the study's own, which also keeps its decisions; None if there is none.
    """

    def __init__(
        self,
        study: optuna.Study,
        spec: StudySpec,
        environment: int = 0,
        folder: Path | None = None,
    ) -> None:
        self._study = study
        self._spec = spec
        self._storage = storage_of(study)
        self._prunes = len(spec.objectives) == 1
        keep_pruner(study, spec)
        self.attempts = Attempts(environment)
        self.exhausted = False
        self.explains = True
        self._decisions = Decisions(folder)
        self.pauses = Pauses(spec, self.trials())
        self.may_grow = grid_size(spec) is None

    def trials(self) -> list[FrozenTrial]:
        """Returns every trial, by number."""
        return self._study.get_trials(deepcopy=False)

    def trial(self, number: int) -> FrozenTrial:
        """Returns one trial as it is now; unlike `trials()`, at the same cost in any study."""
        frozen: FrozenTrial = self._storage.get_trial(number)
        return frozen

    def unfinished(self) -> Iterator[Trial]:
        """Yields the trials that are neither finished nor paused nor running, by number.

        A dead coordinator's trial is adopted under its own number: Optuna returns its stored
        parameters when they are requested again.
        """
        for frozen in self.trials():
            if not frozen.state.is_finished() and frozen.number not in self.pauses:
                yield self.adopt(trial_id_of(frozen), frozen.number, frozen.state)

    def adopt(self, trial_id: int, number: int, state: TrialState) -> Trial:
        """Marks a trial as RUNNING, to continue under its own number, and returns it."""
        if state == TrialState.WAITING:
            self._storage.set_trial_state_values(trial_id, TrialState.RUNNING)
        self._change_sampler(number)
        return Trial(self._study, trial_id)

    def ask(self, number: int) -> Trial:
        """Creates a new trial with this number and returns it."""
        self._change_sampler(number)
        # Not `study.ask()`, which would take a waiting trial.
        forget_trials(self._study)
        return Trial(self._study, self._storage.create_new_trial(study_id_of(self._study)))

    def promote(self, *, closing: bool = False) -> Trial | None:
        """Marks the paused trial that is next as RUNNING and returns it; see `Pauses.promote`."""
        found = self.pauses.promote(closing=closing)
        return None if found is None else self._continue(found.number, found.rung, found.reason)

    def promote_this(self, number: int) -> Trial:
        """Returns a paused trial, which continues regardless of its place in its rung."""
        return self._continue(number, self.pauses.take(number), "somebody promoted it")

    def enqueue(self, setting: Mapping[str, Scalar]) -> Trial | None:
        """Creates a trial of a given setting and returns it; None if there is one already.

        The sampler proposes the parameters that the setting leaves out.
        """
        if find_setting(setting, self.trials()) is not None:
            return None
        number = len(self.trials())
        trial_id = self._storage.create_new_trial(study_id_of(self._study))
        self._storage.set_trial_system_attr(trial_id, FIXED, dict(setting))
        self._storage.set_trial_user_attr(trial_id, ORIGIN, "enqueued")
        return self.adopt(trial_id, number, TrialState.RUNNING)

    def pause(self, trial: Trial, rung: int) -> None:
        """Writes that a trial is paused at a rung; nobody owns it."""
        self.attempts.close(trial, "paused")
        self.set_facts(trial, {PAUSED_AT: rung})
        self.pauses.add(trial.number, rung)
        self._storage.set_trial_state_values(trial_id_of(trial), TrialState.WAITING)

    def give_up(self, number: int, reason: str) -> None:
        """Writes that a paused trial is pruned: it will not be promoted."""
        trial = self.adopt(number, number, self.trial(number).state)
        rung = self.pauses.drop(number)
        self._decisions.keep(trial, rung, RungDecision("prune", rung, reason))
        self.set_facts(trial, {PRUNED_AT: rung, PAUSED_AT: 0})
        self._finish(trial, TrialState.PRUNED, None)

    def sample(self, trial: Trial) -> tuple[dict[str, Any], dict[str, Any]]:
        """Returns the trial's parameters and the configuration filled in with them."""
        config = self._spec.space.sample(suggester(trial))
        return dict(trial.params), config

    def reject(self, trial: Trial, reason: str) -> None:
        """Ends a new trial with an impossible setting; a study that is not a grid gets another."""
        self.tell(trial, Ended("failed", reason, "infeasible"), None)
        budget = self._study.user_attrs.get(BUDGET)
        if budget is not None and self.may_grow:
            self._study.set_user_attr(BUDGET, budget + 1)

    def report(self, trial: Trial, report: Report) -> RungDecision:
        """Writes the values after an epoch and decides what the trial does next.

        Idempotent: an epoch that is reported again keeps its first value and decision.
        """
        self.attempts.advance(trial, report.step)
        if (known := self._decisions.find(trial, report.step)) is not None:
            return known
        values = tuple(report.values[name] for name in self._spec.objectives)
        decision = self._decide(trial, report, values)
        if self.explains and (decision.rung or decision.action != "continue"):
            self._decisions.keep(trial, report.step, decision, values[0])
        self._decisions.note(trial, report.step)
        return decision

    def _decide(self, trial: Trial, report: Report, values: tuple[float, ...]) -> RungDecision:
        whole = bool(trial.user_attrs.get(WHOLE))
        audit = self._spec.audits(trial.number)
        decision = self.pauses.scheduler.report(
            trial.number, report.step, values, whole=whole, audit=audit, seconds=report.seconds
        )
        if decision.reason == AUDITED:
            self.set_facts(trial, {WHOLE: True, AUDITED_AT: decision.rung})
        self._write_values(trial, report.step, values)
        if report.last:
            return RungDecision("continue")
        if decision.rung and decision.action == "continue":
            promoted = trial.user_attrs.get(PROMOTED, [])
            trial.set_user_attr(PROMOTED, [*promoted, decision.rung])
        if whole or self._spec.promote or not self._prunes or not trial.should_prune():
            return decision
        return RungDecision("prune", reason=why_pruned(self._spec, self._study, trial.number))

    def begin(self, trial: Trial, epochs: int) -> None:
        """Records that a trial of `epochs` epochs (0 if unknown) trains until its next stop."""
        whole = bool(trial.user_attrs.get(WHOLE))
        self.pauses.scheduler.begin(trial.number, epochs or MANY, whole=whole)

    def replay(self, trial: Trial, reports: list[Report]) -> RungDecision:
        """Writes the reports in a trial's file that a dead coordinator had not written.

        Returns:
            What the trial does after the last of them.
        """
        decision = RungDecision("continue")
        for report in reports:
            self._decisions.recall(trial, report)
            decision = self.report(trial, report)
            self.attempts.advance(trial, report.step, seen=False)
        return decision

    def set_facts(self, trial: Trial, facts: Mapping[str, Any]) -> None:
        """Writes attributes of a trial; numbers become axes in the dashboard."""
        for name, value in facts.items():
            if value is not None and trial.user_attrs.get(name) != value:
                trial.set_user_attr(name, value)

    def attribute(self, name: str) -> Any:
        """Returns an attribute of the study; None if it has none of this name."""
        return self._study.user_attrs.get(name)

    def set_attribute(self, name: str, value: Any) -> None:
        """Writes an attribute of the study."""
        self._study.set_user_attr(name, value)

    def tell(self, trial: Trial, ended: Ended, best: Report | None) -> None:
        """Writes how a trial ended, with its values at the best epoch."""
        self.set_facts(trial, ended.facts)
        if ended.how == "failed":
            facts = {FAILURE: ended.failure, FAILURE_KIND: ended.failure_kind or None}
            self.set_facts(trial, {**facts, TRACEBACK: ended.traceback})
        values = list(best.values.values()) if best else None
        if best:
            self.set_facts(trial, best_facts(best.metrics))
            first = primary(self._spec.objectives)
            self.set_facts(trial, {GENERALIZATION_GAP: generalization_gap(best.metrics, *first)})
        self.attempts.close(trial, ended.how)
        if ended.how == "complete" and values:
            self.pauses.scheduler.finish(trial.number)
            self._finish(trial, TrialState.COMPLETE, values)
            return
        self.pauses.scheduler.lose(trial.number)
        if ended.how == "complete":
            self._finish(trial, TrialState.FAIL, None)
        elif ended.failure_kind in ("out of memory", "infeasible"):
            # A sampler ignores failed trials and might propose the same again.
            trial.set_constraint(ended.failure_kind, 1.0)
            self._finish(trial, TrialState.PRUNED, None)
        elif ended.how == "pruned":
            self._finish(trial, TrialState.PRUNED, None)
        else:
            self._finish(trial, TrialState.FAIL, None)

    def requeue(self, trial: Trial, how: str) -> None:
        """Leaves the trial waiting, to be resumed later; nobody owns it."""
        self.attempts.close(trial, how)
        self.pauses.scheduler.stop(trial.number)
        self._storage.set_trial_state_values(trial_id_of(trial), TrialState.WAITING)

    def _write_values(self, trial: Trial, step: int, values: tuple[float, ...]) -> None:
        if len(values) == 1:
            if step not in self._storage.get_trial(trial_id_of(trial)).intermediate_values:
                trial.report(values[0], step)
            return
        known = trial.user_attrs
        trial.set_user_attr(CURVE, {str(step): values[0], **known.get(CURVE, {})})
        several = {str(step): list(values), **known.get(VALUES_BY_EPOCH, {})}
        trial.set_user_attr(VALUES_BY_EPOCH, several)

    def _continue(self, number: int, rung: int, reason: str) -> Trial:
        trial = self.adopt(number, number, self.trial(number).state)
        self._decisions.keep(trial, rung, RungDecision("continue", rung, reason))
        promoted = [*trial.user_attrs.get(PROMOTED, []), rung]
        self.set_facts(trial, {PROMOTED: promoted, PAUSED_AT: 0})
        return trial

    def _change_sampler(self, number: int) -> None:
        sampler = build_sampler(self._spec, number)
        hand_over(self._study.sampler, sampler)
        self._study.sampler = sampler

    def _finish(self, trial: Trial, state: TrialState, values: list[float] | None) -> None:
        try:
            self._study.tell(trial, values, state=state)
        except RuntimeError as error:
            # An exhausted grid calls study.stop(), which only study.optimize() allows.
            if "Study.stop" not in str(error):
                raise
            self.exhausted = True
        if state == TrialState.COMPLETE and isinstance(self._study.pruner, KeptPruner):
            self._study.pruner.complete(self._storage.get_trial(trial_id_of(trial)))
