"""Which nodes to connect to, try again, or leave out for good."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hpsearch.engines.cluster.carriers.carrier import Carrier

FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 300.0
AT_ONCE = 20


@dataclass
class Seat:
    """A node that a carrier names, connected or not.

    Attributes:
        name: the node.
        carrier: what reaches it.
        was_in: whether it has been in during this search.
        refused: why it is left out for good; empty if it may still come.
        failure: why it is not in now.
        wait_s: seconds until the next try after a failure.
        not_before: `time.monotonic()` of that try.
    """

    name: str
    carrier: Carrier
    was_in: bool = False
    refused: str = ""
    failure: str = ""
    wait_s: float = FIRST_WAIT_S
    not_before: float = 0.0

    def failed(self, why: str) -> None:
        """Records why a connection failed; further tries come at longer intervals."""
        self.failure = why
        self.not_before = time.monotonic() + self.wait_s
        self.wait_s = min(2 * self.wait_s, LONGEST_WAIT_S)

    def came_in(self) -> None:
        """Records that the node can train."""
        self.was_in, self.failure, self.wait_s = True, "", FIRST_WAIT_S


class Roster:
    """The seats of all carriers, including those of nodes that come up later.

    Args:
        carriers: name the nodes.
    """

    def __init__(self, carriers: Sequence[Carrier]) -> None:
        self._carriers = carriers
        self._drained: set[str] = set()
        self.seats: dict[str, Seat] = {}

    def due(self, connected: set[str]) -> Iterator[Seat]:
        """Yields the seats to connect to now.

        Args:
            connected: names of the nodes that have a connection.
        """
        self._look()
        now, free = time.monotonic(), AT_ONCE
        for seat in self.seats.values():
            idle = seat.name not in connected and seat.name not in self._drained
            if idle and not seat.refused and now >= seat.not_before and free:
                free -= 1
                yield seat

    def drain(self, name: str) -> None:
        """Keeps a node from being connected to again."""
        self._drained.add(name)

    def admit(self, name: str) -> None:
        """Tries a node again at once, whatever was wrong with it."""
        self._drained.discard(name)
        self.seats.pop(name, None)

    def hopeless(self, connected: set[str]) -> list[str]:
        """Returns the reasons, a line each, if no node is connected, was in, or may still come."""
        seats = [seat for seat in self.seats.values() if seat.name not in self._drained]
        may_come = any(seat.was_in or not (seat.refused or seat.failure) for seat in seats)
        refused_later = all(seat.refused for seat in seats)
        if connected or not seats or (may_come and not refused_later):
            return []
        reasons = dict[str, list[str]]()
        for seat in seats:
            reasons.setdefault(seat.refused or seat.failure, []).append(seat.name)
        return [f"{', '.join(names)}: {reason}" for reason, names in reasons.items()]

    def absent(self, connected: set[str]) -> Iterator[tuple[str, str]]:
        """Yields the name of each seat without a connection, and why it has none."""
        for name, seat in self.seats.items():
            if name not in connected:
                drained = "it is drained" if name in self._drained else ""
                yield name, drained or seat.refused or seat.failure

    def _look(self) -> None:
        named = {name: carrier for carrier in self._carriers for name in carrier.nodes()}
        for name, carrier in named.items():
            if name not in self.seats:
                self.seats[name] = Seat(name, carrier)
        for name in self.seats.keys() - named.keys():
            # A pod or a Ray node that is gone does not come back under this name.
            del self.seats[name]
