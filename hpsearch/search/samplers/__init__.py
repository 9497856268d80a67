"""Optuna's samplers, proposing the same from a state that is kept up to date."""

from __future__ import annotations

from hpsearch.search.samplers.history import MOST_OTHERS, TrialHistory
from hpsearch.search.samplers.kept_tpe import KeptTPE, keeping

__all__ = [
    "MOST_OTHERS",
    "KeptTPE",
    "TrialHistory",
    "keeping",
]
