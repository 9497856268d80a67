"""`dashboard`: optuna-dashboard and TensorBoard over one database, until Ctrl-C."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import Port

from hpsearch.commands.context import open_database
from hpsearch.commands.exit_codes import DONE
from hpsearch.commands.options import Runs, Storage
from hpsearch.errors import InputError


def dashboard(
    name: Annotated[
        str | None, Parameter(name="NAME", help="A study, as `list` shows it. [default: all]")
    ] = None,
    /,
    *,
    storage: Storage = None,
    runs: Runs = None,
    host: Annotated[
        str, Parameter(metavar="ADDRESS", help="Listen here; a token guards all but loopback.")
    ] = "127.0.0.1",
    port: Annotated[Port, Parameter(metavar="P", help="For optuna-dashboard.")] = 8080,
    tensorboard_port: Annotated[Port, Parameter(metavar="P", help="For TensorBoard.")] = 6006,
    token: Annotated[
        str | None, Parameter(metavar="T", help="Ask for this token. [default: one is made]")
    ] = None,
) -> int:
    """Open optuna-dashboard and TensorBoard on a database."""
    from hpsearch.search.store import default_url
    from hpsearch.views.dashboard import Dashboard, Listening

    folder = runs or _runs(name, storage)
    where = Listening(host, port, tensorboard_port, _token(host, token))
    for number in (signal.SIGINT, signal.SIGTERM):
        # Set, and not taken as found: a shell lets what it starts in the background ignore Ctrl-C.
        signal.signal(number, signal.default_int_handler)
    opened = Dashboard(storage or default_url(), name, folder, where)
    print(opened.words(), flush=True)
    with suppress(KeyboardInterrupt):
        threading.Event().wait()
    opened.close()
    return DONE


def _runs(name: str | None, storage: str | None) -> Path:
    """Returns the folder of one study's trials, or the one that holds those of all studies."""
    from hpsearch.search.store import list_studies, load_record

    database = open_database(storage)
    if name is not None:
        return Path(load_record(database, name).runs) / name
    studies = list_studies(database)
    folders = sorted({study.runs for study in studies})
    if len(folders) > 1:
        raise InputError(
            f"the studies keep their runs in {' and '.join(folders)}; name a study, or one of"
            " these folders with --runs"
        )
    return Path(folders[0]) if folders else Path("runs")


def _token(host: str, given: str | None) -> str | None:
    """Returns the token to ask for; None where loopback is guard enough."""
    import secrets

    from hpsearch.views.dashboard import LOOPBACK

    if given is not None and not given.isalnum():
        raise InputError("--token: write letters and digits")
    return given or (None if host in LOOPBACK else secrets.token_hex(16))
