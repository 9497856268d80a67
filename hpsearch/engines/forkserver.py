"""The process that forks trials: it loads torch and Lightning once, so that trials start at once.

It must stay single-threaded and never touch CUDA, or its forks would be unsafe. If forks are
unsafe, it spawns trials instead (`engines/start_method.py`). It talks to the coordinator over one
Unix socket, in lines of JSON: `{"start": N}` (with the trial's own socket attached), `{"kill": N}`,
`{"stop": 0}` (every trial ends its epoch and stops); and back `{"ready": true, "notes": [...]}` or
`{"unloadable": [...]}` when all is loaded, then `{"gone": N, "code": C}`.
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
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, cast

import psutil

from hpsearch.engines import bridge
from hpsearch.engines.child import run_child
from hpsearch.engines.interpreter import python_command
from hpsearch.engines.linux import become_subreaper, set_parent_death_signal
from hpsearch.engines.start_method import StartMethod

NO_FORK = (
    "the study's modules use CUDA on import, so each trial starts in a new process, which takes"
    " some seconds longer"
)

# Not SIGKILL: the trials' children (data loader workers) must end first.
COORDINATOR_DIED = signal.SIGUSR2


class ForkServer:
    """Starts, kills and reaps the processes of the trials."""

    def __init__(self, control: socket.socket, method: StartMethod) -> None:
        self._control = control
        self._method = method
        self._children: dict[int, int] = {}  # pid to trial number
        self._leaving: dict[int, tuple[int, int]] = {}  # pid to trial number and exit code
        self._text = b""
        self._sockets: list[int] = []

    def serve(self) -> NoReturn:
        """Serves until the coordinator closes the socket, then ends every trial and itself."""
        wake_in, wake_out = socket.socketpair()
        for end in (wake_in, wake_out):
            end.setblocking(False)
        signal.set_wakeup_fd(wake_out.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(COORDINATOR_DIED, lambda *_: self._end())
        become_subreaper()
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
            if "load" in order:
                self._load(**order["load"])
            elif "call" in order:
                function, *arguments = order["call"]
                answer = json.dumps(bridge.call(function, *arguments))
                self._control.sendall(answer.encode() + b"\n")
            elif "start" in order:
                self._start(order["start"], self._sockets.pop(0))
            elif "kill" in order:
                self._kill(order["kill"])
            else:
                self._ask_to_stop()

    def _load(
        self, modules: list[str], document: dict[str, Any], import_paths: list[str], log: str
    ) -> None:
        with Path(log).open("ab") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        sys.path[:0] = import_paths
        paths = [*import_paths, os.environ.get("PYTHONPATH", "")]
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        forks = self._method == "fork"
        needs = document if forks else {}
        unloadable = bridge.call("hpsearch.trial.warm:load_study", modules, needs)
        notes = []
        if forks and bridge.call("hpsearch.trial.warm:has_touched_cuda"):
            self._method = "spawn"
            notes.append(NO_FORK)
        first = {"unloadable": unloadable} if unloadable else {"ready": True, "notes": notes}
        self._control.sendall(json.dumps(first).encode() + b"\n")
        # No garbage collection of what is loaded, here (0.3 s) or in a fork, which shares its
        # pages.
        gc.freeze()
        gc.enable()

    def _start(self, number: int, channel: int) -> None:
        pid = self._fork(channel) if self._method == "fork" else _spawn(channel)
        os.close(channel)
        self._children[pid] = number

    def _fork(self, channel: int) -> int:
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_child(server, channel)
        # Here as well as there: the next order may be to kill the group.
        os.setpgid(pid, pid)
        return pid

    def _become_child(self, server: int, channel: int) -> NoReturn:
        os.setpgid(0, 0)
        set_parent_death_signal(server)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, COORDINATOR_DIED):
            signal.signal(number, signal.SIG_DFL)
        self._control.close()
        run_child(socket.socket(fileno=channel))

    def _kill(self, number: int) -> None:
        for pid in [pid for pid, trial in self._children.items() if trial == number]:
            _kill_group(pid)

    def _ask_to_stop(self) -> None:
        for pid in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGUSR1)

    def _reap(self) -> None:
        """Reaps processes; reports a trial as gone once everything it started is gone too.

        Until then its memory, on the machine or the GPU, is not free for the next trial.
        """
        for pid, status in _dead_children():
            if pid in self._children:
                code = os.waitstatus_to_exitcode(status)
                self._leaving[pid] = self._children.pop(pid), code
                _kill_group(pid)
        for pid, (number, code) in list(self._leaving.items()):
            if _group_lives(pid):
                continue
            del self._leaving[pid]
            with contextlib.suppress(OSError):
                gone = json.dumps({"gone": number, "code": code})
                self._control.sendall(gone.encode() + b"\n")

    def _end(self) -> NoReturn:
        for pid in self._children:
            _kill_group(pid)
        # Processes that left their trial's group were adopted here.
        for stray in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                stray.kill()
        os._exit(0)


def _spawn(channel: int) -> int:
    os.set_inheritable(channel, True)
    command = python_command("hpsearch.engines.child", channel, os.getpid())
    return os.posix_spawn(sys.executable, command, os.environ, setpgroup=0)


def _dead_children() -> Iterator[tuple[int, int]]:
    with contextlib.suppress(ChildProcessError):
        while (dead := os.waitpid(-1, os.WNOHANG))[0]:
            yield dead


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _group_lives(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, 0)
        return True
    return False


def ignore_signals_of_the_job() -> None:
    """Ignores signals to the whole job (from Ctrl-C or Slurm): the coordinator handles them."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def main(control: int, coordinator: int, method: StartMethod) -> NoReturn:
    """Loads what every trial needs and serves the coordinator at the other end of `control`."""
    set_parent_death_signal(coordinator, by=COORDINATOR_DIED)
    ignore_signals_of_the_job()
    channel = socket.socket(fileno=control)
    # A trial that is spawned must not keep it open.
    channel.set_inheritable(False)
    # There is nothing to collect while modules load, and trying takes a fifth of the time.
    gc.disable()
    bridge.call("hpsearch.trial.warm:warm")
    ForkServer(channel, method).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), cast(StartMethod, sys.argv[3]))
