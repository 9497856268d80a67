"""`dashboard`: optuna-dashboard and TensorBoard over one database, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hpsearch.commands.context import open_database
from hpsearch.commands.exit_codes import DONE
from hpsearch.commands.options import Port, Runs, Storage
from hpsearch.errors import InputError

SHORTEST = 16


def dashboard(
    name: Annotated[
        str | None, Parameter(name="NAME", help="A study, as `list` shows it. [default: all]")
    ] = None,
    /,
    *,
    storage: Storage = None,
    runs: Runs = None,
    host: Annotated[str, Parameter(metavar="ADDRESS", help="Listen here.")] = "127.0.0.1",
    port: Annotated[Port, Parameter(metavar="P", help="For optuna-dashboard.")] = 8080,
    tensorboard_port: Annotated[Port, Parameter(metavar="P", help="For TensorBoard.")] = 6006,
    token_file: Annotated[
        Path | None,
        Parameter(
            metavar="FILE",
            help="Ask for the token in this file, or in $HPSEARCH_DASHBOARD_TOKEN."
            " [default: a new one]",
        ),
    ] = None,
) -> int:
    """Open optuna-dashboard and TensorBoard on a database."""
    import secrets

    from hpsearch.search.store import default_url
    from hpsearch.views.dashboard import Dashboard, Listening

    folder = runs or _runs(name, storage)
    given = _given_token(token_file)
    token = given or secrets.token_hex(16)
    where = Listening(host, port, tensorboard_port, token, shown=given is None)
    for number in (signal.SIGINT, signal.SIGTERM):
        # Set here, since a shell makes background processes ignore Ctrl-C.
        signal.signal(number, signal.default_int_handler)
    opened = Dashboard(storage or default_url(), name, folder, where)
    print(opened.words(), flush=True)
    with suppress(KeyboardInterrupt):
        threading.Event().wait()
    opened.close()
    return DONE


def _runs(name: str | None, storage: str | None) -> Path:
    """Returns the folder of one study's trials, or the folder of all studies."""
    from hpsearch.search.store import list_studies, load_record

    database = open_database(storage)
    if name is not None:
        return Path(load_record(database, name).runs) / name
    studies = list_studies(database).studies
    folders = sorted({study.runs for study in studies})
    if len(folders) > 1:
        raise InputError(
            f"the studies keep their runs in {' and '.join(folders)}; name a study, or one of"
            " these folders with --runs"
        )
    return Path(folders[0]) if folders else Path("runs")


def _given_token(file: Path | None) -> str | None:
    """Returns the user's token; never from the command line, which everybody can read.

    Raises:
        InputError: the file cannot be read, others can read it, or it does not hold a token.
    """
    if file is None:
        token, where = os.environ.get("HPSEARCH_DASHBOARD_TOKEN"), "$HPSEARCH_DASHBOARD_TOKEN"
    else:
        where = f"--token-file {file}"
        try:
            mode, token = file.stat().st_mode, file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{where}: {getattr(error, 'strerror', 'is not text')}") from error
        if mode & 0o077:
            raise InputError(f"{where}: others can read it; chmod 600 {file}")
    if not token:
        return None
    if not (token.isascii() and token.isalnum() and len(token) >= SHORTEST):
        raise InputError(f"{where}: the token must be {SHORTEST} or more letters and digits")
    return token
