"""From a search to a model with an honest figure."""

from __future__ import annotations

from hpsearch.search.confirm.intervals import share_interval
from hpsearch.search.confirm.run import ConfirmOptions, confirm_study

__all__ = ["ConfirmOptions", "confirm_study", "share_interval"]
