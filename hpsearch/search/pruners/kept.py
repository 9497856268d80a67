"""Which pruners keep a state, and what they are notified of."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
)
from optuna.study import Study
from optuna.trial import FrozenTrial


class KeptPruner(BasePruner):
    """A pruner that reads the trials once, and is then notified of what is new.

    Optuna's look through all of them at each report: 5 to 10 ms with 10,000 trials.
    """

    @abstractmethod
    def know(self, study: Study, trials: Iterable[FrozenTrial]) -> None:
        """Takes in the trials that there are."""

    @abstractmethod
    def reason(self, study: Study, trial: FrozenTrial, metric: str, unit: str) -> str:
        """Returns what a trial that was just pruned was compared with.

        Args:
            study: the study.
            trial: the trial.
            metric: name of the objective.
            unit: what trials report after, `epoch` or `validation`.
        """

    @abstractmethod
    def complete(self, trial: FrozenTrial) -> None:
        """Takes in a trial that has completed."""


def keeping(pruner: BasePruner, arguments: Mapping[str, Any]) -> BasePruner:
    """Returns what decides as this pruner does, from a kept state; itself, where there is none.

    Args:
        pruner: one of Optuna's, or of somebody else's.
        arguments: what it was made with.
    """
    # Here: each of these modules needs the class above.
    from hpsearch.search.pruners.halving import HalvingPruner
    from hpsearch.search.pruners.hyperband import KeptHyperband
    from hpsearch.search.pruners.percentile import KeptPercentile

    kept: Mapping[type, Callable[..., KeptPruner]] = {
        MedianPruner: partial(KeptPercentile, percentile=50.0),
        PercentilePruner: KeptPercentile,
        SuccessiveHalvingPruner: HalvingPruner,
        HyperbandPruner: KeptHyperband,
    }
    # Of a subclass it is not known what it decides.
    if type(pruner) not in kept:
        return pruner
    given = inspect.signature(type(pruner)).bind(**arguments)
    given.apply_defaults()
    return kept[type(pruner)](**given.arguments)
