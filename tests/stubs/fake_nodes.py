"""Nodes without processes: the far end of each connection is in the test's own hands."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from hpsearch.engines.cluster.hello import Hello
from hpsearch.engines.cluster.stream import Stream
from hpsearch.engines.slots import lay_out


class FakeConnection:
    """A connection whose agent is the test.

    Attributes:
        agent: the agent's end of the stream.
        words: what is on its standard error.
        alive: it has greeted, and answers.
    """

    def __init__(self) -> None:
        self._near, self._far = socket.socketpair()
        self.stream = Stream(self._near.fileno(), self._near.fileno())
        self.agent = Stream(self._far.fileno(), self._far.fileno())
        self.words = ""
        self.alive = False
        self.ended = False

    def last_words(self) -> str:
        return self.words

    def hang_up(self) -> None:
        self.stream.closed = True
        self.ended = True

    def terminate(self) -> None:
        pass

    def kill(self) -> None:
        self._near.close()
        self._far.close()

    def greet(self, slots: int = 1, **versions: str) -> None:
        """Says hello, loads the study and is ready."""
        hello = Hello.of_this_machine(lay_out(("cpu",) * slots, 1, slots)).to_message()
        hello["versions"] = {**hello["versions"], **versions}
        self.agent.send({"hello": hello})
        self.agent.send({"loading": True, "shared": True})
        self.agent.send({"ready": True})
        self.alive = True

    def break_off(self) -> None:
        """Closes the agent's end."""
        self._far.shutdown(socket.SHUT_RDWR)

    def said(self) -> list[dict[str, Any]]:
        """Returns what was sent to the agent."""
        return self.agent.receive()


class FakeCarrier:
    """Connects to nodes of these names."""

    patience_s: float | None = 60.0
    where_to_look = "`toy ps` lists them"

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.connections: dict[str, list[FakeConnection]] = {}

    def nodes(self) -> Sequence[str]:
        return self.names

    def connect(self, name: str) -> FakeConnection:
        connection = FakeConnection()
        self.connections.setdefault(name, []).append(connection)
        return connection

    def living(self) -> list[FakeConnection]:
        """Returns the connections to nodes that answer."""
        newest = [connections[-1] for connections in self.connections.values()]
        return [connection for connection in newest if connection.alive and not connection.ended]

    def advice(self, words: str) -> str:
        return "mend it on {name}" if "broken" in words else ""

    def close(self) -> None:
        pass

    def __getitem__(self, name: str) -> FakeConnection:
        """Returns the newest connection to a node."""
        return self.connections[name][-1]
