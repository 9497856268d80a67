"""Loads the members of an ensemble, and makes one of them return their average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch

from hpsearch.protocol.job import Job
from hpsearch.trial.ensemble.averaging import Averaging
from hpsearch.trial.trained_model import load_trained_model


@dataclass(frozen=True)
class Ensemble:
    """The models of an ensemble, as plain data.

    Attributes:
        jobs: the trials whose models are its members, as JSON; the first one returns the average.
        counts: how often each occurs in the average.
        averaging: the fields of an `Averaging`.
    """

    jobs: Sequence[str]
    counts: Sequence[int]
    averaging: Mapping[str, Any]

    @property
    def shares(self) -> list[float]:
        """The weight of each member in the average; they sum up to 1."""
        return [count / sum(self.counts) for count in self.counts]


def answer_for_all(module: pl.LightningModule, ensemble: Ensemble) -> None:
    """Makes the first member's module return the average of all members.

    Its own steps then measure the ensemble, with whatever metrics they log.
    """
    averaging, own = Averaging(**ensemble.averaging), module.forward
    others = [load_trained_model(Job.from_json(job))[0] for job in ensemble.jobs[1:]]

    def forward(*arguments: Any, **named: Any) -> torch.Tensor:
        mean = ensemble.shares[0] * averaging.to_mean(own(*arguments, **named))
        for member, share in zip(others, ensemble.shares[1:], strict=True):
            answer = member.to(module.device)(*arguments, **named)
            mean = mean + share * averaging.to_mean(answer)
        return averaging.from_mean(mean)

    module.forward = forward  # type: ignore[method-assign]
