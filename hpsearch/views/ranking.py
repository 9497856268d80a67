"""The order in which people want to see the trials of a study, and its progress in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from hpsearch.errors import InputError
from hpsearch.measure.rungs import epochs_trained
from hpsearch.protocol.types import Direction, primary, sign_of
from hpsearch.search.rungs import VALUES_BY_EPOCH
from hpsearch.search.store import FINISHED, StudyRecord, TrialRecord, TrialState
from hpsearch.studyfile.document import short_names
from hpsearch.views.formatting import command

ORDER: tuple[TrialState, ...] = ("complete", "running", "waiting", "paused", "pruned", "failed")
_KEPT_FOR_OTHERS = 3
_MORE_EPOCHS = "for more, raise `epochs` in the study file and run it again"

Place = tuple[int, float, int]


def latest_value(trial: TrialRecord) -> float | None:
    """Returns the trial's value of the first objective, or the last one it reported."""
    if trial.values:
        return trial.values[0]
    return trial.values_by_epoch[max(trial.values_by_epoch)] if trial.values_by_epoch else None


def known_values(trial: TrialRecord, objectives: Collection[str]) -> list[float | None]:
    """Returns a trial's value of each objective, or the last ones that it reported."""
    if trial.values:
        return [*trial.values]
    if several := trial.attributes.get(VALUES_BY_EPOCH, {}).get(str(epochs_done(trial))):
        return [*several]
    size = {"parameters": trial.attributes.get("parameters")}
    return [latest_value(trial), *map(size.get, [*objectives][1:])]


def epochs_done(trial: TrialRecord) -> int:
    """Returns how many epochs the trial has trained."""
    return max(trial.values_by_epoch, default=0)


def place(trial: TrialRecord, direction: Direction) -> Place:
    """Returns a trial's sort key: its state, then its value, then its number."""
    value = latest_value(trial)
    known = value is not None and not math.isnan(value)
    return (
        ORDER.index(trial.state),
        -sign_of(direction) * value if known and value is not None else math.inf,
        trial.number,
    )


def ranked(trials: Sequence[TrialRecord], direction: Direction) -> list[TrialRecord]:
    """Returns the complete trials, best first, then the others by state."""
    return sorted(trials, key=lambda trial: place(trial, direction))


def top(ordered: Sequence[TrialRecord], limit: int) -> list[TrialRecord]:
    """Returns the first `limit` ranked trials; a few places are reserved for those not complete."""
    complete = [trial for trial in ordered if trial.state == "complete"]
    others = [trial for trial in ordered if trial.state != "complete"]
    kept = min(len(others), max(_KEPT_FOR_OTHERS, limit - len(complete)), limit - 1)
    return complete[: limit - kept] + others[:kept]


@dataclass(frozen=True)
class Leading:
    """The best report of an unfinished trial that is already better than every complete one."""

    number: int
    state: TrialState
    step: int
    value: float


def leading(study: StudyRecord) -> Leading | None:
    """Returns the unfinished trial that leads by the first objective; None if none does."""
    sign = sign_of(primary(study.objectives)[1])
    known = (
        study.best.values[0] if study.best is not None and study.best.values else -sign * math.inf
    )
    leads: Leading | None = None
    for trial in study.trials:
        if trial.is_finished:
            continue
        for step, value in trial.values_by_epoch.items():
            if sign * value > sign * known:
                known, leads = value, Leading(trial.number, trial.state, step, value)
    return leads


def sorted_by(study: StudyRecord, key: str) -> list[TrialRecord]:
    """Returns the trials sorted by a value, with those that lack it at the end.

    Args:
        study: whose trials they are.
        key: an objective (the best first), `number`, `epochs`, `time`, `state`, or a parameter by
            its name or its short name.

    Raises:
        InputError: there is no such value to sort by.
    """
    names = short_names(name for trial in study.trials for name in trial.params)
    full = {short: name for name, short in names.items()} | {name: name for name in names}
    facts: dict[str, Callable[[TrialRecord], object]] = {
        "number": lambda trial: trial.number,
        "epochs": epochs_done,
        "time": lambda trial: trial.seconds,
        "state": lambda trial: ORDER.index(trial.state),
    }
    if key in study.objectives:
        sign, index = sign_of(study.objectives[key]), [*study.objectives].index(key)
        facts[key] = lambda trial: _signed(known_values(trial, study.objectives)[index], -sign)
    elif key in full:
        facts[key] = lambda trial: trial.params.get(full[key])
    if key not in facts:
        raise InputError(
            f"--sort {key}: write {', '.join([*study.objectives, *facts, *names.values()])}"
        )
    return sorted(study.trials, key=lambda trial: _sortable(facts[key](trial)))


