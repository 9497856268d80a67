"""A study from Python, in a script or a notebook: the same search as `hpsearch run`."""

from __future__ import annotations

import logging
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, final

from optuna.storages import RDBStorage

from hpsearch.classes.load import read_sound
from hpsearch.engines.factory import prepare_engine
from hpsearch.errors import InputError, SearchError
from hpsearch.result import Result
from hpsearch.search.coordinator import LogObserver, Observer
from hpsearch.search.file import open_for_run, require_trust_in_study
from hpsearch.search.options import RunOptions
from hpsearch.search.run import run_study
from hpsearch.search.silence import silence
from hpsearch.search.store import default_url, open_storage, open_study
from hpsearch.studyfile.diagnostics import did_you_mean
from hpsearch.studyfile.study import StudySpec

_LOG = logging.getLogger("hpsearch")


@final
class Study:
    """A search that can be run and continued later.

    Make one with `hpsearch.read_study` or `hpsearch.load_study`.

    Args:
        spec: what is searched.
        database: where it is kept.
    """

    def __init__(self, spec: StudySpec, database: RDBStorage) -> None:
        self.spec = spec
        self._database = database

    @property
    def name(self) -> str:
        """The study's name in the database."""
        return self.spec.name

    def run(
        self, options: RunOptions | None = None, *, observer: Observer | None = None, **changes: Any
    ) -> Result:
        """Runs the search, or continues it, and returns what it found.

        Each trial trains in its own process, so the study's classes must be in modules, not in
        notebook cells. Interrupting the cell leaves the study resumable.

        Args:
            options: how far and where; see `hpsearch.RunOptions`.
            observer: watches the search, such as `hpsearch.live_view()`; None writes notes and the
                end of each trial to the logger `hpsearch`.
            **changes: fields of the options by name, such as `trials=20, devices="cpu:2"`.

        Raises:
            InputError: something given is wrong; nothing was trained.
            SearchError: the search stopped; the message says why.
        """
        chosen = _with_changes(options or RunOptions(), changes)
        watcher = LogObserver() if observer is None else observer
        with silence(), prepare_engine(chosen) as engine:
            outcome = run_study(self.spec, self._database, chosen, engine, watcher)
        if outcome.error:
            raise SearchError(f"the search stopped: {outcome.error}")
        return self.result()

    def result(self) -> Result:
        """Returns the study as the database has it now; trains nothing.

        Raises:
            InputError: the study has not begun.
        """
        return Result(open_study(self._database, self.name))

    def __repr__(self) -> str:
        objectives = ", ".join(f"{way} {name}" for name, way in self.spec.objectives.items())
        return f"Study({self.name!r}: {len(self.spec.space.parameters)} parameters, {objectives})"


def read_study(
    path: str | Path, *changes: str, storage: str | None = None, trust: bool = False
) -> Study:
    """Returns the study of a study file, checked and ready to run.

    Args:
        path: the study file.
        *changes: values to use instead of the file's, such as `"trainer.max_epochs=3"`.
        storage: URL of the database; None for the study file's own or the default.
        trust: whether to import code that others could have written; see docs/security.md.

    Raises:
        StudyFileError: the file, a change or a class's argument has errors; `diagnostics` has all
            of them, and so does the message.
        InputError: others could have written code of the study, or the database cannot be opened.
    """
    with silence():
        parsed = read_sound(Path(path), changes, _LOG.debug, trust=trust)
        return Study(*open_for_run(parsed, storage, _LOG.debug))


def load_study(name: str, *changes: str, storage: str | None = None, trust: bool = False) -> Study:
    """Returns a study of the database, without its file.

    Args:
        name: the study's name, as `hpsearch list` shows it.
        *changes: only files take changes; see `read_study`.
        storage: URL of the database; None for the default.
        trust: whether to import code that others could have written; see docs/security.md.

    Raises:
        InputError: there is no such study, or hpsearch did not make it.
    """
    if changes or str(name).endswith((".yaml", ".yml")):
        raise InputError(
            f"load_study takes the name of a study in a database, and {str(name)!r} is a file;"
            f" write hpsearch.read_study({str(name)!r}, ...)"
        )
    with silence():
        stored = open_study(open_storage(storage or default_url(), create=False), name)
        require_trust_in_study(stored, _LOG.warning, trust=trust)
        return Study(stored.spec, stored.database)


def _with_changes(options: RunOptions, changes: dict[str, Any]) -> RunOptions:
    known = [field.name for field in fields(RunOptions)]
    for name in changes:
        if name not in known:
            raise InputError(f"run has no option {name!r}{did_you_mean(name, known)}")
    return replace(options, **changes)
