"""TensorBoard as a WSGI app in this process, so that no process is left behind."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from tensorboard import program

from hpsearch.views.dashboard.guard import App

# It uses POST for queries: its lists of metrics and runs are too long for an address.
METHODS = ("GET", "HEAD", "POST")
_RELOAD_S = 5.0


def tensorboard_app(runs: Path) -> App:
    """Returns TensorBoard on a folder of runs, reloaded every few seconds."""
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    served: list[App] = []

    class Receiver(program.TensorBoardServer):  # type: ignore[misc]
        """Takes the app that TensorBoard would have served."""

        def __init__(self, wsgi_app: App, flags: Any) -> None:
            served.append(wsgi_app)

        def serve_forever(self) -> None:
            """Returns at once: the app is served elsewhere."""

        def get_url(self) -> str:
            """Returns nothing: see above."""
            return ""

    board = program.TensorBoard(server_class=Receiver)
    # Its fast loader would be a separate process.
    board.configure(logdir=str(runs), reload_interval=_RELOAD_S, load_fast="false")
    board.launch()
    return served[0]
