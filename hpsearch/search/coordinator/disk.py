"""The trials' disk: when it is full, the search waits until there is space again."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from hpsearch.search.coordinator.observer import Observer

PATIENCE_S = 15 * 60.0
LOOK_S = 1.0
MIN_BYTES = 1 << 20


class DiskSpaceMonitor:
    """Checks whether the trials can write again, once one of them could not.

    Args:
        folder: the study's run folder.
        observer: notified when the search waits and when it continues.
    """

    def __init__(self, folder: Path, observer: Observer) -> None:
        self._folder = folder
        self._observer = observer
        self._needed = 0
        self._since = 0.0
        self._looked = 0.0
        self.trouble = ""

    @property
    def timed_out(self) -> bool:
        """Whether the disk has been full for longer than the search waits."""
        return bool(self.trouble) and time.monotonic() - self._since > PATIENCE_S

    def report_full(self, reason: str, needed: int) -> None:
        """Records that a trial could not write, why, and how many bytes it needed."""
        self._needed = max(self._needed, needed, MIN_BYTES)
        if self.trouble:
            return
        self.trouble = reason
        self._since = time.monotonic()
        self._observer.note(
            f"{reason}: the search waits up to {PATIENCE_S / 60:.0f} minutes for"
            f" {self._needed / 1e6:.3g} MB of free space"
        )

    def step(self) -> None:
        """Checks once a second whether there is space again."""
        now = time.monotonic()
        if not self.trouble or now - self._looked < LOOK_S:
            return
        self._looked = now
        if has_space(self._folder, self._needed):
            self.trouble, self._needed = "", 0
            self._observer.note("there is free space on the disk again: the search continues")


def has_space(folder: Path, needed: int) -> bool:
    """Returns whether so many bytes can be written there, by trying.

    A file system's free space does not account for quotas, nor for having become read-only.
    """
    probe = folder / "room.tmp"
    try:
        if shutil.disk_usage(folder).free < needed:
            return False
        with probe.open("wb") as file:
            file.write(bytes(min(needed, MIN_BYTES)))
            file.flush()
            os.fsync(file.fileno())
        return True
    except OSError:
        return False
    finally:
        probe.unlink(missing_ok=True)
