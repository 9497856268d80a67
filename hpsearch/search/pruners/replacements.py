"""Which of Optuna's pruners are replaced by one that keeps a state."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
)

from hpsearch.search.pruners.halving import HalvingPruner
from hpsearch.search.pruners.hyperband import KeptHyperband
from hpsearch.search.pruners.kept import KeptPruner
from hpsearch.search.pruners.percentile import KeptPercentile


def keeping(pruner: BasePruner, arguments: Mapping[str, Any]) -> BasePruner:
    """Returns an equivalent pruner that keeps a state, or the given one if there is none.

    Args:
        pruner: Optuna's or anyone else's.
        arguments: those it was built with.
    """
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
