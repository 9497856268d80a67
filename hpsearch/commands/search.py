"""`run` and `resume`: a search from its file or its database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpsearch.commands.context import report
from hpsearch.commands.options import (
    DEFAULTS,
    Changes,
    DevicesPerTrial,
    MoreChanges,
    Restart,
    SearchOptions,
    StudyFile,
    StudyName,
)

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

    from hpsearch.engines.factory import PreparedEngine
    from hpsearch.studyfile.study import StudySpec


def run(
    study: StudyFile,
    /,
    *more: MoreChanges,
    changes: Changes = (),
    devices_per_trial: DevicesPerTrial = None,
    restart: Restart = False,
    options: SearchOptions = DEFAULTS,
) -> int:
    """Run the search of a study file, or continue it."""
    if devices_per_trial is not None:
        changes = (*changes, f"study.devices_per_trial={devices_per_trial}")
    with _engine(options) as engine:
        from hpsearch.classes.load import read_sound

        parsed = read_sound(study, (*changes, *more), report, trust=options.trust)
        # Imported after the file is read: its errors should not wait for Optuna.
        from hpsearch.commands.outcome import watch
        from hpsearch.search.file import open_for_run
        from hpsearch.search.run import run_study

        spec, database = open_for_run(parsed, options.storage, report, engine.call)
        if restart:
            _discard(database, spec.name)
        spec = _decide_speed(spec, database, engine)
        return watch(
            lambda view: run_study(spec, database, options.to_run(), engine, view),
            options.storage or spec.storage,
            options,
            spec.source,
        )


def resume(name: StudyName, /, *, options: SearchOptions = DEFAULTS) -> int:
    """Continue a study from its database, without its file."""
    with _engine(options) as engine:
        from hpsearch.commands.context import open_trusted
        from hpsearch.commands.outcome import watch
        from hpsearch.search.run import resume_study

        stored = open_trusted(name, options.storage, trust=options.trust, write=True)
        return watch(
            lambda view: resume_study(stored, options.to_run(), engine, view),
            options.storage,
            options,
        )


def _decide_speed(spec: StudySpec, database: RDBStorage, engine: PreparedEngine) -> StudySpec:
    if not spec.measures_speed:
        return spec
    from hpsearch.commands.context import console
    from hpsearch.measure.speed_choice import decide_speed
    from hpsearch.views.formatting import speed_words

    decided = decide_speed(spec, database, engine.slots, console().status)
    if decided.speed:
        report(f"speed: {speed_words(decided.speed)}")
    return decided


def _discard(database: RDBStorage, name: str) -> None:
    from hpsearch.search.store import find_study
    from hpsearch.search.upkeep import discard

    if (stored := find_study(database, name)) is not None:
        kept = discard(stored)
        report(f"{name} starts over" + ("" if kept is None else f"; its files are in {kept}"))


def _engine(options: SearchOptions) -> PreparedEngine:
    from hpsearch.engines.factory import prepare_engine

    return prepare_engine(options.to_run())
