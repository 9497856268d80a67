"""A study from Python, in a script or a notebook: the same search as `hpsearch run`."""

from __future__ import annotations

import logging
from dataclasses import fields, replace
from html import escape
from pathlib import Path
from typing import Any, final

from optuna.storages import RDBStorage

from hpsearch.classes.components import class_modules
from hpsearch.classes.load import read_sound
from hpsearch.engines.factory import prepare_engine
from hpsearch.errors import InputError, SearchError
from hpsearch.protocol.model_files import SUFFIXES, format_of
from hpsearch.protocol.types import FINALISTS
from hpsearch.protocol.whole_file import written_whole
from hpsearch.result import Result
from hpsearch.search.coordinator import LogObserver, Observer
from hpsearch.search.file import open_for_run, require_trust_in_study
from hpsearch.search.model import export_ensemble, export_model
from hpsearch.search.options import RunOptions
from hpsearch.search.run import run_study
from hpsearch.search.silence import silence
from hpsearch.search.store import default_url, open_storage, open_study
from hpsearch.studyfile.diagnostics import did_you_mean
from hpsearch.studyfile.study import StudySpec
from hpsearch.views.formatting import counted
from hpsearch.views.tables import study_html

_LOG = logging.getLogger("hpsearch")
# Without it, Python prints warnings in red if the user has not set up logging.
_LOG.addHandler(logging.NullHandler())


@final
class Study:
    """A search that can be run and continued later.

    Make one with `hpsearch.read_study` or `hpsearch.load_study`.

    Args:
        spec: what is searched.
        database: where it is stored.
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

        Each trial trains in its own process. Classes of a notebook cell or of the running script
        (`class_path: __main__.Net`) are in no module that another process could import, so their
        trials train in this process, one after the other. Interrupting the cell leaves the study
        resumable.

        Args:
            options: how far and where; see `hpsearch.RunOptions`.
            observer: watches the search, such as `hpsearch.live_view()`; None writes notes and the
                end of each trial to the logger `hpsearch`.
            **changes: fields of the options by name, such as `trials=20, devices="cpu:2"`.

        Raises:
            InputError: an argument or the study is wrong; nothing was trained.
            SearchError: the search stopped; the message says why.
        """
        chosen = self._options(options, changes)
        watcher = LogObserver() if observer is None else observer
        with silence(), prepare_engine(chosen) as engine:
            spec = self.spec
            if spec.measures_speed:
                from hpsearch.measure.speed_choice import decide_speed

                spec = decide_speed(spec, self._database, engine.slots)
            outcome = run_study(spec, self._database, chosen, engine, watcher)
        if outcome.error:
            raise SearchError(f"the search stopped: {outcome.error}")
        return self.result()

    def result(self) -> Result:
        """Returns the study as the database has it now; trains nothing.

        Raises:
            InputError: the study has not begun.
        """
        return Result(open_study(self._database, self.name))

    def confirm(
        self,
        top: int = FINALISTS,
        seeds: int = 5,
        *,
        max_seeds: int | None = None,
        refit: bool = False,
        options: RunOptions | None = None,
        observer: Observer | None = None,
        **changes: Any,
    ) -> Result:
        """Trains the best trials again, chooses one and tests it, as `hpsearch confirm` does.

        Args:
            top: how many trials.
            seeds: with how many seeds each.
            max_seeds: add seeds until the first beats the second, up to this many.
            refit: whether the winner is trained on training and validation data at the end.
            options: where; see `hpsearch.RunOptions`.
            observer: watches; see `run`.
            **changes: fields of the options by name.

        Raises:
            InputError: there is nothing to confirm.
            SearchError: it stopped, or was interrupted; the same call continues it.
        """
        from hpsearch.search.confirm import ConfirmOptions, confirm_study

        chosen = self._options(options, changes)
        watcher = LogObserver() if observer is None else observer
        stored = open_study(self._database, self.name)
        with silence():
            what = ConfirmOptions(top, seeds, refit=refit, max_seeds=max_seeds)
            confirmed = confirm_study(stored, what, chosen, watcher)
        if confirmed.record is None:
            why = confirmed.training.error or "interrupted; the same call continues it"
            raise SearchError(f"the confirmation stopped: {why}")
        return self.result()

    def ensemble(
        self, members: int = 5, *, options: RunOptions | None = None, **changes: Any
    ) -> Result:
        """Averages the models that are best together and tests them, as `hpsearch ensemble` does.

        Args:
            members: the most different models to average.
            options: the device; see `hpsearch.RunOptions`.
            **changes: fields of the options by name.

        Raises:
            InputError: fewer than two models can be averaged.
        """
        from hpsearch.search.confirm import EnsembleOptions, make_ensemble

        chosen = self._options(options, changes)
        with silence():
            stored = open_study(self._database, self.name)
            make_ensemble(stored, EnsembleOptions(members), chosen)
        return self.result()

    def export(self, path: str | Path, trial: int | None = None, *, ensemble: bool = False) -> Path:
        """Writes a trained model, preprocessing included, as `hpsearch export` does.

        Args:
            path: where; `.onnx` for onnxruntime, `.pt2` for torch, `.pt` for weights alone.
            trial: its number; None for the model that the confirmation chose, or the best trial's.
            ensemble: all models that `ensemble` chose, as one.

        Raises:
            InputError: the suffix is unknown, or there is no such checkpoint.
        """
        target = Path(path)
        if format_of(target) is None:
            endings = ", ".join(SUFFIXES.values())
            raise InputError(f"{target}: a model's file ends in {endings}")
        stored = open_study(self._database, self.name)
        with silence():
            if ensemble:
                export_ensemble(stored, target)
            else:
                export_model(stored, trial, target)
        return target

    def report(self, path: str | Path = "report.html") -> Path:
        """Writes the page that explains the study, as `hpsearch report` does; returns where."""
        from hpsearch.measure.report import gather
        from hpsearch.views.report import render

        target = Path(path)
        with silence():
            page = render(gather(open_study(self._database, self.name)))
        with written_whole(target) as beside:
            beside.write_text(page, encoding="utf-8")
        return target

    def _options(self, options: RunOptions | None, changes: dict[str, Any]) -> RunOptions:
        chosen = _with_changes(options or RunOptions(), changes)
        in_cell = "__main__" in class_modules(self.spec.document)
        return replace(chosen, engine="inline") if in_cell else chosen

    def _repr_html_(self) -> str:
        try:
            return study_html(self.result().record)
        except InputError:  # it has not begun
            return f"<p><b>{escape(self.name)}</b>: not begun; {escape(self._words())}</p>"

    def __repr__(self) -> str:
        return f"Study({self.name!r}: {self._words()})"

    def _words(self) -> str:
        objectives = ", ".join(f"{way} {name}" for name, way in self.spec.objectives.items())
        return f"{counted(len(self.spec.space.parameters), 'parameter')}, {objectives}"


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
        InputError: there is no such study, or hpsearch did not create it.
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
