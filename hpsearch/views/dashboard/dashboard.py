"""Both pages, served from one process, with their printed addresses."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import final

from optuna_dashboard import wsgi

from hpsearch.views.dashboard.artifacts import TrialFiles
from hpsearch.views.dashboard.guard import LOOPBACK, Guard
from hpsearch.views.dashboard.server import Server
from hpsearch.views.dashboard.storage import AnnotatedStorage, open_to_read
from hpsearch.views.dashboard.tensorboard import METHODS, tensorboard_app


@dataclass(frozen=True)
class Listening:
    """Where the pages are served.

    Attributes:
        host: the address to listen on.
        port: optuna-dashboard's port.
        tensorboard_port: TensorBoard's.
        token: required to see a page.
        shown: whether the printed addresses contain the token.
    """

    host: str
    port: int
    tensorboard_port: int
    token: str
    shown: bool = True

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in LOOPBACK


@final
class Dashboard:
    """optuna-dashboard and TensorBoard, served from construction until `close`.

    Args:
        url: the database.
        study: the study whose page to open first; None for the list of all.
        runs: the folder of runs that TensorBoard shows.
        where: the addresses.
    """

    def __init__(self, url: str, study: str | None, runs: Path, where: Listening) -> None:
        self._where = where
        storage = AnnotatedStorage(open_to_read(url))
        page = "" if study is None else f"/studies/{storage.get_study_id_from_name(study)}"
        self._page = f"/dashboard{page}"
        optuna_app = Guard(wsgi(storage, TrialFiles(storage)), where.token, local=where.local)
        board = Guard(tensorboard_app(runs), where.token, METHODS, local=where.local)
        self._optuna = Server(optuna_app, where.host, where.port)
        self._tensorboard = Server(board, where.host, where.tensorboard_port)

    @property
    def optuna_url(self) -> str:
        """Where optuna-dashboard shows the study."""
        return self._address(self._optuna.port, self._page)

    @property
    def tensorboard_url(self) -> str:
        """Where TensorBoard is."""
        return self._address(self._tensorboard.port, "/")

    def words(self) -> str:
        """Returns the lines that say how to open both."""
        ports = (self._optuna.port, self._tensorboard.port)
        lines = [
            f"optuna-dashboard  {self.optuna_url}",
            f"TensorBoard       {self.tensorboard_url}",
        ]
        if not self._where.shown:
            lines.append("Add ?token= and the token you gave to each address.")
        if self._where.local:
            host = _bracketed(self._where.host)
            tunnels = " ".join(f"-L {port}:{host}:{port}" for port in ports)
            lines.append(f"from elsewhere    ssh {tunnels} {socket.gethostname()}")
        return "\n".join([*lines, "Both are read-only. Press Ctrl-C to stop."])

    def close(self) -> None:
        """Stops both."""
        self._optuna.close()
        self._tensorboard.close()

    def _address(self, port: int, page: str) -> str:
        token = f"?token={self._where.token}" if self._where.shown else ""
        host = self._where.host
        shown = socket.gethostname() if host in ("0.0.0.0", "::") else _bracketed(host)
        return f"http://{shown}:{port}{page}{token}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
