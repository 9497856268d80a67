"""Optuna's pruners, deciding the same from a state that is kept up to date."""

from __future__ import annotations

from hpsearch.search.pruners.halving import HalvingPruner
from hpsearch.search.pruners.hyperband import KeptHyperband
from hpsearch.search.pruners.kept import KeptPruner, keeping
from hpsearch.search.pruners.percentile import KeptPercentile

__all__ = ["HalvingPruner", "KeptHyperband", "KeptPercentile", "KeptPruner", "keeping"]
