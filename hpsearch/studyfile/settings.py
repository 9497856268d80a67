"""The `study:` block of a study file: name, objective, sampler, pruner and limits."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hpsearch.protocol.types import Direction
from hpsearch.studyfile import slips
from hpsearch.studyfile.algorithms import (
    NO_PRUNER,
    PRUNERS,
    SAMPLERS,
    Component,
    Promote,
    read_component,
    read_scheduler,
)
from hpsearch.studyfile.diagnostics import InvalidValueError, did_you_mean, in_yaml, mask, nearest
from hpsearch.studyfile.document import Diagnostics
from hpsearch.studyfile.units import parse_duration, parse_share, parse_size, parse_whole

HANG_TIMEOUT_S = 900.0
KEEP_CHECKPOINTS = 10
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Devices of Windows, with any extension: no folder there can have these names.
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_AS_WRITTEN = ("trials", "epochs", "trial_seed", "storage", "max_parameters")


@dataclass(frozen=True)
class StudySettings:
    """The `study:` block; see `StudySpec` for the fields."""

    name: str = ""
    objectives: Mapping[str, Direction] = field(default_factory=dict)
    sampler: Component = field(default_factory=lambda: read_component("tpe", SAMPLERS))
    pruner: Component = NO_PRUNER
    promote: Promote | None = None
    trials: int | None = None
    epochs: int | None = None
    timeout_s: float | None = None
    seed: int = 0
    trial_seed: int | None = None
    storage: str | None = None
    hang_timeout_s: float | None = HANG_TIMEOUT_S
    trial_timeout_s: float | None = None
    keep_checkpoints: int = KEEP_CHECKPOINTS
    disk_budget: int | None = None
    devices_per_trial: int = 1
    constraints: tuple[str, ...] = ()
    max_parameters: int | None = None
    audit: float = 0.0
    enqueue: tuple[Any, ...] = ()
    start_from: str | None = None


def read_settings(settings: Any, log: Diagnostics, *, limited: bool) -> StudySettings:
    """Returns the settings of the block, with defaults for what cannot be read.

    Args:
        settings: the `study:` block.
        log: where its errors go.
        limited: whether it needs a limit (trials or time), since there is something to search.
    """
    if not isinstance(settings, dict):
        if settings is not None:
            log.add(("study",), "must be a mapping with a name, an objective and trials")
        return StudySettings()
    for key in settings:
        if key not in _READERS:
            advice = slips.study_advice(key, settings)
            meant = f"; {advice}" if advice else did_you_mean(key, _READERS)
            log.add(("study", key), f"study has no key '{key}'{meant}")
    # A key in the wrong spelling is one error, and not a missing key as well.
    lines = [slips.study_line(key, settings) or nearest(key, _READERS) or "" for key in settings]
    given = {line.partition(":")[0] for line in lines} | {*settings}
    for key in ("name", "objective"):
        if key not in given:
            log.add(("study", key), f"study needs {_EXAMPLES[key]}")
    no_limits = [key for key in settings if settings[key] is None and not log.has(("study", key))]
    # A grid is a limit itself.
    is_grid = settings.get("sampler") in ("grid", SAMPLERS["grid"])
    if limited and not is_grid and not {"trials", "epochs", "timeout"} & (given - {*no_limits}):
        log.add(("study", "trials"), "study needs a limit, as in trials: 60 or timeout: 2h")
    read = {key: _read(key, settings[key], log) for key in _READERS if key in settings}
    objectives = read.get("objective") or {}
    promote, pruner = _schedule(read, len(objectives), log)
    sampler = read.get("sampler") or read_component("rungs" if promote else "tpe", SAMPLERS)
    return StudySettings(
        name=read.get("name") or "",
        objectives=objectives,
        sampler=sampler,
        pruner=pruner,
        promote=promote,
        timeout_s=read.get("timeout"),
        seed=read.get("seed") or 0,
        constraints=read.get("constraints") or (),
        audit=_audit(read, promote, log),
        enqueue=read.get("enqueue") or (),
        start_from=_other_study(read, log),
        **_limits(read),
    )


def _schedule(
    read: Mapping[str, Any], objectives: int, log: Diagnostics
) -> tuple[Promote | None, Component]:
    """Returns whether trials pause, and what ends them early."""
    scheduler, pruner = read.get("scheduler"), read.get("pruner")
    key = "scheduler" if scheduler else "pruner"
    if scheduler and pruner:
        rule = "a study has a scheduler or a pruner, not both"
        log.add(("study", "pruner"), f"{rule}; leave one of them out")
    chosen = scheduler or pruner
    pauses = isinstance(chosen, Promote)
    if objectives > 1 and not pauses and (chosen or NO_PRUNER) != NO_PRUNER:
        rule = "a pruner cannot rank trials of several objectives"
        log.add(("study", key), f"{rule}; write scheduler: promote, or {key}: none")
    if chosen is None:  # beside a sampler of Optuna's, and in studies stored before `promote`
        chosen = read_component("hyperband", PRUNERS) if objectives == 1 else NO_PRUNER
    return (chosen, NO_PRUNER) if isinstance(chosen, Promote) else (None, chosen)


def _audit(read: Mapping[str, Any], promote: Promote | None, log: Diagnostics) -> float:
    share: float = read.get("audit") or 0.0
    if share and promote is None:
        rule = "only trials that pause can be audited"
        log.add(("study", "audit"), f"{rule}; write scheduler: promote, or leave audit out")
    return share


def _other_study(read: Mapping[str, Any], log: Diagnostics) -> str | None:
    name: str | None = read.get("start_from")
    if name is not None and name == read.get("name"):
        rule = "a study cannot start from itself"
        log.add(("study", "start_from"), f"{rule}; name another study of the same database")
    return name


def _limits(read: Mapping[str, Any]) -> dict[str, Any]:
    hang, kept = read.get("hang_timeout"), read.get("keep_checkpoints")
    return {
        **{key: read.get(key) for key in _AS_WRITTEN},
        "hang_timeout_s": None if hang == math.inf else hang or HANG_TIMEOUT_S,
        "trial_timeout_s": read.get("trial_timeout"),
        "keep_checkpoints": KEEP_CHECKPOINTS if kept is None else kept,
        "disk_budget": read.get("disk_budget"),
        "devices_per_trial": read.get("devices_per_trial") or 1,
    }


def _read(key: str, value: Any, log: Diagnostics) -> Any:
    if value is None and key not in ("name", "objective"):
        return None
    try:
        return _READERS[key](value)
    except ValueError as error:
        log.add(("study", key), str(error))
        return None


def check_name(value: Any) -> str:
    """Returns the name of a study.

    Raises:
        InvalidValueError: no study can have it.
    """
    if not (isinstance(value, str) and _NAME.fullmatch(value)):
        rule = "up to 64 letters, digits, dots, _ and -, the first a letter or a digit"
        meant = slips.name_line(value)
        raise InvalidValueError(f"{in_yaml(value)} cannot name a study; use {rule}{meant}")
    if _DEVICE.fullmatch(value):
        raise InvalidValueError(
            f"{value!r} cannot name a study: Windows reserves it for a device; write another"
        )
    return value


def _read_objectives(value: Any) -> dict[str, Direction]:
    line = slips.objective_line(value)
    if not isinstance(value, dict) or not value:
        meant = f"; write {line}" if line else f", as in {_EXAMPLES['objective']}"
        raise InvalidValueError(f"must be {{metric: direction}}{meant}")
    for metric, direction in value.items():
        if not isinstance(metric, str) or metric != metric.strip() or not metric:
            rule = "cannot name a metric; write the name that the module logs"
            raise InvalidValueError(f"{in_yaml(metric)} {rule}")
        if direction not in ("maximize", "minimize"):
            known = did_you_mean(str(direction), ("maximize", "minimize"))
            meant = f"; write {line}" if line else known
            raise InvalidValueError(f"{in_yaml(direction)} is not a direction for {metric}{meant}")
    return dict(value)


def _read_count(value: Any) -> int:
    return parse_whole(value, ", 1 or more", 1)


def _read_seed(value: Any) -> int:
    return parse_whole(value, " from 0 to 2**32 - 1", 0, 2**32 - 1)


def _read_limit(value: Any) -> float:
    if slips.is_no_limit(value):
        raise InvalidValueError(f"{in_yaml(value)} is not a duration; leave it out for no limit")
    return parse_duration(value)


def _read_hang_timeout(value: Any) -> float:
    """Returns seconds; infinite if switched off."""
    if value is False or value == "off":
        return math.inf
    if slips.is_no_limit(value):
        raise InvalidValueError(f'{value!r} is not a duration; write "off", in quotes')
    try:
        return parse_duration(value)
    except ValueError as error:
        raise InvalidValueError(f'{error}, or "off"') from None


def _read_enqueue(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise InvalidValueError(
            "must be a list of settings, as in [{lr: 0.003}, {lr: 0.01, dropout: 0}]"
        )
    return tuple(value)


def _read_storage(value: Any) -> str:
    if not isinstance(value, str) or "://" not in value:
        raise InvalidValueError("must be the URL of a database, such as sqlite:///hpsearch.db")
    if mask(value) != value:
        raise InvalidValueError(
            "holds a password, which would be stored with the study; "
            "leave storage out and set $HPSEARCH_STORAGE"
        )
    return value


def _read_constraints(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        meant = slips.constraints_line(value) or 'as in ["model.width % model.heads == 0"]'
        raise InvalidValueError(f"must be a list of formulas in quotes, {meant}")
    return tuple(value)


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidValueError(f"{in_yaml(value)} must be text, in quotes")
    return value


_READERS: dict[str, Callable[[Any], Any]] = {
    "name": check_name,
    "objective": _read_objectives,
    "sampler": lambda value: read_component(value, SAMPLERS),
    "pruner": lambda value: read_component(value, PRUNERS),
    "scheduler": read_scheduler,
    "trials": _read_count,
    "epochs": _read_count,
    "timeout": _read_limit,
    "seed": _read_seed,
    "trial_seed": _read_seed,
    "storage": _read_storage,
    "hang_timeout": _read_hang_timeout,
    "trial_timeout": _read_limit,
    "keep_checkpoints": lambda value: parse_whole(value, ", 0 or more", 0),
    "disk_budget": parse_size,
    "devices_per_trial": _read_count,
    "audit": parse_share,
    "enqueue": _read_enqueue,
    "start_from": check_name,
    "description": _read_text,
    "constraints": _read_constraints,
    "max_parameters": _read_count,
}
_EXAMPLES = {
    "name": "a name, as in name: mnist-cnn",
    "objective": "objective: {val_accuracy: maximize}",
}
