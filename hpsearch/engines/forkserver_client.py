"""The coordinator's handle on the process that trials are forked from."""

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
from hpsearch.engines.start_method import StartMethod, start_method
from hpsearch.engines.warm_client import AdoptedProcess, adopt

# One thread until a trial knows how many it may have: a parent with threads cannot fork safely.
SINGLE_THREADED = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

# Keeps memory freed by one step for the next: by default glibc returns it to the system, and
# faulting it in again takes up to a fifth of a CNN's step. A user's own value takes precedence.
KEEPS_MEMORY = {
    "GLIBC_TUNABLES": f"glibc.malloc.mmap_threshold={2**30}:glibc.malloc.trim_threshold={2**32}"
}


def environment() -> dict[str, str]:
    """Returns the environment of a process that trials are forked from."""
    return {**SAME_HASHES, **KEEPS_MEMORY, **os.environ, **SINGLE_THREADED}


def _start(
    theirs: socket.socket, output: BinaryIO | None, method: StartMethod
) -> AdoptedProcess | subprocess.Popen[bytes]:
    return subprocess.Popen(
        python_command("hpsearch.engines.forkserver", theirs.fileno(), os.getpid(), method),
        pass_fds=(theirs.fileno(),),
        stdin=subprocess.DEVNULL,
        stdout=output or subprocess.DEVNULL,
        stderr=output or subprocess.DEVNULL,
        start_new_session=True,
        env=environment(),
    )


class Server:
    """A process that loads torch and Lightning, takes orders, and ends with this one.

    It can start before anything is known about the study: loading takes seconds, in which the
    coordinator reads files and opens its database.

    Args:
        output: file for its output; none if not given, until `load` names one.

    Raises:
        InputError: `$HPSEARCH_START` is not a start method.

    Attributes:
        control: the socket that brings its answers, in lines of JSON (`engines/forkserver.py`).
        process: the process.
    """

    def __init__(self, output: BinaryIO | None = None) -> None:
        method = start_method()
        self._works = False
        self._received = b""
        self.control, theirs = socket.socketpair()
        with theirs:
            adopted = adopt(theirs, output, environment()) if method == "fork" else None
            self.process = adopted or _start(theirs, output, method)

    def load(
        self,
        modules: Sequence[str],
        document: Mapping[str, Any],
        import_paths: Sequence[str],
        log: Path,
    ) -> None:
        """Loads what a study's trials need.

        Args:
            modules: of the study's own classes.
            document: the study file as plain data.
            import_paths: folders where those modules are found.
            log: file for its output from now on.

        Raises:
            OSError: it has ended.
        """
        self._works = True
        study = {"modules": list(modules), "document": document}
        where = {"import_paths": list(import_paths), "log": str(log)}
        order = json.dumps({"load": study | where})
        self.control.sendall(order.encode() + b"\n")

    def call(self, function: str, *arguments: Any) -> Any:
        """Calls a function there before a study is loaded, and returns its result.

        Args:
            function: its name, `package.module:function`.
            *arguments: plain data, like the result.

        Raises:
            OSError: it has ended.
        """
        order = json.dumps({"call": [function, *arguments]})
        self.control.sendall(order.encode() + b"\n")
        return self.next_answer()

    def next_answer(self) -> Any:
        """Waits for its next answer and returns it.

        Raises:
            OSError: it has ended.
        """
        while b"\n" not in self._received:
            if not (part := self.control.recv(65536)):
                raise ConnectionResetError("the process that trials are forked from has ended")
            self._received += part
        line, _, self._received = self._received.partition(b"\n")
        return json.loads(line)

    def order(self, order: Mapping[str, int], sockets: Sequence[int]) -> None:
        """Sends an order, with its sockets.

        Raises:
            OSError: it has ended.
        """
        self._works = True
        socket.send_fds(self.control, [json.dumps(order).encode() + b"\n"], sockets)

    def end(self) -> None:
        """Ends it, and every trial with it; ending it again does nothing."""
        self.control.close()
        if not self._works:
            # It would first finish loading torch, and it has started nothing that must be ended.
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
