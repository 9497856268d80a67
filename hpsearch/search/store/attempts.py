"""The attempts of trials: when each process started, how it ended, and what work was lost."""

from __future__ import annotations

import socket
import time
from datetime import datetime
from typing import Any, NamedTuple

from optuna.trial import Trial

from hpsearch.engines.slots import Slot
from hpsearch.search.store.keys import ATTEMPTS, DEVICE


class LastProgress(NamedTuple):
    """How far a trial has come: if its process ended now, all work since then would be lost.

    Attributes:
        epochs: epochs done; None before training begins.
        since: `time.monotonic()` when they were done; None if this process did not see it.
    """

    epochs: int | None
    since: float | None


class Attempts:
    """Records the attempts of the trials that this process runs.

    Args:
        environment: number of the environment that they run in, among those of the study.
    """

    def __init__(self, environment: int) -> None:
        self._environment = environment
        self._progress: dict[int, LastProgress] = {}

    def advance(self, trial: Trial, epochs: int, *, seen: bool = True) -> None:
        """Records a trial's epochs, and whether this process saw the last of them."""
        self._progress[trial.number] = LastProgress(epochs, time.monotonic() if seen else None)

    def note(self, trial: Trial, slot: Slot, token: str = "") -> None:
        """Records that a process starts on the trial now; the trial's record has the same token."""
        attempt = {
            "started": _now(),
            "token": token,
            "host": slot.host or socket.gethostname(),
            "device": slot.device,
            "slot": slot.name,
            "from_epoch": None,
            "epochs": None,
            "lost_s": None,
            "ended": None,
            "how": None,
            "environment": self._environment,
        }
        trial.set_user_attr(ATTEMPTS, [*self._closed(trial), attempt])
        self._progress[trial.number] = LastProgress(None, time.monotonic())
        trial.set_user_attr(DEVICE, slot.device)

    def begin(self, trial: Trial, from_epoch: int) -> None:
        """Records the epoch that the running attempt really continues from."""
        attempts = list(trial.user_attrs[ATTEMPTS])
        attempts[-1] = {**attempts[-1], "from_epoch": from_epoch}
        trial.set_user_attr(ATTEMPTS, attempts)
        self._progress[trial.number] = LastProgress(from_epoch, time.monotonic())

    def close(self, trial: Trial, how: str) -> None:
        """Records how the running attempt ended, and how much work was lost."""
        trial.set_user_attr(ATTEMPTS, self._closed(trial, how))

    def _closed(self, trial: Trial, how: str = "killed") -> list[dict[str, Any]]:
        """Returns the trial's attempts; ends the last one if that is not on record yet."""
        attempts: list[dict[str, Any]] = [dict(a) for a in trial.user_attrs.get(ATTEMPTS, [])]
        progress = self._progress.pop(trial.number, LastProgress(None, None))
        if attempts and attempts[-1].get("ended") is None:
            attempts[-1] |= {"ended": _now(), "how": how, "epochs": progress.epochs}
            if progress.since is not None and how not in ("complete", "pruned", "paused"):
                attempts[-1]["lost_s"] = round(time.monotonic() - progress.since, 1)
        return attempts


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
