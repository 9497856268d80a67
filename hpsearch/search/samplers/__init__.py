"""Optuna's samplers with a state that is kept up to date: the same proposals in less time."""

from __future__ import annotations

from hpsearch.search.samplers.history import MOST_OTHERS, TrialHistory
from hpsearch.search.samplers.kept_tpe import KeptTPE, keeping

__all__ = [
    "MOST_OTHERS",
    "KeptTPE",
    "TrialHistory",
    "keeping",
]
