"""The loop of a running search: fills the slots, handles what trials report, decides."""

from __future__ import annotations

from hpsearch.search.coordinator.loop import Coordinator
from hpsearch.search.coordinator.observer import LogObserver, Observer
from hpsearch.search.coordinator.responsive import responsive
from hpsearch.search.coordinator.retention import Retention
from hpsearch.search.coordinator.setup import SearchSetup
from hpsearch.search.coordinator.stop import ASKED, SIGNALS, StopRequest, stop_on_signals

__all__ = [
    "ASKED",
    "Coordinator",
    "LogObserver",
    "Observer",
    "Retention",
    "SearchSetup",
    "SIGNALS",
    "StopRequest",
    "responsive",
    "stop_on_signals",
]
