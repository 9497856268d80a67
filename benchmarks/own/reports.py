"""How fast hpsearch's coordinator answers and stores reports, without any training.

    python reports.py URL SLOTS TRIALS REPORTS

Each slot reports again as soon as it has its decision, so that all the time between two decisions
is spent waiting. The clock runs until the database has everything.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import stubs  # noqa: F401  needed by the next lines
from reporting import Study, reports
from scripted import ScriptedEngine

from hpsearch.engines.engine import Exited, Handler
from hpsearch.protocol.messages import Decision, Message, Report


class Reporting(ScriptedEngine):
    """Trials that only report; records how long each report waited for its decision."""

    def __init__(self, slots: int, count: int) -> None:
        super().__init__(slots, reports(count))
        self.waits: list[float] = []
        self._answered: dict[int, float] = {}

    def poll(self, handler: Handler, timeout_s: float) -> None:
        """Passes on one message of each trial."""

        def timed(number: int, message: Message | Exited) -> Decision | None:
            decision = handler(number, message)
            now = time.perf_counter()
            if isinstance(message, Report):
                self.waits.append(now - self._answered[number])
            self._answered[number] = now
            return decision

        super().poll(timed, timeout_s)


def main() -> None:
    """Runs a study of random settings without pruning, and prints the measurements."""
    url, (slots, trials, count) = sys.argv[1], map(int, sys.argv[2:])
    study = Study(url, Path.cwd(), trials, sampler="random", pruner="none")
    engine = Reporting(slots, count)
    start = time.perf_counter()
    study.run(engine)
    seconds = time.perf_counter() - start
    stored = study.record()
    kept = sum(len(trial.values_by_epoch) for trial in stored.trials)
    lost = trials - stored.counts["complete"]
    print(
        json.dumps(
            {
                "began": 0,
                "ended": seconds,
                "waits": engine.waits,
                "reports": kept,
                "lost": lost,
            }
        )
    )


if __name__ == "__main__":
    main()
