"""The pruners that keep a state, and the events that update it."""

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
    """A pruner that reads the trials once and is then notified of changes.

    Optuna's pruners read all of them at each report, which takes 5 to 10 ms with 10,000 trials.
    """

    @abstractmethod
    def know(self, study: Study, trials: Iterable[FrozenTrial]) -> None:
        """Adds the existing trials to the state."""

    @abstractmethod
    def reason(self, study: Study, trial: FrozenTrial, metric: str, unit: str) -> str:
        """Returns what the trial that was just pruned was compared with.

        Args:
            study: the study.
            trial: the trial.
            metric: name of the objective.
            unit: what trials report after, `epoch` or `validation`.
        """

    @abstractmethod
    def complete(self, trial: FrozenTrial) -> None:
        """Adds a trial that has completed to the state."""


def keeping(pruner: BasePruner, arguments: Mapping[str, Any]) -> BasePruner:
    """Returns an equivalent pruner that keeps a state, or the given one if there is none.

    Args:
        pruner: Optuna's or anyone else's.
        arguments: those it was built with.
    """
    # Imported here, since each of these modules needs the class above.
    from hpsearch.search.pruners.halving import HalvingPruner
    from hpsearch.search.pruners.hyperband import KeptHyperband
    from hpsearch.search.pruners.percentile import KeptPercentile

    kept: Mapping[type, Callable[..., KeptPruner]] = {
        MedianPruner: partial(KeptPercentile, percentile=50.0),
        PercentilePruner: KeptPercentile,
        SuccessiveHalvingPruner: HalvingPruner,
        HyperbandPruner: KeptHyperband,
    }
    # A subclass may decide differently.
    if type(pruner) not in kept:
        return pruner
    given = inspect.signature(type(pruner)).bind(**arguments)
    given.apply_defaults()
    return kept[type(pruner)](**given.arguments)
