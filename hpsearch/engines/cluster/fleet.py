"""The connections to all nodes: opened, kept alive, given up, opened again."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hpsearch.engines.cluster.carriers.carrier import Carrier
from hpsearch.engines.cluster.connection import Connection
from hpsearch.engines.cluster.hello import Hello, differences
from hpsearch.engines.cluster.node import Node, absent_row
from hpsearch.engines.cluster.roster import Roster, Seat
from hpsearch.engines.cluster.workplace import Study
from hpsearch.engines.slots import join_slots
from hpsearch.errors import InputError

PING_S = 5.0
SILENT_S = 20.0
LOOK_S = 1.0
# After a pause of this process (a laptop that slept), the nodes are not to blame for their silence.
PAUSE_S = 5.0
CLOSE_S = 5.0
# A search begins without nodes; a node that moves is back in a moment.
WAITS_S = 10.0

Message = Mapping[str, Any]


class Fleet:
    """The current nodes of a search.

    Args:
        carriers: name and reach the nodes.
        study: what every node loads.
        note: gets each line that a person should read.

    Attributes:
        nodes: those with a connection, by name.
        departed: those whose connection has ended since this list was last emptied.
    """

    def __init__(
        self, carriers: Sequence[Carrier], study: Study, note: Callable[[str], None]
    ) -> None:
        self.nodes: dict[str, Node] = {}
        self.departed: list[Node] = []
        self.roster = Roster(carriers)
        self._carriers = carriers
        self._study = study
        self._note = note
        self._leftovers: list[tuple[float, Connection]] = []
        self._selector = selectors.DefaultSelector()
        self._looked = self._pinged = self._stepped = 0.0
        self._without_slots: float | None = None
        self._waits = False

    def step(self) -> bool:
        """Connects to nodes, greets them, drops silent ones; returns whether it looked at all.

        It looks once a second, however often it is called.

        Raises:
            InputError: no node is left that can train the study.
        """
        now = time.monotonic()
        if now - self._stepped > PAUSE_S:
            for node in self.nodes.values():
                node.heard = now
        self._stepped = now
        if now - self._looked < LOOK_S:
            return False
        self._looked = now
        for seat in self.roster.due(set(self.nodes)):
            self._connect(seat)
        ping = now - self._pinged > PING_S
        self._pinged = now if ping else self._pinged
        for node in list(self.nodes.values()):
            if ping:
                node.stream.send({"ping": round(now, 3)})
            if silence := _silence(node, now):
                self.part(node, silence)
        self._end_leftovers(now)
        self._say_whether_it_waits(now)
        return True

    def listen(self, timeout_s: float) -> Iterator[tuple[Node, Message]]:
        """Yields the nodes' messages about trials, waiting at most `timeout_s` for the first."""
        for key, _ in self._selector.select(timeout_s):
            node: Node = key.data
            messages = node.stream.receive()
            node.heard = time.monotonic()
            for message in messages:
                if node.state != "out" and not self._is_its_own(node, message):
                    yield node, message
        for node in list(self.nodes.values()):
            node.stream.flush()
            if node.stream.closed:
                self._hear_end(node)

    def part(self, node: Node, why: str, for_good: bool = False) -> None:
        """Ends the connection to a node.

        Args:
            node: a node.
            why: what people read.
            for_good: do not connect to it again unless asked to.
        """
        seat = self.roster.seats.get(node.name)
        if for_good or (seat is not None and not seat.was_in):
            new = seat is None or why not in (seat.refused, seat.failure)
            if new:
                self._note(f"node {node.name} is left out: {why}")
        else:
            self._note(f"node {node.name} is lost: {why}")
        if seat is not None:
            seat.refused = why if for_good else seat.refused
            seat.failed(why)
        self._forget(node, why)

    def rows(self) -> list[dict[str, Any]]:
        """Returns what `hpsearch nodes` shows: connected nodes first, then those that are out."""
        absent = self.roster.absent(set(self.nodes))
        return [node.as_row() for node in self.nodes.values()] + [
            absent_row(name, why) for name, why in absent
        ]

    def drain(self, name: str) -> None:
        """Lets a node end its running epochs and leave; does not connect to it again."""
        self.roster.drain(name)
        if name in self.nodes:
            self.nodes[name].farewell = "it is drained"
            self.nodes[name].stream.send({"drain": True})

    def close(self) -> None:
        """Ends every agent and everything it has started."""
        connections = [node.connection for node in self.nodes.values()]
        for connection in connections:
            connection.hang_up()
        connections += [connection for _, connection in self._leftovers]
        _wait_for(connections)
        for connection in connections:
            connection.terminate()
        _wait_for(connections)
        for connection in connections:
            connection.kill()
        for carrier in self._carriers:
            carrier.close()
        self._selector.close()

    def _connect(self, seat: Seat) -> None:
        node = Node(seat.name, seat.carrier, seat.carrier.connect(seat.name))
        self.nodes[seat.name] = node
        self._selector.register(node.stream.reader, selectors.EVENT_READ, node)

    def _is_its_own(self, node: Node, message: Message) -> bool:
        """Handles a message about the node, not a trial; returns whether it was one."""
        match message:
            case {"hello": fields}:
                self._welcome(node, fields)
            case {"loading": _, "shared": shared}:
                node.shared = bool(shared)
            case {"ready": _} if node.state == "loading":
                self._let_in(node)
            case {"cannot": why}:
                self.part(node, str(why), for_good=True)
            case {"note": text}:
                self._note(f"node {node.name} {text}")
            case {"leaving": _}:
                node.state, node.farewell = "leaving", node.farewell or "it was asked to leave"
                self._note(f"node {node.name} leaves ({node.farewell}): its running epochs end")
            case {"ping": _} | {"ready": _}:
                pass
            case _:
                return False
        return True

    def _welcome(self, node: Node, fields: Message) -> None:
        try:
            node.hello = Hello.from_message(fields)
        except ValueError as error:
            return self.part(node, str(error), for_good=True)
        if unlike := differences(node.hello.versions):
            return self.part(node, f"it has {unlike}", for_good=True)
        try:
            joined = join_slots(node.hello.slots, self._study.devices_per_trial)
        except InputError as error:
            return self.part(node, str(error), for_good=True)
        node.hello = replace(node.hello, slots=joined)
        node.state = "loading"
        return node.stream.send({"load": self._study.to_message()})

    def _let_in(self, node: Node) -> None:
        node.state = "in"
        if node.name in self.roster.seats:
            self.roster.seats[node.name].came_in()
        count = len(node.slots)
        self._note(f"node {node.name} is in, with {count} slot{'s' * (count != 1)}")

    def _hear_end(self, node: Node) -> None:
        """Removes a node whose stream has closed."""
        seat = self.roster.seats.get(node.name)
        if node.state == "leaving" and not node.attempts:
            if seat is not None:
                seat.not_before = time.monotonic() + LOOK_S
            self._note(f"node {node.name} has left")
            self._forget(node, node.farewell)
            return
        words = (node.connection.last_words() or node.stream.noise).rstrip(".")
        advice = node.carrier.advice(words).format(name=node.name)
        why = words or "its connection closed"
        self.part(node, f"{why}; {advice}" if advice else why)

    def _forget(self, node: Node, why: str) -> None:
        self._selector.unregister(node.stream.reader)
        node.connection.hang_up()
        node.state, node.farewell = "out", why
        del self.nodes[node.name]
        self.departed.append(node)
        self._leftovers.append((time.monotonic(), node.connection))

    def _end_leftovers(self, now: float) -> None:
        """Ends, with growing force, what closed connections have left here."""
        for since, left in self._leftovers:
            if left.ended or now - since > 2 * CLOSE_S:
                left.kill()
            elif now - since > CLOSE_S:
                left.terminate()
        self._leftovers = [(since, left) for since, left in self._leftovers if not left.ended]

    def _say_whether_it_waits(self, now: float) -> None:
        if hopeless := self.roster.hopeless(set(self.nodes)):
            raise InputError("\n  ".join(["no node is left that can train this study:", *hopeless]))
        if any(node.slots for node in self.nodes.values()):
            self._without_slots, self._waits = None, False
            return
        self._without_slots = self._without_slots or now
        if not self._waits and now - self._without_slots > WAITS_S:
            self._waits = True
            where = [carrier.where_to_look for carrier in self._carriers if carrier.where_to_look]
            loading = sum(node.state == "loading" for node in self.nodes.values())
            if loading:
                where = [f"{loading} of {len(self.roster.seats)} load torch and the study"]
            self._note("; ".join(["no node is in: the search waits for one", *where]))


def _silence(node: Node, now: float) -> str:
    """Returns why a node counts as silent; empty if it does not."""
    if node.state != "connecting":
        silent = now - node.heard > SILENT_S
        return f"it has not answered for {SILENT_S:.0f} s" if silent else ""
    patience = node.carrier.patience_s
    if patience is None or now - node.began <= patience:
        return ""
    return f"its agent did not start within {patience:.0f} s"


def _wait_for(connections: Sequence[Connection]) -> None:
    deadline = time.monotonic() + CLOSE_S
    while time.monotonic() < deadline and not all(left.ended for left in connections):
        time.sleep(0.02)
