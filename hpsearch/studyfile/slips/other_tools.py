"""The words of other tools (Optuna, Ray Tune, Hyperopt, W&B sweeps), and what to write for them."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_DIRECTION_WORDS = {
    **dict.fromkeys(("max", "maximise", "maximum", "higher", "up", "asc"), "maximize"),
    **dict.fromkeys(("min", "minimise", "minimum", "lower", "down", "desc"), "minimize"),
}
_SECTIONS = {
    **dict.fromkeys(("datamodule", "dm", "dataset", "dataloader"), "data"),
    **dict.fromkeys(("module", "net", "network", "lightning_module"), "model"),
    **dict.fromkeys(("optim", "optimizers"), "optimizer"),
    **dict.fromkeys(("lr_scheduler", "scheduler"), "schedule"),
    **dict.fromkeys(("parameters", "search_space", "config", "hparams"), "model"),
}
_OF_LIGHTNING_CLI = {
    "ckpt_path": "a trial begins anew, from no checkpoint; leave it out",
    "subcommand": "only fit is searched; leave it out",
    **dict.fromkeys(
        ("early_stopping", "model_checkpoint", "lr_monitor"),
        "callbacks go into trainer.callbacks, or name the program's class, as in cli: main.MyCLI",
    ),
}
_OF_TRAINER = ("callbacks", "max_epochs", "epochs", "logger", "precision", "accelerator")
# Of samplers and pruners, in small letters, without an ending such as Sampler.
_ALGORITHMS = {
    **dict.fromkeys(("bayes", "bayesian", "bayesopt", "hyperopt", "optuna"), "tpe"),
    **dict.fromkeys(("gaussianprocess", "botorch", "gpei"), "gp"),
    **dict.fromkeys(("successivehalving", "asynchyperband"), "asha"),
    **dict.fromkeys(("nop", "fifo", "null"), "none"),
    **dict.fromkeys(("medianstopping", "medianstoppingrule"), "median"),
    **dict.fromkeys(("cma", "cmaes"), "cmaes"),
    "nsga2": "nsgaii",
    "bruteforce": "grid",
}
_ENDINGS = re.compile(r"(sampler|pruner|scheduler|search|rule|[-_ ])", re.IGNORECASE)
# An example stands for a value that is missing or of a wrong kind.
_STUDY_KEYS: dict[str, tuple[str, Any]] = {
    **dict.fromkeys(("n_trials", "num_samples", "max_trials", "run_cap", "count"), ("trials", 40)),
    **dict.fromkeys(
        ("max_time", "time_budget", "time_budget_s", "max_duration"), ("timeout", "2h")
    ),
    **dict.fromkeys(("algorithm", "search_alg", "tuner", "method"), ("sampler", "tpe")),
    **dict.fromkeys(("early_terminate", "early_stopping", "stopper"), ("pruner", "hyperband")),
    **dict.fromkeys(("study_name", "project", "experiment"), ("name", "my-study")),
    **dict.fromkeys(("seed_everything", "random_state", "random_seed"), ("seed", 1)),
}
_LINKS = {"ref": "ref", "expr": "expr", "eval": "expr", "formula": "expr"}
_METRICS = ("metric", "monitor", "metrics", "objectives", "value", "values", "objective")
_DIRECTIONS = ("direction", "directions", "mode", "goal")

_Arguments = tuple[list[Any], dict[str, Any]]
_Writer = Callable[[list[Any], dict[str, Any]], str]


def short_name(written: str, names: Sequence[str] | Mapping[str, str]) -> str | None:
    """Returns the short name of a sampler or pruner that is written as elsewhere, if it has one."""
    plain = _ENDINGS.sub("", written.rpartition(".")[2]).lower()
    found = _ALGORITHMS.get(plain, plain)
    return found if found in names else None


def section_line(name: str) -> str | None:
    """Returns what to write for a section of another name; None if it is unknown."""
    if name in _OF_TRAINER:
        return f"trainer: {{{name}: ...}}"
    return f"{_SECTIONS[name]}:" if name in _SECTIONS else None


def section_advice(name: str) -> str | None:
    """Returns what to do about a section that only LightningCLI has; None if it is unknown."""
    return _OF_LIGHTNING_CLI.get(name)


def component_line(section: str, written: Any) -> str | None:
    """Returns what to write for a section that should name a class; None if that is unclear."""
    if isinstance(written, list) and written:
        return "write one of them, without its dash"
    if isinstance(written, str) and re.fullmatch(r"[A-Za-z_][\w.]*", written):
        package = {"optimizer": "torch.optim.", "schedule": "torch.optim.lr_scheduler."}
        path = written if "." in written else package.get(section, "my_module.") + written
        return f"write {section}: {{class_path: {path}}}"
    if isinstance(written, dict) and section in ("model", "data"):
        return "name its class, or the LightningCLI class that knows it, as in cli: main.MyCLI"
    return None


def direction_line(metric: str, word: Any) -> str | None:
    """Returns the objective for another word for its direction; None if it is unknown."""
    found = _DIRECTION_WORDS.get(str(word).lower())
    return f"objective: {{{metric}: {found}}}" if found else None


def without_quotes(value: Any) -> str:
    """Returns the end of a message on a number in quotes; empty for anything else."""
    is_number = isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", value, re.I)
    return f"; write {value}, without quotes" if is_number else ""


def study_line(key: str, settings: Mapping[str, Any]) -> str | None:
    """Returns what to write in the study block for a key of another tool; None if it is unknown."""
    if key in _DIRECTIONS or (key in _METRICS and key != "objective"):
        given = {name: settings[name] for name in (*_METRICS, *_DIRECTIONS) if name in settings}
        return f"objective: {{{_metric(given)}: {_direction(given)}}}"
    if key not in _STUDY_KEYS:
        return None
    name, example = _STUDY_KEYS[key]
    value = settings[key]
    value = int(value) if isinstance(value, str) and value.isdigit() else value
    same_kind = type(value) is type(example)
    return f"{name}: {value if same_kind and name not in ('sampler', 'pruner') else example}"


def search_from_text(text: str) -> str | None:
    """Returns the search expression for a call of another tool, or one without its `~`.

    Args:
        text: such as `tune.loguniform(1e-5, 1e-1)`, `~uniform(0, 1)` or `int(1, 8)`.
    """
    try:
        call = ast.parse(text.removeprefix("~").strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    if not isinstance(call, ast.Call):
        return None
    name = ast.unparse(call.func).rpartition(".")[2]
    if isinstance(call.func, ast.Name) and name in _LINKS and call.args:
        return f"~{_LINKS[name]}({', '.join(map(ast.unparse, call.args))})"
    if name not in _WRITERS:
        return None
    try:
        values, keywords = _literal_arguments(call)
        # Optuna and Hyperopt put the parameter's name first.
        is_named = name.startswith("suggest_") or ast.unparse(call.func).startswith("hp.")
        return _WRITERS[name](values[1:] if is_named else values, keywords)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError):
        return None


def search_from_mapping(value: Any) -> str | None:
    """Returns the search expression for a mapping of a sweep, such as `{min: 0.1, max: 0.5}`."""
    if not isinstance(value, Mapping) or not value.keys() <= _SWEEP_KEYS:
        return None
    if isinstance(options := value.get("values"), list) and len(options) > 1:
        return _choice([options], {})
    low, high = (value.get(a, value.get(b)) for a, b in (("min", "low"), ("max", "high")))
    if not (_is_number(low) and _is_number(high)):
        return None
    log = "log" in str(value.get("distribution", "")) or value.get("log") is True
    return _range(low, high, log, value.get("q", value.get("step")))


_MOST_LISTED = 50
_SWEEP_KEYS = {"min", "max", "low", "high", "distribution", "q", "step", "log", "values"}


def _metric(given: Mapping[str, Any]) -> str:
    names = [given[key] for key in _METRICS if isinstance(given.get(key), str)]
    nested = [one for one in given.values() if isinstance(one, Mapping)]
    names += [one["name"] for one in nested if isinstance(one.get("name"), str)]
    names += [next(iter(one)) for one in nested if "name" not in one and one]
    return str(names[0]) if names else "val_accuracy"


def _direction(given: Mapping[str, Any]) -> str:
    words = [given.get(key) for key in _DIRECTIONS]
    words += [one.get("goal") for one in given.values() if isinstance(one, Mapping)]
    known = ("maximize", "minimize")
    plain = [_DIRECTION_WORDS.get(str(word).lower(), str(word).lower()) for word in words if word]
    metric = _metric(given)
    likely = "minimize" if "loss" in metric or "error" in metric else "maximize"
    return next((word for word in plain if word in known), likely)


def _literal_arguments(call: ast.Call) -> _Arguments:
    values = [_literal(node) for node in call.args]
    return values, {word.arg or "": _literal(word.value) for word in call.keywords}


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Name):
        return {"true": True, "false": False, "null": None}.get(node.id, node.id)
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "range":
        return [*range(*map(ast.literal_eval, node.args))][:_MOST_LISTED]
    return ast.literal_eval(node)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _range(low: Any, high: Any, log: bool = False, step: Any = None) -> str:
    kind = "int" if isinstance(low, int) and isinstance(high, int) and not log else "float"
    if kind == "float" and step is not None and not log:
        return f"~float({low!r}, {high!r}, step={step!r})"
    more = ", log=True" if log else f", step={step!r}" if step not in (None, 1) else ""
    return f"~{kind}({low!r}, {high!r}{more})"


def _bounds(values: list[Any], keywords: dict[str, Any]) -> tuple[float, float]:
    names = [("low", "min", "lower", "lo"), ("high", "max", "upper", "hi")]
    found = []
    for place, spellings in enumerate(names):
        given = [keywords[name] for name in spellings if name in keywords]
        found.append(given[0] if given else values[place])
    low, high = found
    if not (_is_number(low) and _is_number(high)):
        raise ValueError(found)
    return low, high


def _float(values: list[Any], keywords: dict[str, Any], log: bool = False) -> str:
    low, high = (float(bound) for bound in _bounds(values, keywords))
    return _range(low, high, log or keywords.get("log") is True, keywords.get("step"))


def _stepped(values: list[Any], keywords: dict[str, Any], log: bool = False) -> str:
    low, high = (float(bound) for bound in _bounds(values, keywords))
    step = keywords.get("q", values[2] if len(values) > 2 else None)
    return _range(low, high, log, None if log else step)


def _int(values: list[Any], keywords: dict[str, Any]) -> str:
    low, high = (int(bound) for bound in _bounds(values, keywords))
    if keywords.get("log") is True:
        return f"~int({low}, {high}, log=True)"
    return _range(low, high, step=keywords.get("step"))


def _below(values: list[Any], keywords: dict[str, Any], log: bool = False) -> str:
    """Returns a range whose upper end is excluded, as in Ray Tune and numpy."""
    low, high = (int(bound) for bound in _bounds(values, keywords))
    return f"~int({low}, {high - 1}{', log=True' if log else ''})"


def _exponents(values: list[Any], keywords: dict[str, Any]) -> str:
    """Returns a range from Hyperopt's logarithms of its bounds, which may be negative."""
    low, high = _bounds(values, keywords)
    if low > 0:
        return _range(float(low), float(high), log=True)
    return _range(float(f"{math.exp(low):.3g}"), float(f"{math.exp(high):.3g}"), log=True)


