"""Samplers and pruners: their short names, what they need, and what they cannot search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hpsearch.studyfile.diagnostics import InvalidValueError, did_you_mean
from hpsearch.studyfile.distributions import Choice, FloatRange
from hpsearch.studyfile.slips import component_of, short_name
from hpsearch.studyfile.space import Space
from hpsearch.studyfile.units import parse_whole


@dataclass(frozen=True)
class Component:
    """A class by its path, and the arguments it is built with."""

    class_path: str
    init_args: Mapping[str, Any] = field(default_factory=dict)

    def to_tree(self) -> dict[str, Any]:
        """Returns the component as plain data, for `instantiate`."""
        return {"class_path": self.class_path, "init_args": dict(self.init_args)}


@dataclass(frozen=True)
class Promote:
    """Trials pause at rungs, and the best of each rung continue.

    Attributes:
        eta: one in `eta` trials continues, and each rung has `eta` times the epochs of the one
            before.
        first: epochs of the first rung.
    """

    eta: int = 4
    first: int = 1


SAMPLERS = {
    "grid": "optuna.samplers.GridSampler",
    "random": "optuna.samplers.RandomSampler",
    "tpe": "optuna.samplers.TPESampler",
    "gp": "optuna.samplers.GPSampler",
    "cmaes": "optuna.samplers.CmaEsSampler",
    "qmc": "optuna.samplers.QMCSampler",
    "nsgaii": "optuna.samplers.NSGAIISampler",
    "rungs": "hpsearch.search.rungs.sampler.RungSampler",
}
PRUNERS = {
    "none": "optuna.pruners.NopPruner",
    "median": "optuna.pruners.MedianPruner",
    "percentile": "optuna.pruners.PercentilePruner",
    "asha": "optuna.pruners.SuccessiveHalvingPruner",
    "hyperband": "optuna.pruners.HyperbandPruner",
    "patient": "optuna.pruners.PatientPruner",
    "wilcoxon": "optuna.pruners.WilcoxonPruner",
}
NO_PRUNER = Component(PRUNERS["none"])
PROMOTE = "promote"
_KEYS = {"sampler": SAMPLERS, "pruner": PRUNERS, "scheduler": (PROMOTE,)}
PACKAGES = {
    SAMPLERS["gp"]: ("scipy", "torch"),
    SAMPLERS["cmaes"]: ("cmaes",),
    SAMPLERS["qmc"]: ("scipy",),
    PRUNERS["wilcoxon"]: ("scipy",),
}
# Numbers that Optuna accepts, and with which it later divides by zero.
_MINIMUM = {PRUNERS["hyperband"]: {"min_resource": 1, "reduction_factor": 2}}
_WHOLE_ONLY = {SAMPLERS[name] for name in ("gp", "cmaes", "nsgaii")}
# The defaults of a short name; init_args in the file override them.
_DEFAULTS: dict[str, dict[str, Any]] = {"tpe": {"group": True}}


def read_component(written: Any, names: Mapping[str, str]) -> Component:
    """Returns the sampler or pruner that the file names, short names resolved, nested ones too.

    Args:
        written: a short name, a class path, or a mapping with `class_path` and `init_args`.
        names: the short names, to class paths.

    Raises:
        InvalidValueError: it is neither.
    """
    if isinstance(written, str):
        written = {"class_path": written}
    if not isinstance(written, dict) or not isinstance(written.get("class_path"), str):
        line = component_of(written, names)
        meant = f"; write {line}" if line else ""
        rule = "must be a short name, a class path, or class_path and init_args"
        raise InvalidValueError(f"{rule}{meant}")
    if extra := [key for key in written if key not in ("class_path", "init_args")]:
        raise InvalidValueError(f"has no key '{extra[0]}'; its arguments go into init_args")
    path, arguments = written["class_path"], written.get("init_args") or {}
    if not isinstance(arguments, dict):
        raise InvalidValueError("init_args must be a mapping of arguments")
    if path not in names and ("." not in path or path.endswith(")")):
        known = short_name(path, names) or component_of(path, names)
        meant = f"; write {known}" if known else _elsewhere(path, names)
        raise InvalidValueError(f"there is no '{path}'{meant}")
    nested = {name: _nested(name, value) for name, value in arguments.items()}
    component = Component(names.get(path, path), {**_DEFAULTS.get(path, {}), **nested})
    _require_whole(component.init_args, _MINIMUM.get(component.class_path, {}))
    return component


def read_scheduler(written: Any) -> Promote | Component:
    """Returns what decides how long a trial trains: pauses and promotions, or a pruner.

    Args:
        written: `promote` or a pruner, as `read_component` takes it.

    Raises:
        InvalidValueError: it is neither.
    """
    component = read_component(written, {PROMOTE: PROMOTE, **PRUNERS})
    if component.class_path != PROMOTE:
        return component
    known = {"eta": 2, "first": 1}
    for name in component.init_args:
        if name not in known:
            raise InvalidValueError(f"promote has no argument '{name}'{did_you_mean(name, known)}")
    _require_whole(component.init_args, known)
    return Promote(**component.init_args)


def _require_whole(arguments: Mapping[str, Any], minimum: Mapping[str, int]) -> None:
    """Raises InvalidValueError for an argument that is not a whole number, or too small."""
    for name in minimum.keys() & arguments.keys():
        parse_whole(arguments[name], f", {minimum[name]} or more", minimum[name], name=name)


def leaves_schedule_open(settings: Any) -> bool:
    """Returns whether a `study:` block chooses no scheduler, pruner, or sampler of Optuna's.

    Optuna's samplers learn from trials that have ended, so they are not combined with pauses unless
    the file says so.
    """
    if not isinstance(settings, dict):
        return False
    scheduler, pruner, sampler = (settings.get(key) for key in ("scheduler", "pruner", "sampler"))
    path = sampler.get("class_path") if isinstance(sampler, dict) else sampler
    return scheduler is None and pruner is None and path in (None, "rungs", SAMPLERS["rungs"])


def incompatibility(sampler: Component, space: Space) -> str | None:
    """Returns why a sampler cannot search a space, naming the parameter; None if it can."""
    branch = next(iter(space.branch_parameters), None)
    if sampler.class_path == SAMPLERS["cmaes"]:
        if branch:
            return f"cmaes cannot search branches, as at {branch}; use tpe"
        for name, distribution in space.parameters.items():
            if isinstance(distribution, Choice):
                return f"cmaes cannot search a ~choice, as at {name}; use tpe"
    if sampler.class_path == SAMPLERS["grid"]:
        if branch:
            other = "optuna.samplers.BruteForceSampler"
            return f"grid cannot search branches, as at {branch}; use {other}, which can"
        for name, distribution in space.parameters.items():
            if isinstance(distribution, FloatRange) and distribution.step is None:
                return f"grid needs a step in the range of {name}: ~float(low, high, step=...)"
    return None


# For each pruner, the argument that sets how many epochs a trial always trains.
_FIRST = {
    PRUNERS["median"]: "n_warmup_steps",
    PRUNERS["percentile"]: "n_warmup_steps",
    PRUNERS["asha"]: "min_resource",
    PRUNERS["hyperband"]: "min_resource",
    PRUNERS["patient"]: "patience",
}


def why_idle(pruner: Component, reports: int, unit: str = "epoch") -> str | None:
    """Returns why a pruner can never end a trial early; None if it can, or if that is unknown.

    Args:
        pruner: the pruner.
        reports: the most reports that a trial may make.
        unit: what it reports after, `epoch` or `validation`.
    """
    if pruner.class_path == NO_PRUNER.class_path:
        return None
    if reports == 1:
        return f"no trial can be pruned: each has one {unit}; write pruner: none"
    name = _FIRST.get(pruner.class_path, "")
    first = pruner.init_args.get(name)
    if isinstance(first, int) and first >= reports:
        rule = f"it begins after {name}={first}, and a trial has {reports} {unit}s"
        return f"no trial can be pruned: {rule}; lower it, or write pruner: none"
    return None


def why_blind(sampler: Component, pruner: Component, promote: Promote | None) -> str | None:
    """Returns why a sampler learns from few of a study's trials; None if it sees all of them.

    Args:
        sampler: the sampler.
        pruner: what ends trials early.
        promote: when trials pause; None if they do not.
    """
    whole_only = sampler.class_path in _WHOLE_ONLY
    if promote is None and (pruner == NO_PRUNER or not whole_only):
        return None
    if not whole_only and sampler.class_path != SAMPLERS["tpe"]:
        return None
    name = next(name for name, path in SAMPLERS.items() if path == sampler.class_path)
    sees = "trials that were trained whole" if whole_only else "trials that are not paused"
    remedy = "scheduler: promote with sampler: rungs" if promote is None else "sampler: rungs"
    return (
        f"{name} learns only from {sees}, and most are {'paused' if promote else 'pruned'};"
        f" write {remedy}, which learns from all of them, or pruner: none"
    )


def _elsewhere(path: str, names: Mapping[str, str]) -> str:
    """Returns the key that takes a short name that this one does not; else the nearest name."""
    key = next((key for key, known in _KEYS.items() if path.lower() in known), None)
    return f"; write {key}: {path.lower()}" if key else did_you_mean(path, names)


def _nested(name: str, value: Any) -> Any:
    """Resolves the value of an argument such as `wrapped_pruner`: a component, or only its name."""
    named = isinstance(value, str) and name.endswith(("pruner", "sampler"))
    if named or (isinstance(value, dict) and "class_path" in value):
        return read_component(value, SAMPLERS | PRUNERS).to_tree()
    return value
