"""The keys and sections of other tools (Optuna, Ray Tune, W&B, Hydra), and what to write."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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
_ADVICE_ON_SECTIONS = {
    "ckpt_path": "a trial begins anew, from no checkpoint; leave it out",
    "subcommand": "only fit is searched; leave it out",
    "fit": "its sections (model, data, trainer) stand by themselves here; leave fit out",
    "hydra": "a sweep's settings go into study:, as in study: {sampler: tpe, trials: 40}",
    "defaults": "a study file is whole; write its sections here, or each choice as a ~choice:",
    "program": "a study file names classes instead, as in model: {class_path: my_module.Net}",
    "command": "a study file names classes instead, as in model: {class_path: my_module.Net}",
    **dict.fromkeys(
        ("early_stopping", "model_checkpoint", "lr_monitor"),
        "callbacks go into trainer.callbacks, or name the program's class, as in cli: main.MyCLI",
    ),
}
_OF_STUDY = ("name", "trials", "timeout", "sampler", "pruner", "seed")
_OF_TRAINER = (
    "callbacks",
    "max_epochs",
    "epochs",
    "logger",
    "precision",
    "accelerator",
    "max_steps",
)
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
    "max_num_trials_completed": ("trials", 40),
    **dict.fromkeys(
        ("max_time", "time_budget", "time_budget_s", "max_duration", "max_wallclock_time"),
        ("timeout", "2h"),
    ),
    **dict.fromkeys(("algorithm", "search_alg", "tuner", "method"), ("sampler", "tpe")),
    **dict.fromkeys(("early_terminate", "early_stopping", "stopper"), ("pruner", "hyperband")),
    **dict.fromkeys(("study_name", "project", "experiment"), ("name", "my-study")),
    **dict.fromkeys(("seed_everything", "random_state", "random_seed"), ("seed", 1)),
}
# What a study file says elsewhere, or the command line does.
MODEL_SIZES = ("parameters", "max_parameters", "params", "num_params", "n_params", "weights")
_BY_DEVICES = "say it to `hpsearch run`: --devices cuda:0,1 --per-device 2"
_BY_EPOCHS = "write trainer: {max_epochs: ...}"
_ADVICE_ON_KEYS = {
    **dict.fromkeys(
        ("n_jobs", "n_workers", "max_concurrent", "max_concurrent_trials", "max_parallel_trials"),
        _BY_DEVICES,
    ),
    **dict.fromkeys(("resources_per_trial", "trial_resources", "gpus_per_trial"), _BY_DEVICES),
    **dict.fromkeys(("max_t", "max_epochs", "max_resource", "max_resource_attr"), _BY_EPOCHS),
    **dict.fromkeys(
        ("grace_period", "min_iter", "reduction_factor"),
        "write pruner: {class_path: asha, init_args: {min_resource: 1, reduction_factor: 4}}",
    ),
    **dict.fromkeys(
        ("n_startup_trials", "n_initial_points", "points_to_evaluate", "num_initial_points"),
        "write sampler: {class_path: tpe, init_args: {n_startup_trials: 10}}, or enqueue: [...]",
    ),
    **dict.fromkeys(
        ("executions_per_trial", "n_repeats", "num_seeds"),
        "each trial trains once; `hpsearch confirm NAME --seeds 5` repeats the best",
    ),
    **dict.fromkeys(
        ("load_if_exists", "resume", "overwrite"),
        "the same name continues the study; --restart begins it anew; leave it out",
    ),
}
_METRIC = re.compile(r"[\w/.-]+")
_METRICS = ("metric", "monitor", "metrics", "objectives", "value", "values", "objective")
_DIRECTIONS = ("direction", "directions", "mode", "goal")


def short_name(written: str, names: Sequence[str] | Mapping[str, str]) -> str | None:
    """Returns the short name of a sampler or pruner that is written as elsewhere, if it has one."""
    plain = _ENDINGS.sub("", written.rpartition(".")[2]).lower()
    found = _ALGORITHMS.get(plain, plain)
    return found if found in names else None


def section_line(name: str) -> str | None:
    """Returns what to write for a section of another name; None if it is unknown."""
    if name in _OF_TRAINER:
        return f"trainer: {{{name}: ...}}"
    if name in _OF_STUDY or name in _STUDY_KEYS:
        return f"study: {{{_STUDY_KEYS.get(name, (name,))[0]}: ...}}"
    if name in (*_METRICS, *_DIRECTIONS):
        return "study: {objective: ...}"
    return f"{_SECTIONS[name]}:" if name in _SECTIONS else None


def section_advice(name: str) -> str | None:
    """Returns what to do about a section that only other tools have; None if it is unknown."""
    return _ADVICE_ON_SECTIONS.get(name)


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


def objective_line(written: Any) -> str | None:
    """Returns the objective for metrics without a direction, or with another word for it.

    None if it is unclear.
    """
    if isinstance(written, str | list):
        names = [written] if isinstance(written, str) else written
        known = all(isinstance(name, str) and _METRIC.fullmatch(name) for name in names)
        if not known or {*names} & {*_DIRECTION_WORDS, *_DIRECTION_WORDS.values()}:
            return None
        written = {name: _direction({"metric": name}) for name in names}
    if not isinstance(written, Mapping) or not written:
        return None
    pairs = [_objective(metric, word) for metric, word in written.items()]
    return f"objective: {{{', '.join(map(str, pairs))}}}" if all(pairs) else None


def _objective(metric: Any, word: Any) -> str | None:
    if metric in ("maximize", "minimize") and isinstance(word, str):
        return f"{word}: {metric}"
    found = _DIRECTION_WORDS.get(str(word).lower(), word)
    return f"{metric}: {found}" if found in ("maximize", "minimize") else None


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
    same_kind = type(value) is type(example) or (name == "timeout" and type(value) is int)
    return f"{name}: {value if same_kind and name not in ('sampler', 'pruner') else example}"


def study_advice(key: str, settings: Mapping[str, Any]) -> str | None:
    """Returns what to do about a key of the study block that only other tools have."""
    line = study_line(key, settings)
    return f"write {line}" if line else _ADVICE_ON_KEYS.get(key)


def constraints_line(written: Any) -> str | None:
    """Returns what to write for constraints that are not a list; None if that is unclear."""
    if isinstance(written, str):
        return f'as in ["{written}"]'
    sizes = [key for key in written if key in MODEL_SIZES] if isinstance(written, dict) else []
    if not sizes:
        return None
    return f"of values of the file; of a model's size write max_parameters: {written[sizes[0]]}"


def component_of(written: Any, names: Sequence[str] | Mapping[str, str]) -> str | None:
    """Returns a sampler or pruner with arguments as a study file writes it; None if it is unclear.

    Args:
        written: such as `{name: tpe, seed: 1}`, `{asha: {min_resource: 3}}` or the text of a call.
        names: the short names.
    """
    name, arguments = None, None
    if isinstance(written, str) and (match := re.fullmatch(r"([\w.]+)\((.*)\)", written)):
        name, arguments = match[1], re.sub(r"\s*=\s*", ": ", match[2])
    elif isinstance(written, Mapping) and len(written) == 1:
        (name, nested), *_ = written.items()
        arguments = _flow(nested) if isinstance(nested, Mapping) else None
    elif isinstance(written, Mapping):
        key = next((key for key in ("name", "type", "_target_") if key in written), None)
        name = written[key] if key else None
        arguments = _flow({k: v for k, v in written.items() if k != key})
    known = short_name(name, names) if isinstance(name, str) else None
    if known is None or not arguments:
        return known
    return f"{{class_path: {known}, init_args: {{{arguments}}}}}"


def _flow(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in arguments.items())


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
