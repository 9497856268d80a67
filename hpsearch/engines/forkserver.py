"""The process that forks trials: torch and lightning are loaded once, then a trial starts at once.

It must stay single-threaded and never touch CUDA, or its forks would be unsafe. It talks to the
coordinator over one Unix socket, in lines of JSON: `{"start": N}` (with the trial's own socket
attached), `{"kill": N}`; and back `{"gone": N, "code": C}`.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import sys
from typing import Any, NoReturn

from hpsearch.engines import door
from hpsearch.engines.child import run_child
from hpsearch.engines.parent_death import die_with

# Objective-C and CUDA drivers do not survive a fork elsewhere: there each trial imports for itself.
SAFE_FORK = sys.platform == "linux"


class ForkServer:
    """Starts, kills and reaps the processes of the trials."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: dict[int, int] = {}  # pid to trial number
        self._text = b""
        self._sockets: list[int] = []

    def serve(self) -> NoReturn:
        """Serves until the coordinator closes the socket, then ends every trial and itself."""
        wake_in, wake_out = socket.socketpair()
        for end in (wake_in, wake_out):
            end.setblocking(False)
        signal.set_wakeup_fd(wake_out.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(wake_in, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if wake_in in ready:
                    with contextlib.suppress(BlockingIOError):
                        wake_in.recv(4096)
                    self._reap()
                if self._control in ready:
                    self._obey()

    def _obey(self) -> None:
        try:
            text, sockets, _, _ = socket.recv_fds(self._control, 65536, 64)
        except OSError:
            text, sockets = b"", []
        if not text:
            self._end()
        self._text += text
        self._sockets += sockets
        *lines, self._text = self._text.split(b"\n")
        for line in lines:
            order = json.loads(line)
            if "start" in order:
                self._start(order["start"], self._sockets.pop(0))
            else:
                self._kill(order["kill"])

    def _start(self, number: int, channel: int) -> None:
        pid = self._fork(channel) if SAFE_FORK else _spawn(channel)
        os.close(channel)
        self._children[pid] = number

    def _fork(self, channel: int) -> int:
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_child(server, channel)
        return pid

    def _become_child(self, server: int, channel: int) -> NoReturn:
        os.setpgid(0, 0)
        die_with(server)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        self._control.close()
        run_child(socket.socket(fileno=channel))

    def _kill(self, number: int) -> None:
        for pid in [pid for pid, trial in self._children.items() if trial == number]:
            _kill_group(pid)

    def _reap(self) -> None:
        for pid in list(self._children):
            done, status = os.waitpid(pid, os.WNOHANG)
            if not done:
                continue
            # What the trial started (data loader workers) goes with it, or a slot would leak.
            _kill_group(pid)
            gone = {"gone": self._children.pop(pid), "code": os.waitstatus_to_exitcode(status)}
            with contextlib.suppress(OSError):
                self._control.sendall(json.dumps(gone).encode() + b"\n")

    def _end(self) -> NoReturn:
        for pid in self._children:
            _kill_group(pid)
        os._exit(0)


def _spawn(channel: int) -> int:
    os.set_inheritable(channel, True)
    command = [sys.executable, "-m", "hpsearch.engines.child", str(channel)]
    return os.posix_spawn(sys.executable, command, os.environ, setpgroup=0)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def main(control: int, coordinator: int, modules: list[str], data: dict[str, Any]) -> NoReturn:
    """Loads what trials need and serves the coordinator at the other end of `control`."""
    die_with(coordinator)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if SAFE_FORK:
        door.call("hpsearch.trial.warm:warm", modules, data)
        gc.collect()
        # Objects of the server never move to a younger generation: forks share their pages.
        gc.freeze()
    ForkServer(socket.socket(fileno=control)).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), **json.loads(sys.argv[3]))
