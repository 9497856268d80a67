"""Where each file of a trial lies. Both wings look them up here, and only here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# The last epoch's state, the one before should it be damaged, and that of the best epoch.
TO_RESUME = ("last", "previous")
CHECKPOINTS = (*TO_RESUME, "best")
CLAIM = "claim"


def trial_folder(number: int) -> str:
    """Returns the name of a trial's folder within its study's."""
    return f"trial-{number:04d}"


def read_claim(folder: Path) -> str:
    """Returns the token of the attempt that claimed a trial's folder last; empty if none has."""
    try:
        return (folder / CLAIM).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


@dataclass(frozen=True)
class TrialFiles:
    """The files in a trial's folder."""

    folder: Path

    @property
    def events(self) -> Path:
        """Its reports and its end, one line of JSON each."""
        return self.folder / "events.jsonl"

    @property
    def params(self) -> Path:
        """Its parameters, and the study file with them filled in."""
        return self.folder / "params.yaml"

    @property
    def output(self) -> Path:
        """What its process printed."""
        return self.folder / "output.txt"

    @property
    def claim(self) -> Path:
        """Which process may write here: the last one that began the trial."""
        return self.folder / CLAIM

    def checkpoint(self, name: str) -> Path:
        """Returns the path of a checkpoint, one of `CHECKPOINTS`."""
        return self.folder / f"{name}.ckpt"

    def digest(self, name: str) -> Path:
        """Returns the path of the file beside a checkpoint with its SHA-256 and its owner."""
        return self.folder / f"{name}.json"
