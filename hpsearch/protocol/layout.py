"""The paths of a trial's files. Both wings look them up here, and only here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hpsearch.protocol.regular_file import read_regular, what_else

# The state after the last epoch, after the one before in case that is damaged, and after the best
# epoch.
TO_RESUME = ("last", "previous")
CHECKPOINTS = (*TO_RESUME, "best")
CLAIM = "claim"


def trial_folder(number: int) -> str:
    """Returns the name of a trial's folder within its study's folder."""
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
        """Yields each path where something other than a file, or the folder, is; and what it is."""
        if self.folder.exists() and not self.folder.is_dir():
            yield self.folder, f"{what_else(self.folder) or 'a file'}, not a folder"
        own = [self.events, self.params, self.output, self.claim]
        for name in CHECKPOINTS:
            own += [self.checkpoint(name), self.digest(name)]
        for path in own:
            if kind := what_else(path):
                yield path, f"{kind}, not a file"
