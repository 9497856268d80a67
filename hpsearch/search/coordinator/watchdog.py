"""Killing trials that hang, or that train for too long."""

from __future__ import annotations

import time
from collections.abc import Mapping

from hpsearch.engines.engine import Engine
from hpsearch.search.coordinator.running import RunningTrial, TrialLimits

LOOK_S = 0.1


class Watchdog:
    """Checks every running trial ten times a second.

    Args:
        limits: how long a trial may train, and how long it may be silent.
        engine: where the trials run.
        running: them, by number.
    """

    def __init__(
        self, limits: TrialLimits, engine: Engine, running: Mapping[int, RunningTrial]
    ) -> None:
        self._limits = limits
        self._engine = engine
        self._running = running
        self._not_before = 0.0

    def step(self) -> None:
        """Kills each trial that has passed a limit, and records the limit with it."""
        now = time.monotonic()
        if now < self._not_before:
            return
        self._not_before = now + LOOK_S
        for number, running in self._running.items():
            if not self._engine.ready:
                running.heartbeat()
            if not running.begun or running.killed or running.timeout is not None:
                continue
            running.timeout = running.check_timeouts(self._limits, now)
            if running.timeout is not None:
                self._engine.kill(number)
