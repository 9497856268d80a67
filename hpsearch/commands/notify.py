"""Notifies the user at the end of a search, in the way they asked for."""

from __future__ import annotations

import os
import subprocess
import sys

from hpsearch.search.store import StudyRecord
from hpsearch.views.ranking import progress_line
from hpsearch.views.tables import best_words

BELL = "bell"


def notify(command: str | None, study: StudyRecord) -> None:
    """Runs the user's command with the result in its environment, or rings the bell.

    Args:
        command: for a shell; `bell` for the terminal's bell, None for nothing.
        study: the study as it is now.
    """
    if command is None:
        return
    if command == BELL:
        print("\a", end="", file=sys.stderr, flush=True)
        return
    best = "" if study.best is None else f", best {best_words(study)}"
    facts = {
        "HPSEARCH_STUDY": study.name,
        "HPSEARCH_STATE": study.state,
        "HPSEARCH_SUMMARY": f"{study.name}: {study.state}, {progress_line(study)}{best}",
    }
    ended = subprocess.run(command, shell=True, env={**os.environ, **facts}, check=False)
    if ended.returncode:
        print(f"note: --notify: {command!r} exited with {ended.returncode}", file=sys.stderr)
