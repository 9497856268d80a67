"""Pause and promote: where trials pause, which continue, and a sampler that learns from them."""

from __future__ import annotations

from hpsearch.search.rungs.curve import VALUES_BY_EPOCH, curve_of
from hpsearch.search.rungs.epochs import EpochBudget
from hpsearch.search.rungs.history import RungHistory, losses_by
from hpsearch.search.rungs.ladder import (
    ETA,
    Ladder,
    Promotion,
    RungDecision,
    places,
    rungs_up_to,
)
from hpsearch.search.rungs.pareto import Losses, pareto_numbers
from hpsearch.search.rungs.scheduler import AUDITED, Scheduler

__all__ = [
    "AUDITED",
    "ETA",
    "VALUES_BY_EPOCH",
    "EpochBudget",
    "Ladder",
    "Losses",
    "Promotion",
    "RungDecision",
    "RungHistory",
    "Scheduler",
    "curve_of",
    "losses_by",
    "pareto_numbers",
    "places",
    "rungs_up_to",
]
