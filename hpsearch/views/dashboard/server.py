"""A small web server in a thread of this process, for one viewer."""

from __future__ import annotations

import socket
import threading
from typing import Any, final

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from hpsearch.errors import InputError
from hpsearch.views.dashboard.guard import App


@final
class Server:
    """Serves a WSGI app from its construction until `close`, with one thread per request.

    Args:
        app: the served app.
        host: the address to listen on.
        port: the port to listen on; another one is taken if it is in use.

    Attributes:
        port: the port it listens on.

    Raises:
        InputError: this machine has no such address.
    """

    def __init__(self, app: App, host: str, port: int) -> None:
        listening = _listen(host, port)
        self.port: int = listening.getsockname()[1]
        self._server = _SilentServer(
            host, self.port, app, handler=_SilentHandler, fd=listening.fileno()
        )
        listening.close()
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _SilentServer(ThreadedWSGIServer):
    """Prints nothing, least of all a traceback: the terminal belongs to the command."""

    def log(self, *_: Any) -> None:
        """Drops what werkzeug logs."""

    def handle_error(self, *_: Any) -> None:
        """Drops what socketserver prints; the connection is closed."""


class _SilentHandler(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        """Drops what werkzeug logs."""

    def make_environ(self) -> Any:
        """Reads the request; answers 400 to one that cannot be read, such as an address of `[`.

        Raises:
            ConnectionAbortedError: it cannot be read, and the answer was sent.
        """
        try:
            return super().make_environ()
        except Exception as error:
            self.send_error(400)
            raise ConnectionAbortedError from error


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for wanted in (port, 0):
        try:
            return socket.create_server((host, wanted), family=family, backlog=64)
        except OSError as error:
            failure = error
    reason = failure.strerror or failure
    raise InputError(f"--host {host}: cannot listen there ({reason})") from failure
