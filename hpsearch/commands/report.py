"""`report` and `compare`: the results of one study or several."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hpsearch.commands.context import (
    check_target,
    console,
    open_database,
    open_trusted,
    report_contradictions,
    say_next_step,
)
from hpsearch.commands.options import Json, Storage, StudyName, Trust
from hpsearch.protocol.whole_file import written_whole


def report(
    name: StudyName,
    /,
    *,
    output: Annotated[
        Path, Parameter(name=("--output", "-o"), metavar="FILE", help="The HTML file to write.")
    ] = Path("report.html"),
    storage: Storage = None,
    trust: Trust = False,
) -> None:
    """Write a report on a study, as one HTML file."""
    from rich.markup import escape

    from hpsearch.measure.report import gather
    from hpsearch.views.report import render

    check_target(output)
    stored = open_trusted(name, storage, trust=trust)
    with console().status(f"reading {escape(name)} and evaluating its best model"):
        data = gather(stored)
        page = render(data)
    report_contradictions(data.study)
    _write(output, page)
    say_next_step(stored, data.study, storage)


def _write(output: Path, page: str) -> None:
    from hpsearch.views import formatting

    with written_whole(output) as beside:
        beside.write_text(page, encoding="utf-8")
    print(f"wrote {output} ({formatting.size(output.stat().st_size)}); open it in any browser")


def compare(
    name: StudyName,
    /,
    *others: Annotated[str, Parameter(name="NAME", help="More studies.")],
    output: Annotated[
        Path | None,
        Parameter(name=("--output", "-o"), metavar="FILE", help="Write an HTML page of it."),
    ] = None,
    storage: Storage = None,
    json: Json = False,
) -> None:
    """Show studies side by side, in the terminal or as a page."""
    from hpsearch.search.store import open_study
    from hpsearch.views import json_output
    from hpsearch.views.tables import Compared, comparison, comparison_entries

    if output is not None:
        check_target(output)
    database = open_database(storage)
    compared = [
        Compared(study.record(), tuple(study.spec.space.parameters))
        for study in (open_study(database, each) for each in dict.fromkeys((name, *others)))
    ]
    report_contradictions(*(each.study for each in compared))
    if json:
        print(json_output.to_json(comparison_entries(compared)))
        return
    screen = console()
    screen.print(comparison(compared, width=screen.width))
    if output is not None:
        from hpsearch.views.report import render_comparison

        _write(output, render_comparison(compared, datetime.now().astimezone()))
