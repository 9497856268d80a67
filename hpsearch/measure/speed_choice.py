"""What a study takes of the variants that were measured; `speed: auto` is decided here, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from statistics import mean, median, variance
from typing import Any

from optuna.storages import RDBStorage

from hpsearch.engines.slots import Slot
from hpsearch.errors import InputError
from hpsearch.measure.speed import (
    GAIN,
    Measurement,
    Status,
    is_faster,
    measure_speed,
    speedups,
)
from hpsearch.protocol.types import Direction, primary, sign_of
from hpsearch.search.compatible import begins_anew
from hpsearch.search.store import find_study
from hpsearch.search.store.keys import SPEED
from hpsearch.studyfile.study import StudySpec


def trial_seconds(timed: Measurement, epochs: int) -> float:
    """Returns the seconds of a trial's training with compiling; of one step without a length."""
    steps = timed.rounds[0]["steps_per_epoch"] * epochs
    return timed.compile_s + (steps or 1) * timed.step_s


def earned_after(baseline: Measurement, other: Measurement) -> float:
    """Returns after how many epochs compiling pays off; 0 if epochs have no length."""
    extra = other.compile_s - baseline.compile_s
    steps = other.rounds[0]["steps_per_epoch"]
    return max(extra, 0.0) / (baseline.step_s - other.step_s) / steps if steps else 0.0


def is_worse(baseline: Measurement, other: Measurement, direction: Direction) -> bool:
    """Returns whether a variant's objective is worse than the file's beyond the noise of seeds.

    That is by more than two standard errors of the difference of their means. Without objectives
    to compare, a variant of lower precision counts as worse, and another as not.
    """
    if not other.variant.lowers_precision:
        return False
    if not (baseline.values and other.values):
        return True
    sign, count = sign_of(direction), len(other.values)
    loss = sign * (mean(baseline.values) - mean(other.values))
    noise = (variance(baseline.values) + variance(other.values)) / count
    return bool(loss > 2 * noise**0.5)


def paying(
    baseline: Measurement, others: Sequence[Measurement], epochs: int, direction: Direction
) -> list[Measurement]:
    """Returns the variants worth taking, the one with the shortest trials first.

    They gain in every round, make up for their compiling within a trial, and do not make the
    objective worse.

    Args:
        baseline: the study file as it is.
        others: the variants.
        epochs: how many epochs a trial trains.
        direction: of the objective that was compared.
    """
    found = [
        other
        for other in others
        if is_faster(baseline, other)
        and earned_after(baseline, other) < epochs
        and not is_worse(baseline, other, direction)
    ]
    return sorted(found, key=lambda other: trial_seconds(other, epochs))


def objective_words(baseline: Measurement, other: Measurement, objective: str) -> str:
    """Returns what a variant of lower precision does to the objective; empty for another."""
    if not (baseline.values and other.values):
        return ""
    theirs, ours = (
        ", ".join(f"{value:.4g}" for value in each.values) for each in (other, baseline)
    )
    seeds = f"{len(other.values)} seeds"
    return (
        f"{objective} after {other.steps} steps with {seeds} is {theirs}; as the file says {ours}"
    )


def epochs_of(config: Mapping[str, Any]) -> int:
    """Returns how many epochs a trial of a setting trains; 1 where that is not known."""
    epochs = config["trainer"].get("max_epochs")
    return epochs if isinstance(epochs, int) and epochs > 0 else 1


def choose_speed(measured: Sequence[Measurement], spec: StudySpec) -> dict[str, Any]:
    """Returns what `speed: auto` takes of what was measured, as plain data.

    That is `taken`, by dotted name, the `line` that a study file would have instead, and `why`.

    Args:
        measured: the variants, the file as it is first; see `measure_speed`.
        spec: the study.
    """
    baseline, *others = measured
    if baseline.failure:
        return _choice({}, "", f"it could not be measured: {baseline.failure}")
    objective, direction = primary(spec.objectives)
    found = paying(baseline, others, epochs_of(baseline.variant.config), direction)
    # What the file says of precision is its author's choice.
    given = spec.document["trainer"]
    decided = not isinstance(given, dict) or "precision" in given
    found = [each for each in found if not (decided and each.variant.lowers_precision)]
    if not found:
        return _choice({}, "", f"nothing gains more than {GAIN - 1:.0%} in every round")
    best = found[0]
    each = speedups(baseline, best)
    why = f"{median(each):.2f} times as fast ({min(each):.2f} to {max(each):.2f})"
    words = objective_words(baseline, best, objective)
    why = "; ".join(filter(None, [why, words]))
    return _choice(best.variant.changes, best.variant.write, why)


def _choice(taken: Mapping[str, Any], line: str, why: str) -> dict[str, Any]:
    return {"taken": dict(taken), "line": line, "why": why}


def decide_speed(
    spec: StudySpec,
    database: RDBStorage,
    slots: Sequence[Slot],
    status: Status = lambda _: nullcontext(),
) -> StudySpec:
    """Returns a study with `speed: auto` decided.

    A study that has begun keeps what it took then, so that all its trials are computed alike.

    Args:
        spec: the study.
        database: where it is kept.
        slots: where its trials run; the first of them measures.
        status: shows a line of text while its block runs.

    Raises:
        InputError: its trials run on other machines than this one.
    """
    if not spec.measures_speed:
        return spec
    if (stored := find_study(database, spec.name)) is not None:
        decided = spec.with_speed(stored.study.user_attrs.get(SPEED))
        if not begins_anew(stored, decided):
            return decided
    if not slots:
        raise InputError(
            "speed: auto measures on this machine, and the trials run on others: run hpsearch check"
            " FILE --speed on one of them, and write what it says instead of auto"
        )
    measured = measure_speed(spec, slots[0], status, compiling=False)
    return spec.with_speed(choose_speed(measured, spec))
