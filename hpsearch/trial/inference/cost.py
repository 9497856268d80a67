"""The cost of a model: its number of parameters, and its latency for one example."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from hpsearch.internals.lightning import uncompiled
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Report
from hpsearch.trial.inference.inputs import find_inputs

LATENCY = "latency"
MEASURED = "latency_measured"
# First a warm-up of memory and kernels, then calls until the median is reliable or the time is up.
UNTIMED, MOST_CALLS, LEAST_CALLS, LONG_S = 10, 100, 5, 1.0


class LatencyError(Exception):
    """A model's latency cannot be measured: the model cannot be called with one example."""


@dataclass(frozen=True)
class Latency:
    """How long a call takes, in milliseconds.

    Attributes:
        median: the median of the calls.
        low, high: the quartiles: half of the calls took between these.
        calls: how many calls were timed.
    """

    median: float
    low: float
    high: float
    calls: int


class LatencyProbe(pl.Callback):
    """Measures the latency of a trial's model once, where it is an objective.

    It times `forward` alone, on the first example of the first training batch, in evaluation mode,
    in the trial's precision, not compiled. Other trials on the machine at the same time affect the
    result.

    Args:
        known: the latency that an earlier attempt of the trial measured; None if there is none.
    """

    def __init__(self, known: float | None = None) -> None:
        self._known = known
        self._batch: Any = None
        self.facts: dict[str, str] = {}

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keeps the first batch until the latency is measured."""
        if self._known is None and self._batch is None:
            self._batch = batch

    def measure(self, trainer: Any, module: pl.LightningModule) -> float:
        """Returns the latency in milliseconds; it stays the same throughout a trial.

        Raises:
            LatencyError: the module's `forward` cannot be called with a batch of its data.
        """
        if self._known is None:
            found = _measure(trainer, module, self._batch)
            self._known, self._batch = float(f"{found.median:.4g}"), None
            device = _device_name(trainer.strategy.root_device)
            self.facts = {
                MEASURED: f"in ms, the median of {found.calls} calls with one example;"
                f" half of them took {found.low:.3g} to {found.high:.3g}; on {device}"
            }
        return self._known


def latency_probe(job: Job, reports: Sequence[Report]) -> list[LatencyProbe]:
    """Returns what measures a trial's latency; nothing where it is not an objective.

    Args:
        job: the trial.
        reports: those of its earlier attempts.
    """
    if LATENCY not in job.objectives:
        return []
    return [LatencyProbe(reports[-1].metrics.get(LATENCY) if reports else None)]


def count_parameters(module: torch.nn.Module) -> int:
    """Returns how many trainable parameters the module has; of a lazy layer, once it was called."""
    known = (each for each in module.parameters() if not is_lazy(each))
    return sum(parameter.numel() for parameter in known if parameter.requires_grad)


def known_size(module: torch.nn.Module) -> dict[str, int]:
    """Returns `parameters`, their count; nothing while a lazy layer has yet to be called."""
    is_lazy_yet = any(map(is_lazy, module.parameters()))
    return {} if is_lazy_yet else {"parameters": count_parameters(module)}


def time_calls(
    call: Callable[[], object], clock: Callable[[], float] = time.perf_counter
) -> Latency:
    """Returns how long a call takes: of 100 calls, or of as many as fit in a second.

    Args:
        call: has finished its work when it returns.
        clock: returns seconds.
    """
    began = clock()
    for _ in range(UNTIMED):
        call()
        if clock() - began > LONG_S:
            break
    found: list[float] = []
    while len(found) < MOST_CALLS and (len(found) < LEAST_CALLS or sum(found) < LONG_S):
        before = clock()
        call()
        found.append(clock() - before)
    low, median, high = (1000 * cut for cut in statistics.quantiles(found, n=4))
    return Latency(median, low, high, len(found))


def _measure(trainer: Any, module: pl.LightningModule, batch: Any) -> Latency:
    device = trainer.strategy.root_device
    with _evaluating(module, device), trainer.precision_plugin.forward_context():
        try:
            inputs = find_inputs(module, batch)
            example = tuple(_first(tensor) for tensor in inputs.of(batch))
            inputs.call(module, example)
        except Exception as error:
            # A module may raise anything if it is called with unsuitable inputs.
            raise LatencyError(
                f"the objective {LATENCY} cannot be measured: {type(module).__name__}.forward()"
                " cannot be called with one example of a batch. Give it a forward that maps the"
                f" inputs of a batch to outputs, or log {LATENCY} with self.log"
            ) from error

        def answer() -> None:
            inputs.call(module, example)
            _wait_for(device)

        return time_calls(answer)


def _first(tensor: Tensor) -> Tensor:
    return tensor[:1].contiguous()


@contextmanager
def _evaluating(module: pl.LightningModule, device: torch.device) -> Iterator[None]:
    """Puts a module into evaluation mode inside the block, and restores it."""
    were_training = [part for part in module.modules() if part.training]
    drawing = torch.random.fork_rng([device] if device.type == "cuda" else [])
    module.eval()
    try:
        # Not in inference mode: what a module keeps from a call must remain usable in its training.
        with drawing, torch.no_grad(), uncompiled(module):
            yield
    finally:
        for part in were_training:
            part.training = True


def _wait_for(device: torch.device) -> None:
    """Waits until a device has finished its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _device_name(device: torch.device) -> str:
    """Returns `NVIDIA H100 80GB HBM3`, or `AMD EPYC 9R14, 1 thread`."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return device.type
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    threads = torch.get_num_threads()
    return f"{next(names, 'a processor')}, {threads} thread{'s' * (threads > 1)}"
