"""`ensemble`: several models of a search, averaged."""

from __future__ import annotations

import sys
from typing import Annotated, Any

from cyclopts import Parameter

from hpsearch.commands.context import console, open_trusted, report, say_next, say_next_step
from hpsearch.commands.exit_codes import DONE, FAILED, USAGE_ERROR
from hpsearch.commands.options import (
    AcceptChanges,
    Devices,
    Json,
    PositiveInt,
    Storage,
    StudyName,
    Trust,
)


def ensemble(
    name: StudyName,
    /,
    *,
    members: Annotated[
        PositiveInt, Parameter(metavar="N", help="Average at most this many models.")
    ] = 5,
    again: Annotated[
        bool,
        Parameter(
            negative="", show_default=False, help="Evaluate the test split again, on record."
        ),
    ] = False,
    devices: Devices = "auto",
    storage: Storage = None,
    inline: Annotated[
        bool,
        Parameter(negative="", show_default=False, help="Work in this process, for debugging."),
    ] = False,
    trust: Trust = False,
    accept_changes: AcceptChanges = False,
    json: Json = False,
) -> int:
    """Average the models that are best together, and test them as one."""
    from hpsearch.search.confirm import EnsembleOptions, make_ensemble, opened_by_another
    from hpsearch.search.options import RunOptions

    stored = open_trusted(name, storage, trust=trust, write=True)
    if not again and (opened := opened_by_another(stored.study, "ensemble")):
        report(f"note: {opened}")
    where = RunOptions(
        devices=devices, engine="inline" if inline else "local", accept_changes=accept_changes
    )
    made = make_ensemble(stored, EnsembleOptions(members, again), where)
    _show(made.record, json)
    if made.refused:
        print(f"error: {made.refused}", file=sys.stderr)
        return USAGE_ERROR
    if (made.record["test"] or {}).get("failure"):
        return FAILED
    if json:
        return DONE
    if len(made.record["members"]) > 1:
        say_next("export", name, "--ensemble", storage=storage)
    else:
        say_next_step(stored, stored.record(), storage)
    return DONE


def _show(record: dict[str, Any], json: bool) -> None:
    from hpsearch.views.json_output import to_json
    from hpsearch.views.tables import ensemble_view

    if json:
        print(to_json(record))
    else:
        console().print(ensemble_view(record))
