"""The keys and sections of other tools (Optuna, Ray Tune, W&B, Hydra), and what to write."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from hpsearch.studyfile.slips.objectives import DIRECTIONS, METRICS, objective_of

_SECTIONS = {
    **dict.fromkeys(("datamodule", "dm", "dataset", "dataloader"), "data"),
    **dict.fromkeys(("module", "net", "network", "lightning_module"), "model"),
    **dict.fromkeys(("optim", "optimizers"), "optimizer"),
    **dict.fromkeys(("lr_scheduler", "scheduler"), "schedule"),
    **dict.fromkeys(("parameters", "search_space", "config", "hparams"), "model"),
    **dict.fromkeys(("param_space", "pipeline_space", "hyperparameters", "params"), "model"),
}
# What the programs of LightningCLI call their callbacks.
CALLBACKS = ("early_stopping", "model_checkpoint", "lr_monitor")
_ADVICE_ON_SECTIONS = {
    "ckpt_path": "a trial starts without a checkpoint; leave it out",
    "subcommand": "only fit is searched; leave it out",
    "fit": "its sections (model, data, trainer) are at the top level here; leave fit out",
    "hydra": "a sweep's settings go into study:, as in study: {sampler: tpe, trials: 40}",
    "defaults": "a study file includes no other; write the sections here, or a choice as ~choice:",
    "program": "a study file names classes instead, as in model: {class_path: my_module.Net}",
    "command": "a study file names classes instead, as in model: {class_path: my_module.Net}",
    **dict.fromkeys(
        ("tune_config", "run_config", "searcher", "sweep", "sweeper"),
        "a search's settings go into study:, as in study: {sampler: tpe, trials: 40}",
    ),
    **dict.fromkeys(
        CALLBACKS,
        "callbacks go into trainer.callbacks, or name the program's class, as in cli: main.MyCLI",
    ),
}
_OF_FILE = {*_SECTIONS.values(), "trainer", "speed", "tensorboard"}
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
# An example replaces a value that is missing or of the wrong kind.
_STUDY_KEYS: dict[str, tuple[str, Any]] = {
    **dict.fromkeys(("n_trials", "num_samples", "max_trials", "run_cap", "count"), ("trials", 40)),
    **dict.fromkeys(
        ("num_trials", "n_iter", "max_evals", "n_calls", "iterations", "max_num_trials_completed"),
        ("trials", 40),
    ),
    **dict.fromkeys(("max_evaluations_total", "evaluations_to_spend"), ("trials", 40)),
    **dict.fromkeys(
        ("max_time", "time_budget", "time_budget_s", "max_duration", "max_wallclock_time"),
        ("timeout", "2h"),
    ),
    **dict.fromkeys(("algorithm", "search_alg", "tuner", "method"), ("sampler", "tpe")),
    **dict.fromkeys(("early_terminate", "early_stopping", "stopper"), ("pruner", "hyperband")),
    **dict.fromkeys(("study_name", "project", "project_name", "experiment"), ("name", "my-study")),
    **dict.fromkeys(("seed_everything", "random_state", "random_seed"), ("seed", 1)),
}
# What another key of the study file, or the command line, sets.
MODEL_SIZES = ("parameters", "max_parameters", "params", "num_params", "n_params", "weights")
_BY_DEVICES = "use options of `hpsearch run`: --devices cuda:0,1 --per-device 2"
_BY_EPOCHS = "write trainer: {max_epochs: ...}"
_NO_MATTER = "nothing here needs it; leave it out"
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
    **dict.fromkeys(("stop", "training_iteration", "fidelity", "epochs_per_trial"), _BY_EPOCHS),
    **{name: f"write trainer: {{{name}: ...}}" for name in ("callbacks", "logger", "precision")},
    **dict.fromkeys(
        ("factor", "eta", "hyperband_iterations", "brackets"),
        "write pruner: {class_path: hyperband, init_args: {reduction_factor: 3}}",
    ),
    **dict.fromkeys(
        ("max_failures", "failure_config", "max_consecutive_failed_trials", "fail_fast", "catch"),
        "a trial that fails does not end the search, and a killed one is tried again; leave it out",
    ),
    **dict.fromkeys(
        ("checkpoint_config", "keep_checkpoints_num", "num_to_keep", "save_top_k"),
        "write keep_checkpoints: 10",
    ),
    **dict.fromkeys(
        ("directory", "local_dir", "root_directory", "storage_path", "output_dir", "log_dir"),
        "trials keep their files under runs/; use `hpsearch run --runs DIR`",
    ),
    **dict.fromkeys(
        ("max_cost_total", "cost_to_spend", "cost_limit"),
        "write timeout: 2h, or epochs: 400, of all trials together",
    ),
    **dict.fromkeys(("entity", "gc_after_trial", "show_progress_bar", "reuse_actors"), _NO_MATTER),
    **dict.fromkeys(("verbose", "max_report_frequency", "progress_reporter"), _NO_MATTER),
    **dict.fromkeys(
        ("load_if_exists", "resume", "overwrite", "overwrite_root_directory"),
        "the same name continues the study; --restart starts it over; leave it out",
    ),
}


def section_line(name: str) -> str | None:
    """Returns what to write instead of a section with another name; None if it is unknown."""
    if name in _OF_TRAINER:
        return f"trainer: {{{name}: ...}}"
    if name in _OF_STUDY or name in _STUDY_KEYS:
        return f"study: {{{_STUDY_KEYS.get(name, (name,))[0]}: ...}}"
    if name in (*METRICS, *DIRECTIONS):
        return "study: {objective: ...}"
    return f"{_SECTIONS[name]}:" if name in _SECTIONS else None


def missing_line(name: str, given: Collection[str]) -> str:
    """Returns the end of a message on a section that a file lacks, by the sections that it has."""
    if name == "study" and {"model", "trainer"} <= {*given}:
        return "; `hpsearch init --from FILE` makes a study file of a LightningCLI configuration"
    return ""


def section_advice(name: str, has_cli: bool = False) -> str | None:
    """Returns what to do about a section that only other tools have; None if it is unknown.

    Args:
        name: of the section.
        has_cli: whether the file names a LightningCLI class, which may have such a section itself.
    """
    return _ADVICE_ON_SECTIONS.get(name, None if has_cli else _ADVICE_ON_KEYS.get(name))


def study_line(key: str, settings: Mapping[str, Any]) -> str | None:
    """Returns what to write in the study block for a key of another tool; None if it is unknown."""
    if key in DIRECTIONS or (key in METRICS and key != "objective"):
        given = {name: settings[name] for name in (*METRICS, *DIRECTIONS) if name in settings}
        return objective_of(given)
    value = settings[key]
    if key == "optimizer" and isinstance(value, str):  # of NePS; elsewhere it is the network's
        key = "algorithm"
    if key not in _STUDY_KEYS:
        return None
    name, example = _STUDY_KEYS[key]
    if name == "sampler" and re.search(r"halving|hyperband|asha", str(value), re.IGNORECASE):
        name, example = "pruner", "hyperband"
    value = int(value) if isinstance(value, str) and value.isdigit() else value
    same_kind = type(value) is type(example) or (name == "timeout" and type(value) is int)
    return f"{name}: {value if same_kind and name not in ('sampler', 'pruner') else example}"


def study_advice(key: str, settings: Mapping[str, Any]) -> str | None:
    """Returns what to do about a key of the study block that only other tools have."""
    line = study_line(key, settings)
    if line is None and key in _OF_FILE:
        return f"{key}: is a section of its own; begin its line without spaces"
    if line:
        return f"write {line}"
    advice = _ADVICE_ON_KEYS.get(key)
    return advice and advice.replace("NAME", str(settings.get("name", "NAME")))


def constraints_line(written: Any) -> str | None:
    """Returns what to write for constraints that are not a list; None if that is unclear."""
    if isinstance(written, str):
        return f'as in ["{written}"]'
    sizes = [key for key in written if key in MODEL_SIZES] if isinstance(written, dict) else []
    if not sizes:
        return None
    return f"of values of the file; of a model's size write max_parameters: {written[sizes[0]]}"
