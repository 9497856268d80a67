"""Samplers, pruners and classes as other tools name them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# Of samplers and pruners, in lower case, without a suffix such as Sampler.
_ALGORITHMS = {
    **dict.fromkeys(("bayes", "bayesian", "bayesopt", "hyperopt", "optuna"), "tpe"),
    **dict.fromkeys(("bohb", "smac", "priorband", "bayesianoptimization", "flaml"), "tpe"),
    **dict.fromkeys(("gaussianprocess", "botorch", "gpei", "ax"), "gp"),
    **dict.fromkeys(("sobol", "halton", "latinhypercube", "lhs"), "qmc"),
    **dict.fromkeys(("evolutionary", "genetic", "evolution"), "nsgaii"),
    **dict.fromkeys(("pbt", "pb2", "populationbasedtraining"), "hyperband"),
    **dict.fromkeys(("successivehalving", "asynchyperband"), "asha"),
    **dict.fromkeys(("nop", "fifo", "null"), "none"),
    **dict.fromkeys(("medianstopping", "medianstoppingrule"), "median"),
    **dict.fromkeys(("cma", "cmaes"), "cmaes"),
    "nsga2": "nsgaii",
    "bruteforce": "grid",
}
_FIRST_ARGUMENT = {
    "percentile": "percentile",
    "median": "n_startup_trials",
    "asha": "min_resource",
    "hyperband": "min_resource",
}
_ENDINGS = re.compile(r"(sampler|pruner|scheduler|search|rule|[-_ ])", re.IGNORECASE)


def short_name(written: str, names: Sequence[str] | Mapping[str, str]) -> str | None:
    """Returns the short name of a sampler or pruner written as in other tools, if it has one."""
    plain = _ENDINGS.sub("", written.rpartition(".")[2]).lower()
    found = _ALGORITHMS.get(plain, plain)
    return found if found in names else None


def component_line(section: str, written: Any) -> str | None:
    """Returns what to write for a section that should name a class; None if that is unclear."""
    if isinstance(written, list) and written:
        return "write one of them, without its dash"
    if isinstance(written, str) and re.fullmatch(r"[A-Za-z_][\w.]*", written):
        package = {"optimizer": "torch.optim.", "schedule": "torch.optim.lr_scheduler."}
        path = written if "." in written else package.get(section, "my_module.") + written
        return f"write {section}: {{class_path: {path}}}"
    if isinstance(written, dict) and isinstance(target := written.get("_target_"), str):
        return f"write class_path: {target}, and its arguments under init_args:"
    if isinstance(written, dict) and section in ("model", "data"):
        return "name its class, or the LightningCLI class that knows it, as in cli: main.MyCLI"
    return None


def component_of(written: Any, names: Sequence[str] | Mapping[str, str]) -> str | None:
    """Returns a sampler or pruner with arguments as a study file writes it; None if it is unclear.

    Args:
        written: such as `{name: tpe, seed: 1}`, `{asha: {min_resource: 3}}` or the text of a call.
        names: the short names.
    """
    name, arguments = None, None
    is_mapping = isinstance(written, Mapping)
    key = next((k for k in ("name", "type", "_target_") if is_mapping and k in written), None)
    if isinstance(written, str) and (match := re.fullmatch(r"([\w.]+)\((.*)\)", written)):
        name, arguments = match[1], re.sub(r"\s*=\s*", ": ", match[2])
    elif key:
        name = written[key]
        arguments = _flow({k: v for k, v in written.items() if k != key})
    elif is_mapping and len(written) == 1:
        (name, nested), *_ = written.items()
        arguments = _flow(nested) if isinstance(nested, Mapping) else None
    known = short_name(name, names) if isinstance(name, str) else None
    if known is None or not arguments:
        return known
    if ":" not in arguments and known in _FIRST_ARGUMENT:  # given by its position
        arguments = f"{_FIRST_ARGUMENT[known]}: {arguments}"
    return f"{{class_path: {known}, init_args: {{{arguments}}}}}"


def _flow(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in arguments.items())
