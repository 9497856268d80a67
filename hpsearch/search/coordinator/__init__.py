"""The loop of a running search: fills the slots, handles what trials report, decides."""

from __future__ import annotations

from hpsearch.search.coordinator.disk import DiskSpaceMonitor
from hpsearch.search.coordinator.loop import Coordinator
from hpsearch.search.coordinator.observer import Observer
from hpsearch.search.coordinator.retention import ALL, Retention
from hpsearch.search.coordinator.running import TrialLimits
from hpsearch.search.coordinator.stop import SIGNALS, StopRequest, stop_on_signals

__all__ = [
    "ALL",
    "Coordinator",
    "DiskSpaceMonitor",
    "Observer",
    "Retention",
    "SIGNALS",
    "StopRequest",
    "TrialLimits",
    "stop_on_signals",
]
