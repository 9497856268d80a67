"""A trial's folder is that of the process which claimed it last: no other one writes there."""

from __future__ import annotations

import uuid
from pathlib import Path

CLAIM = "claim"


class SupersededError(Exception):
    """Another process trains this trial now: this one ends, and writes nothing more."""


class Claim:
    """A claim of this process on a trial's folder, for as long as no other process makes one.

    A search may be taken over while its trials still train: its coordinator was stopped, or its
    host could not be reached. A fencing token, as for a lock that can expire: see M. Kleppmann,
    Designing Data-Intensive Applications, chapter 8.

    Args:
        folder: the trial's own, which must be there.
        token: identifies this attempt; empty to make one up.
    """

    def __init__(self, folder: Path, token: str = "") -> None:
        self._path = folder / CLAIM
        self._token = token or uuid.uuid4().hex
        self._path.write_text(self._token, encoding="utf-8")

    def hold(self) -> None:
        """Returns if the folder is this process's still.

        Raises:
            SupersededError: it is not.
        """
        # Nobody removes the file; what is not there or cannot be read says nothing.
        if self._path.exists() and self._path.read_text(encoding="utf-8") != self._token:
            raise SupersededError
