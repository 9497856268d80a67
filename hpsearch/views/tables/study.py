"""A study's facts, its trials and its failures, as `list` and `status` print them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from hpsearch.measure.rungs import count_rungs
from hpsearch.protocol.types import Scalar, primary, sign_of
from hpsearch.search.store.keys import FAILURE_KIND
from hpsearch.views import formatting
from hpsearch.views.console import head_table
from hpsearch.views.ranking import (
    counts_line,
    done,
    epochs_words,
    goal,
    last_run_words,
    leading,
    paused_words,
    progress_line,
    sorted_by,
)
from hpsearch.views.tables.confirmation import confirmed_words, evaluations_words
from hpsearch.views.tables.ensemble import ensemble_line
from hpsearch.views.tables.environments import environment_lines, trial_words
from hpsearch.views.tables.leaderboard import leaderboard

if TYPE_CHECKING:
    from rich.table import Table

    from hpsearch.search.store import StudyRecord, TrialRecord
    from hpsearch.studyfile.document import Document

# Reported to the sampler as pruned, with a violated constraint.
_AVOIDED = ("out of memory", "infeasible")


def failure_counts(study: StudyRecord) -> str:
    """Returns `7: hang 2, training 5; out of memory 3 (pruned)`; empty if none failed."""
    kinds = {kind: len(trials) for kind, trials in study.failures.items()}
    avoided = {kind: kinds.pop(kind) for kind in _AVOIDED if kind in kinds}
    counts = ", ".join(f"{kind} {count}" for kind, count in kinds.items())
    parts = [f"{sum(kinds.values())}: {counts}"] * bool(kinds)
    parts += [f"{kind} {count} (pruned)" for kind, count in avoided.items()]
    return "; ".join(parts)


_WIDEST_NAME = 24
STATE_STYLES = {
    "running": "cyan",
    "paused": "magenta",
    "done": "green",
    "interrupted": "yellow",
    "new": "dim",
}


def study_list(studies: Sequence[StudyRecord]) -> Table:
    """Returns one row per study: name, state, share of the budget, best value, counts."""
    table = head_table()
    # A name is copied from here, so it is the last to be folded.
    longest = max((len(study.name) for study in studies), default=0)
    table.add_column("study", overflow="fold", min_width=min(longest, _WIDEST_NAME))
    table.add_column("state", no_wrap=True)
    table.add_column("done", justify="right", no_wrap=True)
    table.add_column("best")
    table.add_column("trials")
    for study in studies:
        aim = goal(study.budget, study.counts)
        share = f"{done(study.counts)}/{'-' if aim is None else aim}"
        table.add_row(
            Text(study.name, style="bold"),
            Text(study.state, style=STATE_STYLES[study.state])
            if study.moved is None
            else Text("moved", style="dim"),
            Text(share),
            Text(best_words(study)),
            Text(counts_line(study.counts)),
        )
    return table


def best_words(study: StudyRecord) -> str:
    """Returns `val_accuracy 0.9931 (trial 17)`, and an unfinished trial that is already better."""
    words = []
    if study.best is not None and study.best.values is not None:
        named = zip(study.objectives, study.best.values, strict=True)
        values = ", ".join(f"{name} {formatting.metric(value)}" for name, value in named)
        words.append(f"{values} (trial {study.best.number}{_chosen_words(study)})")
    if (leads := leading(study)) is not None:
        value = f"{primary(study.objectives)[0]} {formatting.metric(leads.value)}"
        words.append(
            f"so far {value} (trial {leads.number}, {study.unit} {leads.step}, {leads.state})"
        )
    return "; ".join(words) or "-"


def _chosen_words(study: StudyRecord) -> str:
    """Returns that a confirmation chose the best trial, if the search had a better value."""
    sign = sign_of(primary(study.objectives)[1])
    best = study.best.values if study.best is not None else None
    is_beaten = best is not None and any(
        sign * trial.values[0] > sign * best[0]
        for trial in study.trials
        if trial.state == "complete" and trial.values
    )
    return ", confirmed" if study.confirmation and is_beaten else ""


def _unproved(study: StudyRecord) -> str:
    """Returns which values no record proves, where that is so."""
    if study.unproved is None:
        shown = any(trial.values_by_epoch for trial in study.trials)
        return "not here, so only the database has the values" if shown else ""
    if not study.unproved:
        return ""
    return f"only the database has the values of {trial_words(study.unproved)}"


_FAILURES = 5
_NUMBERS = 6  # of trials that failed in the same way
_NAMES = 10  # columns for the names of facts


def study_status(
    study: StudyRecord,
    *,
    width: int,
    limit: int = 10,
    sort: str | None = None,
    source: Document | None = None,
) -> Group:
    """Returns the study's facts, its best trials, and why trials failed.

    Args:
        study: the study as it is now.
        width: columns of the screen.
        limit: rows of the leaderboard at most.
        sort: what to sort by, see `sorted_by`; None for the best first.
        source: its file, whose lines are named where a value fails every trial.

    Raises:
        InputError: no value of this name exists.
    """
    parts: list[RenderableType] = [study_heading(study), *_facts(study, width)]
    if study.trials:
        marked = [trial.number for trial in study.pareto_front]
        if study.best is not None:
            marked.append(study.best.number)
        table = leaderboard(
            study.trials if sort is None else sorted_by(study, sort),
            study.objectives,
            width=width,
            limit=limit,
            unit=study.unit,
            marked=marked,
            in_order=sort is not None,
        )
        parts += [Text(), table]
    parts += _failures(study, source)
    return Group(*parts)


def study_heading(study: StudyRecord) -> Text:
    """Returns the study's name, its state and how far it is."""
    return Text.assemble(
        (study.name, "bold"),
        ("  ", ""),
        (study.state, STATE_STYLES[study.state]),
        f"  {progress_line(study)} ({counts_line(study.counts)})",
    )


