"""The engine of one machine: a fresh process for each trial, forked from a warm server."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpsearch.engines.engine import Exited, Handler
from hpsearch.engines.forkserver_client import Server
from hpsearch.engines.linux import count_memory_kills
from hpsearch.engines.slots import Slot
from hpsearch.errors import InputError, SearchError
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Decision, Ended, from_line
from hpsearch.protocol.resources import read_last_words

KILLED = -9
MAX_LOSSES = 3
LAST_WORDS = 4096


@dataclass
class _Running:
    channel: socket.socket
    output: Path
    printed: int
    text: bytes = b""
    code: int | None = None
    ordered: bool = False
    kernel_kills: int | None = field(default_factory=count_memory_kills)

    @property
    def killed_for_memory(self) -> bool:
        """Whether the kernel has killed it for memory, as far as its control group shows."""
        if self.code != KILLED or self.ordered or self.kernel_kills is None:
            return False
        return (count_memory_kills() or 0) > self.kernel_kills

    def last_words(self) -> Ended | None:
        """Returns how it ended, if it ended badly and its last output shows why."""
        if not self.code:
            return None
        try:
            with self.output.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(self.printed, size - LAST_WORDS))
                said = file.read().decode(errors="replace")
        except OSError:
            return None
        return read_last_words(said, killed=self.ordered)


class LocalEngine:
    """Runs each job in its own process and carries its messages over a Unix socket.

    Args:
        slots: slots for trials; the engine trusts its caller to start one job per slot.
        modules: modules to load in the server before the first trial (the study's own classes).
        document: the study file as plain data, of which it loads once what every trial needs.
        import_paths: folders where those modules are found.
        log: file for the server's output.
        server: a server that was started early; the engine ends it.
        note: gets each line that a person should read.
    """

    def __init__(
        self,
        slots: tuple[Slot, ...],
        modules: Sequence[str],
        document: Mapping[str, Any],
        import_paths: Sequence[str],
        log: Path,
        server: Server | None = None,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.slots = slots
        self._note = note
        self.ready = False
        self._log = log
        self._output = log.open("ab")
        self._losses = 0
        self._to_load = modules, document, import_paths, log
        self._running: dict[int, _Running] = {}
        self._selector = selectors.DefaultSelector()
        self._control_text = b""
        self._adopt(server or Server(self._output))

    def start(self, job: Job, slot: Slot) -> None:
        """Sends the job to a new process."""
        ours, theirs = socket.socketpair()
        with theirs:
            output = Path(job.folder) / "output.txt"
            printed = output.stat().st_size if output.exists() else 0
            self._running[job.number] = _Running(ours, output, printed)
            self._selector.register(ours, selectors.EVENT_READ, job.number)
            self._order({"start": job.number}, [theirs.fileno()])
        with contextlib.suppress(OSError):
            ours.sendall(job.to_json().encode() + b"\n")

    def poll(self, handler: Handler, timeout_s: float) -> None:
        """Delivers messages, waiting at most `timeout_s` for the first.

        Raises:
            InputError: a module of the study cannot be imported; no trial has begun.
        """
        for key, _ in self._selector.select(timeout_s):
            if key.data is None:
                self._hear_server()
            else:
                self._hear_trial(key.data, handler)
        for number, trial in list(self._running.items()):
            if trial.code is None:
                continue
            while self._hear_trial(number, handler):
                """Messages sent before the process ended are still unread."""
            self._forget(number)
            handler(number, Exited(trial.code, trial.killed_for_memory, trial.last_words()))

    def fileno(self) -> int:
        """Returns a file descriptor that is readable when `poll` has something to deliver."""
        return self._selector.fileno()

    def answer(self, number: int, decision: Decision) -> None:
        """Answers a trial's start or report for which `handler` returned None."""
        if number in self._running:
            with contextlib.suppress(OSError):
                self._running[number].channel.sendall(decision.encode() + b"\n")

    def ask_to_stop(self) -> None:
        """Asks every trial to end its epoch and stop there, as a preemption would."""
        self._order({"stop": 0}, [])

    def kill(self, number: int) -> None:
        """Ends a trial's process group."""
        if number in self._running:
            self._running[number].ordered = True
        self._order({"kill": number}, [])

    def close(self) -> None:
        """Ends the server, and every trial with it."""
        self._server.end()
        for number in list(self._running):
            self._forget(number)
        self._selector.close()
        self._output.close()

    def _adopt(self, server: Server) -> None:
        self._server = server
        self._selector.register(server.control, selectors.EVENT_READ, None)
        with contextlib.suppress(OSError):  # its socket shows that it has ended
            server.load(*self._to_load)

    def _order(self, order: dict[str, int], sockets: list[int]) -> None:
        try:
            self._server.order(order, sockets)
        except OSError:
            self._lose_server()

    def _hear_server(self) -> None:
        try:
            text = self._server.control.recv(65536)
        except OSError:
            text = b""
        if not text:
            return self._lose_server()
        *lines, self._control_text = (self._control_text + text).split(b"\n")
        for line in lines:
            gone = json.loads(line)
            if "unloadable" in gone:
                raise InputError("\n".join(gone["unloadable"]))
            self.ready = True
            for words in gone.get("notes", ()):
                self._note(words)
            if gone.get("gone") in self._running:
                self._running[gone["gone"]].code = gone["code"]
                self._losses = 0
        return None

    def _lose_server(self) -> None:
        # Its trials died with it; the coordinator resumes them on the next server.
        self._selector.unregister(self._server.control)
        self._server.end()
        for trial in self._running.values():
            trial.code, trial.ordered = KILLED, True
        self._control_text, self.ready = b"", False
        self._losses += 1
        if self._losses == MAX_LOSSES:
            raise SearchError(
                f"the process that starts the trials ended {MAX_LOSSES} times in a row without"
                f" running one; see its output in {self._log}"
            )
        self._adopt(Server(self._output))

    def _hear_trial(self, number: int, handler: Handler) -> bool:
        trial = self._running[number]
        try:
            text = trial.channel.recv(65536, socket.MSG_DONTWAIT)
        except OSError:
            text = b""
        if not text:
            # Closed, but not yet reported as gone: this socket has nothing to wait for.
            self._unwatch(trial)
            return False
        *lines, trial.text = (trial.text + text).split(b"\n")
        for line in lines:
            decision = handler(number, from_line(line.decode()))
            if decision is not None:
                self.answer(number, decision)
        return True

    def _unwatch(self, trial: _Running) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(trial.channel)

    def _forget(self, number: int) -> None:
        trial = self._running.pop(number)
        self._unwatch(trial)
        trial.channel.close()
