"""Calls into the training wing in processes of their own, for work that is not a trial."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from types import TracebackType
from typing import Any

from hpsearch.engines.forkserver_client import Server
from hpsearch.errors import SearchError
from hpsearch.protocol.job import Job


class Subprocesses:
    """Calls functions, each in a fresh process that sees its job's device only.

    The processes are forked from one that has loaded torch, as those of trials are, so that only
    the first call waits for that. Leaving the block ends all of them.
    """

    def __init__(self) -> None:
        self._calls = 0
        self._server = Server()

    def __call__(self, function: str, job: Job, *arguments: Any) -> Any:
        """Calls `function(job, *arguments)` and returns its result, plain data.

        Args:
            function: its name, `package.module:function`.
            job: what it is called with first.
            *arguments: plain data.

        Raises:
            SearchError: the process ended without a result.
        """
        self._calls += 1
        ours, theirs = socket.socketpair()
        with ours, ours.makefile("rw", encoding="utf-8") as lines:
            try:
                with theirs:
                    self._server.order({"start": self._calls}, [theirs.fileno()])
                order = {"call": function, "job": job.to_json(), "arguments": arguments}
                lines.write(json.dumps(order) + "\n")
                lines.flush()
                answer = lines.readline()
                code = None if answer else self._exit_code()
            except OSError as error:
                raise SearchError(f"the process that was to run {function} is gone") from error
        if answer:
            return json.loads(answer)
        output = Path(job.folder) / "output.txt"
        raise SearchError(
            f"the process that ran {function} ended with {code}; see its output in {output}"
        )

    def _exit_code(self) -> int:
        """Returns the exit code of the last call's process, once it is gone."""
        while (said := self._server.next_answer())["gone"] != self._calls:
            """Processes of earlier calls have ended, too."""
        return int(said["code"])

    def __enter__(self) -> Subprocesses:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.end()


def run_in_subprocess(function: str, job: Job, *arguments: Any) -> Any:
    """Calls one function as `Subprocesses` does.

    Raises:
        SearchError: the process ended without a result.
    """
    with Subprocesses() as call:
        return call(function, job, *arguments)
