"""optuna-dashboard and TensorBoard behind a guard that makes them read-only."""

from __future__ import annotations

from hpsearch.views.dashboard.dashboard import Dashboard, Listening

__all__ = ["Dashboard", "Listening"]
