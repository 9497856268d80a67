"""Optuna's pruners with a state that is kept up to date: the same decisions in less time."""

from __future__ import annotations

from hpsearch.search.pruners.halving import HalvingPruner
from hpsearch.search.pruners.hyperband import KeptHyperband
from hpsearch.search.pruners.kept import KeptPruner
from hpsearch.search.pruners.percentile import KeptPercentile
from hpsearch.search.pruners.replacements import keeping

__all__ = ["HalvingPruner", "KeptHyperband", "KeptPercentile", "KeptPruner", "keeping"]
