"""A node's agent: the local engine and its fork server, behind lines of JSON.

From the coordinator come, one object per line: `load` (the study), `file` (part of a file of a
trial), `start` (an attempt: its token, job and slot), `decision` (on a start or a report), `kill`,
`drain` and `ping`. Back go `hello`, `loading`, `ready` or `cannot`, `note`, `file`, `said` (a
trial's message), `gone`, `leaving` and `ping`. An attempt's token is in all that concerns it.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from hpsearch.engines.cluster.hello import Hello
from hpsearch.engines.cluster.stream import Stream
from hpsearch.engines.cluster.trial_files import Inbound, Outbound, result_file
from hpsearch.engines.cluster.workplace import Study, Unusable, Workplace
from hpsearch.engines.engine import Exited
from hpsearch.engines.forkserver_client import Server
from hpsearch.engines.local import LocalEngine
from hpsearch.engines.slots import find_slots, join_slots
from hpsearch.errors import InputError, SearchError
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Ended, Message, Report, to_line

PING_S = 5.0
# Longer than the coordinator waits for a silent node: it then continues the trials elsewhere, and
# this node must not train them for ever.
COORDINATOR_SILENT_S = 60.0
END_S = 4
FLUSH_S = 2.0


@dataclass(frozen=True)
class AgentOptions:
    """What an agent offers.

    Attributes:
        devices: as for `--devices` of a search.
        per_device: trials at once on each device.
        scratch: parent of its folder for files; the folder for temporary files if not given.
    """

    devices: str = "auto"
    per_device: int = 1
    scratch: Path | None = None


@dataclass
class _Attempt:
    token: str
    folder: Path | None  # None where the trial writes to the shared folder
    files: Outbound | None


class Agent:
    """Runs trials on this machine for a coordinator at the other end of a stream.

    It ends, with all that it has started, when the stream closes or falls silent.
    """

    def __init__(self, stream: Stream, options: AgentOptions) -> None:
        self._stream = stream
        self._options = options
        self._server = Server()
        self._engine: LocalEngine | None = None
        self._workplace: Workplace | None = None
        self._attempts: dict[int, _Attempt] = {}
        self._inbound: dict[str, Inbound] = {}
        self._ready = False
        self._terminating = False
        self._leaving_since: float | None = None
        self._over = False
        self._heard = self._pinged = time.monotonic()

    def run(self) -> None:
        """Serves until the coordinator is gone, then ends everything."""
        wake, self._wake = os.pipe()
        for end in (wake, self._wake):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._wake)
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, self._hear_signal)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._greet()
            while not (self._over or self._stream.closed):
                self._wait(wake)
                self._serve()
            self._finish_sending()
        finally:
            self._end()

    def _hear_signal(self, *_: object) -> None:
        self._terminating = True

    def _greet(self) -> None:
        try:
            slots = find_slots(self._options.devices, self._options.per_device)
        except InputError as error:
            return self._refuse(str(error))
        self._slots = {slot.name: slot for slot in slots}
        return self._stream.send({"hello": Hello.of_this_machine(slots).to_message()})

    def _wait(self, wake: int) -> None:
        readers = [self._stream.reader, wake]
        readers += [self._engine.fileno()] if self._engine is not None else []
        writers = [self._stream.writer] if self._stream.wants_to_write else []
        ready, _, _ = select.select(readers, writers, [], 1.0)
        if wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(wake, 4096)

    def _serve(self) -> None:
        now = time.monotonic()
        messages = self._stream.receive()
        if messages:
            self._heard = now
        for message in messages:
            self._obey(message)
        if self._engine is not None and not self._over:
            self._poll(self._engine)
        if now - self._pinged > PING_S:
            self._pinged = now
            self._stream.send({"ping": round(now, 3)})
        if self._terminating:
            self._leave(now)
        self._stream.flush()
        self._over |= now - self._heard > COORDINATOR_SILENT_S

    def _poll(self, engine: LocalEngine) -> None:
        try:
            engine.poll(self._receive, 0.0)
        except (InputError, SearchError) as error:
            return self._refuse("; ".join(str(error).splitlines()))
        if engine.ready and not self._ready:
            self._ready = True
            self._stream.send({"ready": True})
        return None

    def _refuse(self, why: str) -> None:
        self._stream.send({"cannot": why})
        self._over = True

    def _leave(self, now: float) -> None:
        """Ends the running epochs, and says so once; repeated for a trial that just begins."""
        if self._leaving_since is None:
            self._stream.send({"leaving": True})
        elif now - self._leaving_since < 1.0:
            return
        self._leaving_since = now
        if self._engine is not None:
            self._engine.ask_to_stop()
        self._over |= not self._attempts

    def _obey(self, message: Mapping[str, Any]) -> None:
        match message:
            case {"load": fields}:
                self._load(Study.from_message(fields))
            case {"file": token, **part}:
                self._take_file(token, part)
            case {"start": token, "job": line, "slot": slot}:
                self._start(token, Job.from_json(line), slot)
            case {"decision": decision, "attempt": token}:
                self._answer(token, decision)
            case {"kill": token}:
                self._kill(token)
            case {"drain": _}:
                self._terminating = True

    def _load(self, study: Study) -> None:
        try:
            place = self._workplace = Workplace.prepare(study, self._options.scratch)
        except Unusable as error:
            return self._refuse(str(error))
        self._stream.send({"loading": True, "shared": place.shared})
        for path in place.other_code:
            self._stream.send({"note": f"has other code in {path}; the study's own is used"})
        slots = join_slots(tuple(self._slots.values()), study.devices_per_trial)
        self._slots = {slot.name: slot for slot in slots}
        self._engine = LocalEngine(
            *(slots, study.modules, study.document, place.import_paths, place.log, self._server)
        )
        return None

    def _take_file(self, token: str, part: Mapping[str, Any]) -> None:
        assert self._workplace is not None
        folder = self._workplace.scratch / token / part["folder"]
        with self._refusing_a_full_disk(folder):
            self._inbound.setdefault(token, Inbound(folder)).take(part)

    def _start(self, token: str, job: Job, slot: str) -> None:
        assert self._workplace is not None
        assert self._engine is not None
        attempt = _Attempt(token, None, None)
        if not self._workplace.shared:
            folder = self._workplace.scratch / token / Path(job.folder).name
            with self._refusing_a_full_disk(folder):
                folder.mkdir(parents=True, exist_ok=True)
                self._inbound.pop(token, Inbound(folder)).commit()
            files = Outbound(folder, result_file)
            files.regard_as_sent()
            attempt = _Attempt(token, folder, files)
            job = replace(job, folder=str(folder))
        if not self._over:
            self._attempts[job.number] = attempt
            job = replace(job, import_paths=self._workplace.import_paths)
            self._engine.start(job, self._slots[slot])

    @contextlib.contextmanager
    def _refusing_a_full_disk(self, folder: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._refuse(f"the disk that holds {folder} cannot be written ({error.strerror})")

    def _answer(self, token: str, decision: Any) -> None:
        number = self._number(token)
        if number is not None and self._engine is not None:
            self._engine.answer(number, decision)

    def _kill(self, token: str) -> None:
        number = self._number(token)
        if number is not None and self._engine is not None:
            self._engine.kill(number)

    def _number(self, token: str) -> int | None:
        found = (number for number, attempt in self._attempts.items() if attempt.token == token)
        return next(found, None)

    def _receive(self, number: int, message: Message | Exited) -> None:
        """Passes on a trial's message; the decision comes later, over the stream."""
        attempt = self._attempts[number]
        if isinstance(message, Exited):
            del self._attempts[number]
            line = {"gone": attempt.token, **asdict(message)}
            self._stream.send_all(_with_files(attempt, line, last=True))
        elif isinstance(message, Report | Ended):
            line = {"said": attempt.token, "line": to_line(message)}
            self._stream.send_all(_with_files(attempt, line))
        else:
            self._stream.send({"said": attempt.token, "line": to_line(message)})

    def _finish_sending(self) -> None:
        deadline = time.monotonic() + FLUSH_S
        while self._stream.wants_to_write and time.monotonic() < deadline:
            select.select([], [self._stream.writer], [], FLUSH_S)
            self._stream.flush()

    def _end(self) -> None:
        signal.signal(signal.SIGALRM, lambda *_: self._end_at_once())
        signal.alarm(END_S)
        if self._engine is not None:
            self._engine.close()
        else:
            self._server.end()
        if self._workplace is not None:
            self._workplace.remove()
        signal.alarm(0)

    def _end_at_once(self) -> None:
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if self._workplace is not None:
            self._workplace.remove()
        os._exit(1)


def _with_files(
    attempt: _Attempt, message: Mapping[str, Any], last: bool = False
) -> Iterator[Mapping[str, Any]]:
    """Yields the trial's new files, then the message about them."""
    if attempt.files is not None:
        for part in attempt.files.parts():
            yield {"file": attempt.token, **part}
    yield message
    if last and attempt.folder is not None:
        shutil.rmtree(attempt.folder.parent, ignore_errors=True)


def serve(options: AgentOptions) -> None:
    """Runs an agent on standard input and output; all other output goes to stderr."""
    reader, writer = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    Agent(Stream(reader, writer), options).run()
