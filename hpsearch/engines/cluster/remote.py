"""The engine of many machines: its slots are those of its current nodes."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hpsearch.engines.cluster.fleet import Fleet
from hpsearch.engines.cluster.node import Attempt, Node
from hpsearch.engines.cluster.notices import Notices
from hpsearch.engines.cluster.trial_files import Inbound, Outbound, needed_to_continue
from hpsearch.engines.engine import Exited, Handler
from hpsearch.engines.slots import Slot
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Ended, Report, from_line

KILLED = -9


class RemoteEngine:
    """Runs jobs on the nodes of a fleet.

    A node is in once it has greeted with the same versions and has loaded the study. The trials of
    a lost node are `Exited` with `lost`. Its later messages are ignored: its connection is closed,
    and each attempt has its own token.

    Args:
        fleet: the connections to the nodes.
        notices: where people read who is in, and ask for changes.
    """

    def __init__(self, fleet: Fleet, notices: Notices) -> None:
        self.ready = True
        self.fleet = fleet
        self._notices = notices
        self._running: dict[int, tuple[Node, Attempt]] = {}
        self._lost: deque[tuple[int, Exited]] = deque()

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The slots of the nodes that are in."""
        return tuple(slot for node in self.fleet.nodes.values() for slot in node.slots)

    def start(self, job: Job, slot: Slot) -> None:
        """Sends the slot's node the files that the job needs to continue, then the job."""
        node = self.fleet.nodes.get(slot.name.partition("/")[0])
        if node is None or slot not in node.slots:
            gone = Exited(KILLED, lost=f"could not begin: {slot.name} is not there any more")
            self._lost.append((job.number, gone))
            return
        folder = Path(job.folder).absolute()
        job = replace(job, folder=str(folder))
        files = None if node.shared else Inbound(folder)
        attempt = Attempt(uuid.uuid4().hex, job, slot, files)
        self._running[job.number] = node, attempt
        node.attempts[attempt.token] = attempt
        node.stream.send_all(_start(node, attempt))

    def poll(self, handler: Handler, timeout_s: float) -> None:
        """Delivers the trials' messages; connects to nodes, and drops silent ones.

        Raises:
            InputError: no node is left that can train the study.
        """
        if self.fleet.step():
            self._notices.tell(self.fleet)
            self._notices.obey(self.fleet)
        for node, message in self.fleet.listen(0.0 if self._lost else timeout_s):
            try:
                self._take(node, message, handler)
            except (ValueError, KeyError, TypeError) as error:
                self.fleet.part(node, f"what it sent cannot be read ({error})")
        self._give_up_departed()
        while self._lost:
            number, gone = self._lost.popleft()
            handler(number, gone)

    def kill(self, number: int) -> None:
        """Ends a trial's processes on its node."""
        if number in self._running:
            node, attempt = self._running[number]
            node.stream.send({"kill": attempt.token})

    def close(self) -> None:
        """Ends every agent and everything it has started."""
        self.fleet.close()
        self._notices.close()

    def _take(self, node: Node, message: Mapping[str, Any], handler: Handler) -> None:
        match message:
            case {"file": token, **part} if token in node.attempts:
                _receive(node.attempts[token], part)
            case {"said": token, "line": line} if token in node.attempts:
                self._pass_on(node, node.attempts[token], line, handler)
            case {"gone": token, "code": code, "oom": oom} if token in node.attempts:
                attempt = node.attempts.pop(token)
                _put_in_place(attempt)
                del self._running[attempt.job.number]
                handler(attempt.job.number, Exited(code, oom))

    def _pass_on(self, node: Node, attempt: Attempt, line: str, handler: Handler) -> None:
        message = from_line(line)
        attempt.receive(message)
        if isinstance(message, Report | Ended):
            _put_in_place(attempt)
            node.epochs += isinstance(message, Report)
        if isinstance(message, Ended) and _is_the_nodes_own(message, node):
            self.fleet.part(node, message.failure, for_good=True)
            return
        if attempt.disk_error:
            # This is this machine's disk, so the search waits for space.
            handler(
                attempt.job.number, Ended("failed", attempt.disk_error, "disk", facts={"needs": 0})
            )
            node.stream.send({"kill": attempt.token})
            return
        decision = handler(attempt.job.number, message)
        if decision is not None:
            node.stream.send({"decision": decision, "attempt": attempt.token})

    def _give_up_departed(self) -> None:
        while self.fleet.departed:
            node = self.fleet.departed.pop()
            for attempt in node.attempts.values():
                if attempt.files is not None:
                    attempt.files.drop()
                del self._running[attempt.job.number]
                gone = Exited(KILLED, lost=f"was lost with node {node.name} ({node.farewell})")
                self._lost.append((attempt.job.number, gone))
            node.attempts.clear()


def _start(node: Node, attempt: Attempt) -> Iterator[Mapping[str, Any]]:
    """Yields the messages that begin an attempt on a node."""
    folder = Path(attempt.job.folder)
    if not node.shared and folder.is_dir():
        for part in Outbound(folder, needed_to_continue).parts():
            yield {"file": attempt.token, "folder": folder.name, **part}
    job = attempt.job.to_json()
    yield {"start": attempt.token, "job": job, "slot": node.own_name(attempt.slot)}


def _is_the_nodes_own(ended: Ended, node: Node) -> bool:
    """Returns whether a failure concerns only this node, such as its data or its disk."""
    return ended.fatal or (ended.failure_kind == "disk" and not node.shared)


def _receive(attempt: Attempt, part: Mapping[str, Any]) -> None:
    _handle_disk_errors(attempt, lambda files: files.take(part))


def _put_in_place(attempt: Attempt) -> None:
    _handle_disk_errors(attempt, lambda files: files.commit())


def _handle_disk_errors(attempt: Attempt, do: Any) -> None:
    """Handles incoming files; records an error of this machine's disk."""
    if attempt.files is None or attempt.disk_error:
        return
    try:
        do(attempt.files)
    except OSError as error:
        folder = attempt.files.folder
        attempt.disk_error = f"the disk that holds {folder} cannot be written ({error.strerror})"