def _facts(study: StudyRecord, width: int) -> list[Text]:
    goals = ", ".join(f"{direction} {name}" for name, direction in study.objectives.items())
    rows = {
        "objective": goals,
        "best": best_words(study),
        "storage": study.storage,
        "runs": study.runs,
    }
    if study.moved is not None:
        rows["moved"] = f"to {study.moved}, where it continues; this is how it was then"
    rungs = count_rungs(study.trials)
    if rungs or study.epochs or study.run_epochs:
        rows[f"{study.unit}s"] = epochs_words(study)
    if rungs:
        rows["rungs"] = f"\n{' ' * _NAMES}".join(map(str, rungs))
    if study.pareto_front:
        rows["Pareto"] = "trials " + ", ".join(str(trial.number) for trial in study.pareto_front)
    if study.failures:
        rows["failed"] = _wrapped(failure_counts(study), width)
    if study.speed:
        rows["speed"] = _wrapped(formatting.speed_words(study.speed), width)
    if study.confirmation:
        rows["confirmed"] = confirmed_words(study.confirmation)
    if study.ensemble:
        rows["ensemble"] = ensemble_line(study.ensemble)
    if study.test_evaluations:
        rows["tested"] = evaluations_words(study.test_evaluations)
    if lines := environment_lines(study):
        rows["trained"] = f"\n{' ' * _NAMES}".join(lines)
    if study.owner:
        rows["run by"] = study.owner
    if words := paused_words(study):
        rows["paused"] = words
    if words := last_run_words(study):
        rows["last run"] = _wrapped(words, width)
    if words := (study.contradiction_words or _unproved(study)):
        rows["record"] = _wrapped(words, width)
    return [Text.assemble((f"{name:<{_NAMES}}", "dim"), value) for name, value in rows.items()]


def _wrapped(words: str, width: int) -> str:
    """Returns a text in lines that begin below each other, beside the names of facts."""
    lines = wrap(words, width - _NAMES, break_on_hyphens=False)
    return f"\n{' ' * _NAMES}".join(lines)


def _failures(study: StudyRecord, source: Document | None) -> list[RenderableType]:
    """Returns the last failures, with equal ones in one line.

    Where no trial is complete, they include those that were pruned for what went wrong.
    """
    failed = [
        trial
        for trial in study.trials
        if trial.state == "failed" or (trial.failure_kind and not study.counts["complete"])
    ]
    groups: dict[str, list[TrialRecord]] = {}
    for trial in failed:
        kind = trial.attributes.get(FAILURE_KIND)
        words = f"{trial.state}{f' ({kind})' if kind else ''}: {trial.failure}"
        groups[words] = [*groups.pop(words, []), trial]
    fine = {
        pair
        for trial in study.trials
        if trial.values and trial.failure_kind is None
        for pair in trial.params.items()
    }
    shown = [*groups.items()][-_FAILURES:]
    lines: list[RenderableType] = [
        Text(_failure(words, some, fine, source)) for words, some in shown
    ]
    if len(groups) > _FAILURES:
        lines.insert(0, Text(f"the last {_FAILURES} of {len(groups)} failures:"))
    return [Text(), *lines] if lines else []


def _failure(
    words: str,
    trials: Sequence[TrialRecord],
    fine: Collection[tuple[str, Scalar]],
    source: Document | None,
) -> str:
    """Returns a failure as one line, with the parameter value that only its trials have, if any."""
    if len(trials) == 1:
        return f"trial {trials[0].number} {words}"
    numbers = [str(trial.number) for trial in trials]
    named = ", ".join(numbers[:_NUMBERS]) + ", ..." * (len(numbers) > _NUMBERS)
    shared = {
        name: f"{name}={value}"
        for name, value in trials[0].params.items()
        if (name, value) not in fine and all(t.params.get(name) == value for t in trials)
    }
    lines = [line for name in shared if source is not None and (line := source.line_of(name))]
    all_have = f"; all have {' '.join(shared.values())}" * bool(shared)
    return "\n  ".join([f"{len(trials)} trials ({named}) {words}{all_have}", *lines])
