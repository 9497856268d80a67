"""`report` and `compare`: what a study, or several, came to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hpsearch.commands.context import check_target, console, open_database
from hpsearch.commands.options import Json, Storage, StudyName, Trust


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
    """Write a page that explains a study, as one HTML file."""
    from rich.markup import escape

    from hpsearch.commands.trust import require_trust_in_study
    from hpsearch.measure.report import gather
    from hpsearch.views import formatting
    from hpsearch.views.report import render

    check_target(output)
    database = open_database(storage)
    require_trust_in_study(database, name, trust=trust)
    with console().status(f"reading {escape(name)} and asking its best model"):
        page = render(gather(database, name))
    output.write_text(page, encoding="utf-8")
    print(f"wrote {output} ({formatting.size(output.stat().st_size)}); open it in any browser")


def compare(
    name: StudyName,
    /,
    *others: Annotated[str, Parameter(name="NAME", help="More studies.")],
    storage: Storage = None,
    json: Json = False,
) -> None:
    """Show studies side by side."""
    from hpsearch.search.store import load_record, stored_spec
    from hpsearch.views import json_output
    from hpsearch.views.tables import Compared, comparison, comparison_entries

    database = open_database(storage)
    compared = [
        Compared(load_record(database, each), tuple(stored_spec(database, each).space.parameters))
        for each in dict.fromkeys((name, *others))
    ]
    if json:
        print(json_output.to_json(comparison_entries(compared)))
        return
    console().print(comparison(compared))
