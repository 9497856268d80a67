"""Where each file of a trial lies. Both wings look them up here, and only here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hpsearch.protocol.regular_file import read_regular, what_else

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
        return read_regular(folder / CLAIM).decode()
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

    def not_files(self) -> Iterator[tuple[Path, str]]:
        """Yields what lies in the place of one of them, or of the folder, and what it is."""
        if self.folder.exists() and not self.folder.is_dir():
            yield self.folder, f"{what_else(self.folder) or 'a file'}, not a folder"
        own = [self.events, self.params, self.output, self.claim]
        for name in CHECKPOINTS:
            own += [self.checkpoint(name), self.digest(name)]
        for path in own:
            if kind := what_else(path):
                yield path, f"{kind}, not a file"
