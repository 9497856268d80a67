"""Calls into the training wing in processes of their own, for work that is not a trial."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from hpsearch.engines.forkserver_client import Server
from hpsearch.errors import SearchError
from hpsearch.protocol.job import Job


@contextmanager
def subprocesses(
    modules: Sequence[str] = (),
    document: Mapping[str, Any] | None = None,
    import_paths: Sequence[str] = (),
) -> Iterator[Callable[..., Any]]:
    """Yields a function that calls `function(job, *arguments)` in a process of its own.

    It takes the function's name, `package.module:function`, a job and plain data. It returns what
    the function returns, also plain data, and raises SearchError if the process ended without a
    result, or had none after `timeout_s` if that is given. Each process sees only the job's
    devices. Like those of trials, the processes are forked from one that loads torch, which starts
    here and does not keep the caller waiting. Leaving the block ends all of them.

    Args:
        modules: of a study's own classes, loaded once for all calls.
        document: the study file as plain data.
        import_paths: folders where those modules are found.
    """
    with Server() as server:
        if modules:
            server.load(modules, document or {}, import_paths, Path(os.devnull))
        numbers = count(1)
        yield lambda function, job, *arguments, timeout_s=None: _call(
            server, next(numbers), function, job, *arguments, timeout_s=timeout_s
        )


def _call(
    server: Server,
    number: int,
    function: str,
    job: Job,
    *arguments: Any,
    timeout_s: float | None,
) -> Any:
    ours, theirs = socket.socketpair()
    ours.settimeout(timeout_s)
    with ours, ours.makefile("rw", encoding="utf-8") as lines:
        try:
            with theirs:
                server.order({"start": number}, [theirs.fileno()])
            order = {"call": function, "job": job.to_json(), "arguments": arguments}
            lines.write(json.dumps(order) + "\n")
            lines.flush()
            if answer := lines.readline():
                return json.loads(answer)
            code = _exit_code(server, number)
        except TimeoutError as error:
            server.order({"kill": number}, [])
            _exit_code(server, number)
            raise SearchError(f"it was ended after {timeout_s:.0f} s; it took too long") from error
        except OSError as error:
            raise SearchError(f"the process that should run {function} has ended") from error
    output = Path(job.folder) / "output.txt"
    raise SearchError(
        f"the process that ran {function} exited with {code}; see its output in {output}"
    )


def _exit_code(server: Server, number: int) -> int:
    """Returns the exit code of a call's process, once it has ended."""
    while (said := server.next_answer()).get("gone") != number:
        """What was loaded, and which processes of earlier calls have ended."""
    return int(said["code"])
