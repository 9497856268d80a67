"""`list`, `status`, `show` and `best`: what a database holds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt

from hpsearch.commands.context import check_target, console, open_database, open_named, say_next
from hpsearch.commands.options import Json, Storage, StudyName
from hpsearch.errors import InputError


def list_(*, storage: Storage = None, json: Json = False) -> None:
    """List the studies of a database."""
    from hpsearch.search.store import list_studies
    from hpsearch.views import json_output
    from hpsearch.views.tables import study_list

    found = list_studies(open_database(storage))
    studies = found.studies
    for name, reason in found.unreadable.items():
        print(f"left out: {name}: {reason}", file=sys.stderr)
    if json:
        print(json_output.to_json([json_output.study_entry(study) for study in studies]))
        return
    if not studies:
        print("no studies yet")
        say_next("run", "STUDY.yaml", storage=storage)
        return
    console().print(study_list(studies))
    say_next("status", studies[0].name if len(studies) == 1 else "NAME", storage=storage)


def status(name: StudyName, /, *, storage: Storage = None, json: Json = False) -> None:
    """Show how far a study is, and its best trials."""
    from hpsearch.views import json_output
    from hpsearch.views.tables import study_status

    study = open_named(name, storage).record()
    if json:
        print(json_output.to_json(json_output.study_status(study)))
        return
    screen = console()
    screen.print(study_status(study, width=screen.width))
    if study.state in ("interrupted", "new"):
        say_next("resume", name, storage=storage)
    elif study.best is not None:
        say_next("show", name, study.best.number, storage=storage)


def show(
    name: StudyName,
    number: Annotated[NonNegativeInt, Parameter(name="NUMBER", help="The trial's number.")],
    /,
    *,
    storage: Storage = None,
    json: Json = False,
) -> None:
    """Show one trial in full."""
    from hpsearch.views import json_output
    from hpsearch.views.tables import trial_details

    study = open_named(name, storage).record()
    trial = next((trial for trial in study.trials if trial.number == number), None)
    if trial is None:
        have = f"it has 0 to {len(study.trials) - 1}" if study.trials else "it has none yet"
        raise InputError(f"the study {name} has no trial {number}; {have}")
    if json:
        print(json_output.to_json(json_output.trial_details(study, trial)))
        return
    console().print(trial_details(study, trial))
    print(f"\ncurves: tensorboard --logdir {Path(study.runs) / study.name}")


def best(
    name: StudyName,
    /,
    *,
    yaml: Annotated[
        Path | None, Parameter(metavar="FILE", help="Write it as a study file that runs.")
    ] = None,
    storage: Storage = None,
    json: Json = False,
) -> None:
    """Show the best trial; write it as a study file."""
    from hpsearch.views import json_output
    from hpsearch.views.tables import trial_details
    from hpsearch.views.winner import study_file

    stored = open_named(name, storage)
    study = stored.record()
    if study.best is None:
        raise InputError(
            f"no trial of {name} is complete yet, so none is best; hpsearch status {name}"
        )
    if yaml is not None:
        check_target(yaml)
        yaml.write_text(study_file(stored.spec, study.best, str(yaml)), encoding="utf-8")
    if json:
        print(json_output.to_json(json_output.trial_details(study, study.best)))
        return
    console().print(trial_details(study, study.best))
    if yaml is None:
        say_next("best", name, yaml="best.yaml", storage=storage)
    else:
        say_next("run", yaml)
