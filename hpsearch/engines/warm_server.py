"""The process that keeps torch loaded between commands: searches fork their trials' server from it.

Loading torch and Lightning takes most of the time of a short search. This process has loaded them
already, and ends by itself after a while without a search. A server that it starts belongs to the
search that asked for it: it ends with that search and outlives this process.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from hpsearch.engines import bridge
from hpsearch.engines.forkserver import ForkServer, ignore_signals_of_the_job
from hpsearch.engines.warm_client import address_of

MOST_BYTES = 1 << 20


def serve(path: Path, idle_s: float) -> None:
    """Loads torch, says so on stdout, and serves until `idle_s` seconds pass without a search."""
    gc.disable()
    bridge.call("hpsearch.trial.warm:warm")
    gc.freeze()
    # The kernel reaps what this process starts.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        path.unlink(missing_ok=True)
        with address_of(path) as address:
            listener.bind(address)
        ours = path.stat().st_ino
        listener.listen()
        listener.settimeout(idle_s)
        print("ready", flush=True)
        with Path(os.devnull).open("ab") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        try:
            while _answer_next(listener):
                """Until one is asked to end."""
        except TimeoutError:
            """Nobody has asked for long."""
        finally:
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_ino == ours:
                    path.unlink()


def _answer_next(listener: socket.socket) -> bool:
    """Answers the next order; returns whether to continue."""
    channel, _ = listener.accept()
    with channel:
        order, descriptors = _receive(channel)
        answer: dict[str, Any] = {"ends": "end" in order}
        if len(descriptors) == 2:
            control, output = descriptors
            answer["pid"] = _start(order, control, output, (listener, channel))
        for descriptor in descriptors:
            os.close(descriptor)
        with contextlib.suppress(OSError):
            channel.sendall(json.dumps(answer).encode() + b"\n")
    return "end" not in order


def _receive(channel: socket.socket) -> tuple[dict[str, Any], list[int]]:
    text, descriptors = b"", []
    with contextlib.suppress(OSError, ValueError):
        channel.settimeout(1.0)
        while not text.endswith(b"\n") and len(text) < MOST_BYTES:
            part, more, _, _ = socket.recv_fds(channel, 65536, 2)
            descriptors += more
            if not part:
                break
            text += part
        return json.loads(text), descriptors
    return {}, descriptors


def _start(order: dict[str, Any], control: int, output: int, ours: Sequence[socket.socket]) -> int:
    """Forks the server of a search's trials, without this process's sockets; returns its pid."""
    if pid := os.fork():
        return pid
    code = 1
    try:
        for each in ours:
            each.close()
        _become_server(order, control, output)
    except Exception as error:
        print(error, file=sys.stderr, flush=True)
    finally:
        os._exit(code)


def _become_server(order: dict[str, Any], control: int, output: int) -> NoReturn:
    os.setsid()
    for number in (1, 2):
        os.dup2(output, number)
    os.close(output)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ignore_signals_of_the_job()
    ForkServer(socket.socket(fileno=control), "fork").serve()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), float(sys.argv[2]))
