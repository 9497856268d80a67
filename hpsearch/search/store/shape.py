"""Checks that what is in the database has the shape that hpsearch writes.

Other programs can write into a database, and a damaged file may lose rows. Whatever has the wrong
shape is reported in one sentence here, before the code that reads it fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from optuna.trial import FrozenTrial

from hpsearch.errors import InputError
from hpsearch.search.rungs import VALUES_BY_EPOCH
from hpsearch.search.store import keys

Fits = Callable[[Any], bool]
_LONGEST = 60


def check_shape(
    name: str, attributes: Mapping[str, Any], trials: Iterable[FrozenTrial] = ()
) -> None:
    """Raises InputError if an attribute of a study or its trials has the wrong shape.

    So does the number of a trial.
    """
    for key, value in attributes.items():
        if key in _OF_STUDY and not _OF_STUDY[key](value):
            raise _odd(name, f"its attribute {key}", value)
    for trial in trials:
        if not _whole(trial.number):
            raise _odd(name, "the number of a trial", trial.number)
        for key, value in trial.user_attrs.items():
            if key in _OF_TRIAL and not _OF_TRIAL[key](value):
                raise _odd(name, f"the attribute {key} of trial {trial.number}", value)


def check_objectives(
    name: str,
    objectives: Collection[str],
    directions: Sequence[Any],
    trials: Iterable[FrozenTrial],
) -> None:
    """Raises InputError if the database lacks an objective, or a trial's value for one."""
    if len(directions) != len(objectives):
        raise InputError(
            f"the study {name!r} cannot be read: the database has {len(directions)} of its"
            f" {len(objectives)} objectives; `hpsearch fsck {name} --repair` writes them again"
        )
    for trial in trials:
        if trial.values and len(trial.values) != len(objectives):
            raise InputError(
                f"the study {name!r} cannot be read: trial {trial.number} has"
                f" {len(trial.values)} of {len(objectives)} values; restore a copy of the database"
            )


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Reports rows and attributes that cannot be read as an InputError."""
    try:
        yield
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(
            f"the study {name!r} cannot be read: an attribute or a value of it, or of a trial, is"
            f" not what hpsearch writes ({error}); restore a copy of the database, or correct it"
        ) from error


def _odd(name: str, what: str, value: Any) -> InputError:
    shown = repr(value)
    shown = shown if len(shown) <= _LONGEST else shown[:_LONGEST] + "..."
    return InputError(
        f"the study {name!r} cannot be read: {what} is {shown}, which hpsearch did not write;"
        " restore a copy of the database, or correct the attribute"
    )


def _is(*types: type) -> Fits:
    """Returns a test for values of these types; a bool does not count as a number."""
    return lambda value: isinstance(value, types) and (bool in types or type(value) is not bool)


def _or_none(fits: Fits) -> Fits:
    return lambda value: value is None or fits(value)


def _all(fits: Fits) -> Fits:
    return lambda value: isinstance(value, list) and all(map(fits, value))


def _with(**fields: Fits) -> Fits:
    """Returns a test for mappings with these fields, each of which passes its own test."""

    def fits(value: Any) -> bool:
        return isinstance(value, dict) and all(
            name in value and test(value[name]) for name, test in fields.items()
        )

    return fits


_number, _text, _whole = _is(int, float), _is(str), _is(int)
_mapping = _is(dict)


def _seconds(value: Any) -> bool:
    return _number(value) and math.isfinite(value)


def _curve(value: Any) -> bool:
    steps = isinstance(value, dict) and all(step.isdecimal() for step in value)
    return steps and all(map(_number, value.values()))


def _curves(value: Any) -> bool:
    steps = isinstance(value, dict) and all(step.isdecimal() for step in value)
    return steps and all(map(_all(_number), value.values()))


_FINALIST = _with(
    trial=_whole,
    searched=_number,
    confirmed=_or_none(_number),
    low=_or_none(_number),
    high=_or_none(_number),
    optimism=_or_none(_number),
    values=_mapping,
    failed=_whole,
    parameters=_whole,
    seconds=_seconds,
)
_CONFIRMATION = _with(
    metric=_text,
    finalists=_all(_FINALIST),
    comparison=_or_none(_with(first=_whole, second=_whole, p_value=_or_none(_number))),
    chosen=_whole,
    model=_with(run=_whole, seed=_whole),
    test=_or_none(_with(metric=_text, value=_or_none(_number))),
    refit=_or_none(_mapping),
)
_ENSEMBLE = _with(
    metric=_text,
    examples=_whole,
    candidates=_whole,
    members=_all(_with(trial=_whole, of=_text, count=_whole, searched=_number)),
    averaging=_with(kind=_text, dim=_whole, target=_whole),
    values=_mapping,
    alone=_with(trial=_whole, of=_text, values=_mapping),
    held_out=_with(alone=_number, together=_number),
    left_out=_all(_with(trial=_whole, of=_text, reason=_text)),
    test=_or_none(_with(metric=_text, value=_or_none(_number))),
)
_OF_STUDY: Mapping[str, Fits] = {
    keys.ID: _text,
    keys.IMPORT_PATHS: _all(_text),
    keys.BUDGET: _or_none(_whole),
    keys.RUN_EPOCHS: _or_none(_whole),
    keys.PAUSED: _is(bool),
    keys.LAST_RUN: _with(began=_text, ended=_or_none(_text), why=_text),
    keys.RUNS: _text,
    keys.SPLIT: _text,
    keys.VERSIONS: _mapping,
    keys.CONFIRMS: _text,
    keys.CONFIRMATION: _CONFIRMATION,
    keys.ENSEMBLE: _ENSEMBLE,
    keys.TEST_EVALUATIONS: _all(_with(opened=_text, trial=_whole)),
    keys.ENVIRONMENTS: _all(_with(modules=_mapping, versions=_mapping)),
}
_OF_TRIAL: Mapping[str, Fits] = {
    keys.ATTEMPTS: _all(_mapping),
    keys.CHECKPOINT: _text,
    keys.CURVE: _curve,
    VALUES_BY_EPOCH: _curves,
    keys.DECISIONS: _all(_with(step=_whole, action=_text, rung=_whole, reason=_text)),
    keys.DEVICE: _text,
    keys.FAILURE: _text,
    keys.FAILURE_KIND: _text,
    keys.FINALIST: _whole,
    keys.GENERALIZATION_GAP: _number,
    keys.PAUSED_AT: _whole,
    keys.PRUNED_AT: _whole,
    keys.REPEAT: _whole,
    keys.SAMPLES_PER_S: _seconds,
    keys.SECONDS: _seconds,
    keys.SEED: _whole,
    keys.TRACEBACK: _text,
    "parameters": _whole,
    "epochs": _whole,
    "best_step": _whole,
}
