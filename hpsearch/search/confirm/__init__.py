"""From a search to a model with an honest result."""

from __future__ import annotations

from hpsearch.search.confirm.ensemble import EnsembleOptions, make_ensemble
from hpsearch.search.confirm.intervals import share_interval
from hpsearch.search.confirm.run import ConfirmOptions, confirm_study
from hpsearch.search.confirm.test_log import opened_by_another

__all__ = [
    "ConfirmOptions",
    "EnsembleOptions",
    "confirm_study",
    "make_ensemble",
    "opened_by_another",
    "share_interval",
]
