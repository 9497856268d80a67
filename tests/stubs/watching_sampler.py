"""A sampler that keeps what it sees of the trials before it proposes one."""

from __future__ import annotations

from typing import Any

import optuna
from optuna.trial import FrozenTrial


class WatchingSampler(optuna.samplers.RandomSampler):
    """Draws at random, as RandomSampler does.

    Attributes:
        seen: the trials at the last proposal, those of other samplers of this class included.
    """

    seen: list[FrozenTrial]

    def sample_relative(self, study: optuna.Study, trial: FrozenTrial, space: Any) -> Any:
        WatchingSampler.seen = study.get_trials(deepcopy=False)[: trial.number]
        return super().sample_relative(study, trial, space)
