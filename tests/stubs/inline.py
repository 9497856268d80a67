"""A whole search in the test's own process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripted import Watcher

from hpsearch.engines.factory import prepare_engine
from hpsearch.search.confirm import ConfirmOptions, confirm_study
from hpsearch.search.confirm.run import ConfirmResult
from hpsearch.search.options import RunOptions
from hpsearch.search.run import SearchOutcome, resume_study, run_study
from hpsearch.search.store import open_storage, open_study
from hpsearch.studyfile.study import StudySpec


def run_inline(
    spec: StudySpec, url: str, runs: Path | None = None, observer: Any = None, **options: Any
) -> SearchOutcome:
    """Runs the study of a file, one trial at a time."""
    given = RunOptions(**{"engine": "inline", "devices": "cpu:1", "runs": runs, **options})
    with prepare_engine(given) as engine:
        return run_study(spec, open_storage(url), given, engine, observer or Watcher())


def resume_inline(
    name: str, url: str, runs: Path | None = None, observer: Any = None, **options: Any
) -> SearchOutcome:
    """Continues a study of the database, one trial at a time."""
    given = RunOptions(**{"engine": "inline", "devices": "cpu:1", "runs": runs, **options})
    stored = open_study(open_storage(url, create=False), name)
    with prepare_engine(given) as engine:
        return resume_study(stored, given, engine, observer or Watcher())


def confirm_inline(
    name: str, url: str, wanted: ConfirmOptions, observer: Any = None, runs: Path | None = None
) -> ConfirmResult:
    """Confirms a study, one trial at a time."""
    stored = open_study(open_storage(url, create=False), name)
    where = RunOptions(engine="inline", devices="cpu:1", runs=runs)
    return confirm_study(stored, wanted, where, observer or Watcher())
