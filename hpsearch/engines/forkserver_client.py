"""The process that trials are forked from, as its coordinator holds it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from hpsearch.engines.interpreter import SAME_HASHES, python_command

# One thread until a trial knows how many it may have: a parent with threads cannot fork safely.
SINGLE_THREADED = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

# What a step frees is kept for the next one: by default glibc gives it back to the system, and to
# fault it in anew takes up to a fifth of a CNN's step. A user's own value of the variable wins.
KEEPS_MEMORY = {
    "GLIBC_TUNABLES": f"glibc.malloc.mmap_threshold={2**30}:glibc.malloc.trim_threshold={2**32}"
}


class Server:
    """A process that loads torch and lightning, takes orders, and ends with this one.

    It can be begun before anything is known of the study: what it loads takes seconds, in which
    the coordinator reads files and opens its database.

    Args:
        output: file for what it prints; nowhere if not given, until `load` names one.

    Attributes:
        control: the socket that brings its answers, in lines of JSON (`engines/forkserver.py`).
        process: the process.
    """

    def __init__(self, output: BinaryIO | None = None) -> None:
        self._loads = False
        self.control, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                python_command("hpsearch.engines.forkserver", theirs.fileno(), os.getpid()),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=output or subprocess.DEVNULL,
                stderr=output or subprocess.DEVNULL,
                start_new_session=True,
                env={**SAME_HASHES, **KEEPS_MEMORY, **os.environ, **SINGLE_THREADED},
            )

    def load(
        self,
        modules: Sequence[str],
        data: Mapping[str, Any],
        import_paths: Sequence[str],
        log: Path,
    ) -> None:
        """Has it load what a study's trials need.

        Args:
            modules: of the study's own classes.
            data: the study file's `data` section.
            import_paths: folders where those modules are found.
            log: file for what it prints from now on.

        Raises:
            OSError: it has ended.
        """
        self._loads = True
        study = {"modules": list(modules), "data": data, "import_paths": list(import_paths)}
        order = json.dumps({"load": {**study, "log": str(log)}})
        self.control.sendall(order.encode() + b"\n")

    def call(self, function: str, *arguments: Any) -> Any:
        """Has it call a function, before it loads a study, and returns what that returns.

        Args:
            function: its name, `package.module:function`.
            *arguments: plain data, as what is returned.

        Raises:
            OSError: it has ended.
        """
        order = json.dumps({"call": [function, *arguments]})
        self.control.sendall(order.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            if not (part := self.control.recv(65536)):
                raise ConnectionResetError("the process that trials are forked from has ended")
            answer += part
        return json.loads(answer)

    def order(self, order: Mapping[str, int], sockets: Sequence[int]) -> None:
        """Gives it an order, with the sockets that belong to it.

        Raises:
            OSError: it has ended.
        """
        socket.send_fds(self.control, [json.dumps(order).encode() + b"\n"], sockets)

    def end(self) -> None:
        """Ends it, and every trial with it; ending it again does nothing."""
        self.control.close()
        if not self._loads:
            # It would first load torch to its end, and has started nothing that must be ended.
            self.process.kill()
        self.process.wait()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()
