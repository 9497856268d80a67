"""`list`, `status`, `show` and `best`: the contents of a database."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hpsearch.commands.context import (
    check_target,
    console,
    open_database,
    open_named,
    pick_trial,
    report_contradictions,
    say_next,
    say_next_step,
    say_what_is_left,
)
from hpsearch.commands.options import Json, PositiveInt, Storage, StudyName, TrialNumber
from hpsearch.errors import InputError
from hpsearch.protocol.whole_file import written_whole


def list_(*, storage: Storage = None, json: Json = False) -> None:
    """List the studies of a database."""
    from hpsearch.search.store import database_file, list_studies, rebuilding_words, redact
    from hpsearch.views import json_output
    from hpsearch.views.tables import study_list

    database = open_database(storage)
    found = list_studies(database)
    studies = found.studies
    report_contradictions(*studies)
    for name, reason in found.unreadable.items():
        print(f"left out: {name}: {reason}", file=sys.stderr)
    if json:
        print(json_output.to_json([json_output.study_entry(study) for study in studies]))
        return
    if not studies:
        if not found.unreadable:
            print("no studies yet")
            if lost := rebuilding_words(database_file(database.url), redact(database.url)):
                print(lost)
            say_next("run", "STUDY.yaml", storage=storage)
        return
    console().print(study_list(studies))
    say_next("status", studies[0].name if len(studies) == 1 else "NAME", storage=storage)


def status(
    name: StudyName,
    /,
    *,
    top: Annotated[PositiveInt, Parameter(metavar="N", help="How many trials to list.")] = 10,
    sort: Annotated[
        str | None,
        Parameter(
            metavar="KEY",
            help="List them by an objective, a parameter, number, epochs, time or state."
            " [default: the best first]",
        ),
    ] = None,
    storage: Storage = None,
    json: Json = False,
) -> None:
    """Show a study's progress and its best trials."""
    from hpsearch.views import json_output
    from hpsearch.views.tables import study_status

    study = open_named(name, storage).record()
    if json:
        print(json_output.to_json(json_output.study_status(study)))
        return
    screen = console()
    screen.print(study_status(study, width=screen.width, limit=top, sort=sort))
    say_what_is_left(study, storage)


def show(
    name: StudyName,
    number: TrialNumber,
    /,
    *,
    storage: Storage = None,
    json: Json = False,
) -> None:
    """Show everything about one trial."""
    from hpsearch.search.store import is_readable
    from hpsearch.views import json_output
    from hpsearch.views.tables import trial_details

    stored = open_named(name, storage)
    study = stored.record()
    trial = pick_trial(study, number)
    if json:
        print(json_output.to_json(json_output.trial_details(study, trial)))
        return
    console().print(trial_details(study, trial))
    if is_readable(folder := Path(study.runs) / study.name):  # it may be on another machine
        print(f"\ncurves: tensorboard --logdir {folder}")
    if trial == study.best:
        say_next_step(stored, study, storage)


def best(
    name: StudyName,
    /,
    *,
    yaml: Annotated[
        Path | None, Parameter(metavar="FILE", help="Write it as a runnable study file.")
    ] = None,
    storage: Storage = None,
    json: Json = False,
) -> None:
    """Show the best trial, or write it as a study file."""
    from hpsearch.views import json_output
    from hpsearch.views.tables import trial_details
    from hpsearch.views.winner import study_file

    stored = open_named(name, storage)
    study = stored.record()
    report_contradictions(study)
    trial = pick_trial(study, "best")
    if yaml is not None:
        check_target(yaml)
        if yaml.exists() and not _is_of_best(yaml, storage):
            raise InputError(
                f"{yaml} exists, and not as `best` writes it: it would be lost; name another file"
            )
        with written_whole(yaml) as beside:
            beside.write_text(study_file(stored.spec, trial, str(yaml)), encoding="utf-8")
    if json:
        print(json_output.to_json(json_output.trial_details(study, trial)))
        return
    console().print(trial_details(study, trial))
    if yaml is None:
        say_next("best", name, yaml="best.yaml", storage=storage)
    else:
        say_next("run", yaml)


def _is_of_best(file: Path, storage: str | None) -> bool:
    """Returns whether `best` wrote a file, for any study of the database, and nobody edited it."""
    from hpsearch.views.winner import is_unedited, study_named_in

    text = file.read_text(encoding="utf-8", errors="replace")
    if not (name := study_named_in(text)):
        return False
    try:
        stored = open_named(name, storage)
    except InputError:  # of another database
        return False
    trials = {trial.number: trial for trial in stored.record().trials}
    return is_unedited(text, stored.spec, trials)
