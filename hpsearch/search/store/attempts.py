"""The attempts of trials: each start of a trial's process, how it ended, what of it was in vain."""

from __future__ import annotations

import socket
import time
from datetime import datetime
from typing import Any, NamedTuple

from optuna.trial import Trial

from hpsearch.engines.slots import Slot
from hpsearch.search.store.keys import ATTEMPTS, DEVICE


class LastProgress(NamedTuple):
    """What a trial would lose if its process ended now: all since it had done so many epochs.

    Attributes:
        epochs: epochs done; None before it trains.
        since: `time.monotonic()` when they were done; None where nobody here saw it.
    """

    epochs: int | None
    since: float | None


class Attempts:
    """Writes the attempts of the trials that run here.

    Args:
        environment: number of the environment that they run in, of those the study has had.
    """

    def __init__(self, environment: int) -> None:
        self._environment = environment
        self._progress: dict[int, LastProgress] = {}

    def advance(self, trial: Trial, epochs: int, *, seen: bool = True) -> None:
        """Records a trial's epochs, and whether this process saw the last of them."""
        self._progress[trial.number] = LastProgress(epochs, time.monotonic() if seen else None)

    def note(self, trial: Trial, slot: Slot, token: str = "") -> None:
        """Writes that a process is given the trial, here and now; its record has the token, too."""
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
        """Writes after how many epochs the running attempt really continues."""
        attempts = list(trial.user_attrs[ATTEMPTS])
        attempts[-1] = {**attempts[-1], "from_epoch": from_epoch}
        trial.set_user_attr(ATTEMPTS, attempts)
        self._progress[trial.number] = LastProgress(from_epoch, time.monotonic())

    def close(self, trial: Trial, how: str) -> None:
        """Writes how the running attempt ended, and what of it was in vain."""
        trial.set_user_attr(ATTEMPTS, self._closed(trial, how))

    def _closed(self, trial: Trial, how: str = "killed") -> list[dict[str, Any]]:
        """Returns the trial's attempts with the last one ended, if nobody has said how it did."""
        attempts: list[dict[str, Any]] = [dict(a) for a in trial.user_attrs.get(ATTEMPTS, [])]
        progress = self._progress.pop(trial.number, LastProgress(None, None))
        if attempts and attempts[-1].get("ended") is None:
            attempts[-1] |= {"ended": _now(), "how": how, "epochs": progress.epochs}
            if progress.since is not None and how not in ("complete", "pruned", "paused"):
                attempts[-1]["lost_s"] = round(time.monotonic() - progress.since, 1)
        return attempts


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
