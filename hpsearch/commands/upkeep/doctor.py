"""`doctor`: a report on this machine."""

from __future__ import annotations

from pathlib import Path

from hpsearch.commands.context import console
from hpsearch.commands.options import Runs, Storage


def doctor(*, storage: Storage = None, runs: Runs = None) -> None:
    """Report on this machine and its database."""
    from hpsearch.measure.machine import examine
    from hpsearch.search.store import default_url
    from hpsearch.views.tables import findings_table

    console().print(findings_table(examine(storage or default_url(), runs or Path("runs"))))
