"""`doctor`: what this machine has."""

from __future__ import annotations

from pathlib import Path

from hpsearch.commands.opening import console
from hpsearch.commands.options import Runs, Storage


def doctor(*, storage: Storage = None, runs: Runs = None) -> None:
    """Report on this machine and its database."""
    from hpsearch.search.storage import default_url
    from hpsearch.views.doctor import examine, findings_table

    console().print(findings_table(examine(storage or default_url(), runs or Path("runs"))))
