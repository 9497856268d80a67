"""optuna-dashboard and TensorBoard behind a guard that lets nobody change a study."""

from __future__ import annotations

from hpsearch.views.dashboard.dashboard import Dashboard, Listening
from hpsearch.views.dashboard.guard import LOOPBACK

__all__ = ["Dashboard", "LOOPBACK", "Listening"]
