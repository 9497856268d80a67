"""A trial's folder belongs to the process that claimed it last; no other process writes there."""

from __future__ import annotations

from pathlib import Path

from hpsearch.protocol.job import attempt_number, attempt_token
from hpsearch.protocol.layout import CLAIM, read_claim


class SupersededError(Exception):
    """Another process trains this trial now: this one ends and writes nothing more."""


class Claim:
    """A claim of this process to a trial's folder, valid until another process claims it.

    A search may be taken over while its trials still train: its coordinator was stopped, or its
    host could not be reached. A fencing token, as for a lock that can expire: see M. Kleppmann,
    Designing Data-Intensive Applications, chapter 8.

    Args:
        folder: the trial's own, which must exist.
        token: identifies this attempt; empty to make one up.

    Raises:
        SupersededError: a later attempt has claimed the folder already; this one comes too late.
    """

    def __init__(self, folder: Path, token: str = "") -> None:
        self._path = folder / CLAIM
        if token and attempt_number(token) < attempt_number(read_claim(folder)):
            raise SupersededError
        self._token = token or attempt_token(0)
        self._path.write_text(self._token, encoding="utf-8")

    @property
    def there(self) -> bool:
        """Whether the file is: it goes with its folder only."""
        return self._path.exists()

    def hold(self) -> None:
        """Checks that the folder still belongs to this process.

        Raises:
            SupersededError: it does not.
        """
        # Nobody removes the file; if it is missing or unreadable, nobody else has claimed the
        # folder.
        if self._path.exists() and self._path.read_text(encoding="utf-8") != self._token:
            raise SupersededError
