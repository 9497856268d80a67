"""Arguments of Lightning's Trainer that a study file does not give it, and what to write instead.

Those of its earlier releases are among them.
"""

from __future__ import annotations

import re
from typing import Any

_BY_DEVICES = (
    "hpsearch gives each trial its device; use --devices and --per-device,"
    " or study.devices_per_trial for several"
)
_BY_FOLDER = "hpsearch keeps each trial's files in its folder; use --runs"
_BY_CHECKPOINTS = "hpsearch writes the checkpoints a trial is resumed from"
_BY_PROGRESS = "hpsearch shows the progress of all trials together"
_BY_SUMMARY = "hpsearch summary STUDY.yaml shows the layers"
SET_BY_HPSEARCH = {
    **dict.fromkeys(("accelerator", "devices", "num_nodes"), _BY_DEVICES),
    **dict.fromkeys(("gpus", "num_gpus", "auto_select_gpus", "tpu_cores", "ipus"), _BY_DEVICES),
    **dict.fromkeys(("num_processes", "nb_gpu_nodes", "distributed_backend"), _BY_DEVICES),
    **dict.fromkeys(("default_root_dir", "default_save_path", "weights_save_path"), _BY_FOLDER),
    **dict.fromkeys(("enable_checkpointing", "checkpoint_callback"), _BY_CHECKPOINTS),
    **dict.fromkeys(("enable_progress_bar", "progress_bar_refresh_rate"), _BY_PROGRESS),
    **dict.fromkeys(("show_progress_bar", "process_position"), _BY_PROGRESS),
    **dict.fromkeys(("enable_model_summary", "weights_summary"), _BY_SUMMARY),
    "barebones": "it turns off the logging that hpsearch reads the objective from",
    "fast_dev_run": "use --set trainer.max_epochs=1 --trials 1",
}
_NO_MATTER = "leave it out"
_MIXED = "write precision: 16-mixed"
_CALLBACK = "write callbacks: [{class_path: pytorch_lightning.callbacks."
# `{}` is the argument's value.
_REMOVED = {
    "resume_from_checkpoint": "a trial continues from its own checkpoint; leave it out",
    "auto_lr_find": "search it, as in model.init_args: {lr: ~float(1e-4, 1e-1, log=True)}",
    "auto_scale_batch_size": "search it, as in data.init_args: {batch_size: ~choice(32, 64)}",
    "track_grad_norm": "log grad_norm of Lightning in the module's on_before_optimizer_step",
    **dict.fromkeys(("amp_backend", "amp_level", "use_amp"), _MIXED),
    "stochastic_weight_avg": _CALLBACK + "StochasticWeightAveraging, init_args: {swa_lrs: 0.01}}]",
    "early_stop_callback": _CALLBACK + "EarlyStopping, init_args: {monitor: val_loss}}]",
    "log_gpu_memory": _CALLBACK + "DeviceStatsMonitor}]",
    "terminate_on_nan": "a trial whose loss is not a number fails anyway; leave it out",
    **dict.fromkeys(("flush_logs_every_n_steps", "move_metrics_to_cpu"), _NO_MATTER),
    "replace_sampler_ddp": "write use_distributed_sampler: {}",
    "multiple_trainloader_mode": "return Lightning's CombinedLoader(loaders, mode) from the data",
    "prepare_data_per_node": "set self.prepare_data_per_node in the data module",
    "reload_dataloaders_every_epoch": "write reload_dataloaders_every_n_epochs: 1",
    "truncated_bptt_steps": "split the sequence in training_step, with manual optimization",
    "overfit_pct": "write overfit_batches: {}",
    "train_percent_check": "write limit_train_batches: {}",
    "val_percent_check": "write limit_val_batches: {}",
    "test_percent_check": "write limit_test_batches: {}",
    **dict.fromkeys(("row_log_interval", "log_save_interval"), "write log_every_n_steps: {}"),
    "max_nb_epochs": "write max_epochs: {}",
    "min_nb_epochs": "write min_epochs: {}",
    "nb_sanity_val_steps": "write num_sanity_val_steps: {}",
}

_LEAST = {
    **dict.fromkeys(("accumulate_grad_batches", "check_val_every_n_epoch"), 1),
    **dict.fromkeys(("reload_dataloaders_every_n_epochs", "log_every_n_steps"), 0),
    **dict.fromkeys(("min_epochs", "min_steps"), 0),
    "num_sanity_val_steps": -1,
}
# Of an epoch; Lightning takes a number up to 1 with a decimal point for a share.
_PARTS = {
    *("limit_train_batches", "limit_val_batches", "limit_test_batches", "overfit_batches"),
    *("limit_predict_batches", "val_check_interval"),
}

_WORDS = {
    "gradient_clip_algorithm": ("norm", "value"),
    "profiler": ("simple", "advanced", "pytorch", "xla"),
}
_TIMES = ("max_time", "val_check_interval")
_TIME = re.compile(r"\d+(:\d\d){3}")


def why_not_given(name: str, value: Any) -> str | None:
    """Returns why the Trainer is not given an argument, and the remedy; None if it is given."""
    if reason := SET_BY_HPSEARCH.get(name):
        return f"cannot be set: {reason}"
    if removed := _REMOVED.get(name):
        return f"the Trainer no longer has this argument; {removed.replace('{}', _spelled(value))}"
    return None


def broken_rule(name: str, value: Any) -> str | None:
    """Returns the rule that a number or text breaks as an argument of the Trainer, if there is one.

    It is what Lightning refuses only in a trial, or divides by zero with, or takes for no limit.
    """
    if isinstance(value, str):
        if value.lower() not in _WORDS.get(name, (value.lower(),)):
            return f"must be {' or '.join(_WORDS[name])}, not {value!r}"
        if name in _TIMES and not _TIME.fullmatch(value.strip()):
            return f"must be days:hours:minutes:seconds, as in 00:01:30:00, not {value!r}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    is_whole = float(value).is_integer()
    if name in _LEAST and not (is_whole and value >= _LEAST[name]):
        return f"must be a whole number, {_LEAST[name]} or more, not {value}"
    if name == "gradient_clip_val" and not value >= 0:
        return f"must be 0 or more, not {value}; leave it out for no clipping"
    if name == "val_check_interval" and value == 0:
        return "must be above 0: a share of an epoch, or a whole number of batches"
    if name in _PARTS and not (0 <= value <= 1 or (value > 1 and is_whole)):
        return f"must be a share from 0 to 1, or a whole number of batches, not {value}"
    return None


def is_unset(name: str, value: Any) -> bool:
    """Returns whether a configuration lists an argument that it does not set."""
    return value is None and (name in _REMOVED or name in SET_BY_HPSEARCH)


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
