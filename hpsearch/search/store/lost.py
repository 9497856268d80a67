"""Studies whose database is lost, while the folders of their trials are still there."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

DEFAULT_RUNS = Path("runs")
OWNER_FILE = "study.json"


def runs_of(file: Path | None) -> Path:
    """Returns the default folder of runs: beside an SQLite file, or in the current folder."""
    return DEFAULT_RUNS if file is None else file.absolute().parent / DEFAULT_RUNS


def rebuilding_words(file: Path | None, shown: str, name: str = "") -> str:
    """Returns how to rebuild what a database has lost; empty if there are no folders of it.

    Args:
        file: the database's, if it is SQLite.
        shown: its URL, without passwords.
        name: the study that is missing; any if it is empty.
    """
    runs = runs_of(file)
    found = [path.parent.name for path in runs.glob(f"*/{OWNER_FILE}")]
    if not found or name not in ("", *found):
        return ""
    rebuild = f"hpsearch fsck {name or 'NAME'} --rebuild --storage {quote(shown)}"
    return f"{runs / name} has trials: if their database is lost, rebuild it with `{rebuild}`"
