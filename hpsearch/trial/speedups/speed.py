"""The `speed:` section: the same network, its weights and their names, computed in another way."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch

from hpsearch.internals.lightning import (
    call_uncompiled,
    compile_in_this_process,
    has_compiler,
    map_tensors,
    replace_compiled_call,
)
from hpsearch.protocol.job import Job
from hpsearch.trial.speedups.matrix_products import take_onednn


class WrongMachineError(Exception):
    """The section asks for something that this machine lacks, so no trial can be trained on it."""


def accelerate(module: pl.LightningModule, job: Job) -> None:
    """Has the module computed as the study file says: laid out, compiled when first called.

    Raises:
        WrongMachineError: there is no GPU for CUDA graphs, or no C++ compiler.
    """
    speed = job.config.get("speed") or {}
    if speed.get("channels_last"):
        for parameter in _laid_out_otherwise(module):
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    take_onednn(module, bool(speed.get("onednn")))
    if speed.get("compile"):
        _compile(module, speed["compile"], on_gpu=job.device != "cpu" and torch.cuda.is_available())


def takes_channels_last(module: torch.nn.Module) -> bool:
    """Returns whether the module has weights of images that are not in channels_last already."""
    return bool(_laid_out_otherwise(module))


def _laid_out_otherwise(module: torch.nn.Module) -> list[torch.nn.Parameter]:
    last = torch.channels_last
    return [
        p for p in module.parameters() if p.dim() == 4 and not p.is_contiguous(memory_format=last)
    ]


def _compile(module: pl.LightningModule, mode: bool | str, on_gpu: bool) -> None:
    graphs = mode == "reduce-overhead"
    if graphs and not on_gpu:
        raise WrongMachineError(
            "speed.compile: reduce-overhead replays CUDA graphs, and this trial has no GPU; write"
            " compile: true, or leave it out"
        )
    if not on_gpu and not has_compiler():
        raise WrongMachineError(
            "speed.compile: torch writes C++ for the CPU, and this machine has no compiler for it;"
            " install g++ (apt-get install -y g++), set $CXX to one, or leave compile out"
        )
    if "TORCHINDUCTOR_COMPILE_THREADS" not in os.environ:
        # Otherwise torch starts one process per core in every trial, and there may be one trial per
        # core.
        compile_in_this_process()
    # In place: what `torch.compile(module)` returns has other names for the same weights.
    module.compile(mode="reduce-overhead" if graphs else None)
    replace_compiled_call(module, partial(_with_fallback, module, copies=graphs))


def _with_fallback(module: pl.LightningModule, compiled: Any, copies: bool) -> Callable[..., Any]:
    """Returns the compiled call, which TensorBoard's graph goes round: torch cannot trace it.

    With `copies`, what it returns outlives the next replay of its graph, which writes to the same
    memory.
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
            return call_uncompiled(module, *args, **kwargs)
        outputs = compiled(*args, **kwargs)
        return map_tensors(torch.clone, outputs) if copies else outputs

    return call
