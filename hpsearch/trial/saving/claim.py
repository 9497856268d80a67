"""A trial's folder is that of the process which claimed it last: no other one writes there."""

from __future__ import annotations

from pathlib import Path

from hpsearch.protocol.job import attempt_number, attempt_token
from hpsearch.protocol.layout import CLAIM, read_claim


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

    Raises:
        SupersededError: a later attempt has claimed the folder already: this one was on its way
            for too long.
    """

    def __init__(self, folder: Path, token: str = "") -> None:
        self._path = folder / CLAIM
        if token and attempt_number(token) < attempt_number(read_claim(folder)):
            raise SupersededError
        self._token = token or attempt_token(0)
        self._path.write_text(self._token, encoding="utf-8")

    def hold(self) -> None:
        """Returns if the folder is this process's still.

        Raises:
            SupersededError: it is not.
        """
        # Nobody removes the file; what is not there or cannot be read says nothing.
        if self._path.exists() and self._path.read_text(encoding="utf-8") != self._token:
            raise SupersededError