def _choice(values: list[Any], keywords: dict[str, Any]) -> str:
    named = keywords.get("choices", keywords.get("categories", keywords.get("options")))
    options = named if named is not None else values
    if len(options) == 1 and isinstance(options[0], list | tuple):
        options = options[0]
    if len(options) < 2:
        raise ValueError(options)
    return f"~choice({', '.join(_option(option) for option in options)})"


def _option(option: Any) -> str:
    if isinstance(option, str):
        return option if re.fullmatch(r"[A-Za-z_]\w*", option) else f'"{option}"'
    words = {None: "null", True: "true", False: "false"}
    return words[option] if option is None or isinstance(option, bool) else repr(option)


_WRITERS: dict[str, _Writer] = {
    **dict.fromkeys(("uniform", "suggest_uniform", "suggest_float", "Float", "float"), _float),
    **dict.fromkeys(
        ("log_uniform", "suggest_loguniform", "log_uniform_values", "logfloat"),
        lambda values, keywords: _float(values, keywords, log=True),
    ),
    "loguniform": _exponents,
    **dict.fromkeys(("quniform", "q_uniform", "suggest_discrete_uniform"), _stepped),
    "qloguniform": lambda values, keywords: _stepped(values, keywords, log=True),
    **dict.fromkeys(("suggest_int", "Int", "Integer", "int", "int_uniform", "uniformint"), _int),
    "randint": _below,
    "lograndint": lambda values, keywords: _below(values, keywords, log=True),
    **dict.fromkeys(
        ("choice", "suggest_categorical", "Choice", "Categorical", "grid_search"), _choice
    ),
}
