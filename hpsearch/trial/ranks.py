"""One of the processes that train a trial together, and how it agrees with the others."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

from hpsearch.protocol.events import EventLog
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Report

# The coordinator decides how long a trial may be silent; the ranks only have to wait longer.
PATIENCE = timedelta(days=7)
# All ranks are on one machine: they meet on its loopback, whatever its host name resolves to.
INTERFACE = {"GLOO_SOCKET_IFNAME": "lo"}


@dataclass(frozen=True)
class Rank:
    """A process of a trial.

    Attributes:
        number: from 0; rank 0 reports and writes the trial's files.
        count: how many processes the trial has.
        meeting: path of the file by which they find each other.
    """

    number: int = 0
    count: int = 1
    meeting: str = ""

    @property
    def leads(self) -> bool:
        """Whether it is rank 0."""
        return self.number == 0

    def join(self, job: Job) -> None:
        """Connects the trial's processes; returns once all have joined."""
        if self.count == 1:
            return
        os.environ.update({name: os.environ.get(name, value) for name, value in INTERFACE.items()})
        # By this Lightning's sampler, which divides a loader's rows, has its order.
        os.environ["PL_GLOBAL_SEED"] = str(job.seed)
        gpu = job.device != "cpu" and torch.cuda.is_available()
        if gpu:
            torch.cuda.set_device(self.number)
        distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if gpu else "gloo",
            store=distributed.FileStore(self.meeting, self.count),  # type: ignore[attr-defined]
            rank=self.number,
            world_size=self.count,
            timeout=PATIENCE,
        )

    def share(self, value: Any) -> Any:
        """Returns rank 0's value in every process."""
        if self.count == 1:
            return value
        values = [value]
        distributed.broadcast_object_list(values, 0)
        return values[0]


ALONE = Rank()


class HeardLog(EventLog):
    """A trial's reports, kept in memory by its other processes; rank 0 writes the file."""

    def __init__(self, reports: list[Report]) -> None:
        self.reports = list(reports)
        self._begun = True

    def _write(self, text: str) -> None:
        """Writes nothing."""


def agree(metrics: Mapping[str, float]) -> dict[str, float]:
    """Returns the mean of each metric over all processes of the trial.

    A metric that the module has already reduced is equal everywhere and stays the same, bit for
    bit. A metric that only some processes logged is their mean.
    """
    if not distributed.is_available() or not distributed.is_initialized():
        return dict(metrics)
    everywhere: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(everywhere, dict(metrics))
    names = dict.fromkeys(name for one in everywhere for name in one)
    return {name: _mean([one[name] for one in everywhere if name in one]) for name in names}


def _mean(values: list[float]) -> float:
    first = values[0]
    return first if all(value == first for value in values) else sum(values) / len(values)