def _signed(value: float | None, sign: float) -> float | None:
    return None if value is None or math.isnan(value) else sign * value


def _sortable(value: object) -> tuple[int, float, str]:
    """Returns a sort key for numbers, then texts, then None."""
    if isinstance(value, int | float):
        return 0, float(value), ""
    return (2, 0.0, "") if value is None else (1, 0.0, str(value))


def done(counts: Mapping[TrialState, int]) -> int:
    """Returns how many trials are finished, in whatever state."""
    return sum(counts[state] for state in FINISHED)


def settled(counts: Mapping[TrialState, int]) -> int:
    """Returns how many trials are finished, or paused: few of those train again."""
    return done(counts) + counts["paused"]


def goal(budget: int | None, counts: Mapping[TrialState, int]) -> int | None:
    """Returns how many trials a study has at its end: its budget, or as many as it has already."""
    return None if budget is None else max(budget, done(counts))


def to_go(study: StudyRecord) -> int | None:
    """Returns how many trials are left to finish; None if only time limits the study."""
    if study.epochs_spent:
        return len(study.trials) - done(study.counts)
    return None if study.budget is None else max(study.budget - done(study.counts), 0)


def ended_by_epochs(study: StudyRecord) -> bool:
    """Returns whether a study is done because its epochs are spent, and not its trials."""
    return study.epochs_spent and to_go(study) == 0 and done(study.counts) != study.budget


def epochs_words(study: StudyRecord) -> str:
    """Returns `312 of 500 trained`, or `312 trained` if epochs do not limit the study.

    For a search whose limit was changed while it runs, also the limit that its study keeps.
    """
    limit = study.run_epochs or study.epochs
    words = f"{epochs_trained(study.trials):,}{f' of {limit:,}' if limit else ''} trained"
    if ended_by_epochs(study):
        return f"{words}; {_MORE_EPOCHS}"
    if study.run_epochs in (None, study.epochs):
        return words
    kept = f"{study.epochs:,}" if study.epochs else "no limit"
    return f"{words} (changed for this run; the study keeps {kept})"


def progress_line(study: StudyRecord) -> str:
    """Returns `42 done, 18 to go`, or `42 done` if only time limits the study."""
    if ended_by_epochs(study):
        return f"{done(study.counts)} done, its {study.epochs:,} {study.unit}s are spent"
    rest = to_go(study)
    return f"{done(study.counts)} done" + ("" if rest is None else f", {rest} to go")


def paused_words(study: StudyRecord) -> str:
    """Returns who has paused a search, and what continues it; empty if it is not paused."""
    if study.state != "paused":
        return ""
    return f"by `hpsearch control`; `{command('control', study.name, 'resume')}` continues it"


def last_run_words(study: StudyRecord) -> str:
    """Returns when and why the last run ended before the study was done; empty where it was not so.

    A run whose process was killed has no end on record.
    """
    if (last := study.last_run) is None or (study.state == "done" and not last["why"]):
        return ""
    if last["ended"] is None:
        return f"began at {_minute(last['began'])} and was killed, or its machine went down"
    return f"ended at {_minute(last['ended'])}: {last['why']}" if last["why"] else ""


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")


def opening_line(study: StudyRecord) -> str:
    """Returns how far a search is when it begins, and what to do if nothing is left to train."""
    line = f"{study.name}: {progress_line(study)}"
    if to_go(study) == 0 and not study.counts["waiting"] + study.counts["paused"]:
        more = _MORE_EPOCHS if ended_by_epochs(study) else "--add N asks for more"
        line += f"; nothing to train ({more})"
    return line


def counts_line(counts: Mapping[TrialState, int]) -> str:
    """Returns `20 complete, 21 pruned, 1 failed`, without states that no trial is in."""
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "no trials"
