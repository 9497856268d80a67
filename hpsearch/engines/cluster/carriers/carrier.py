"""The interface of a carrier: it names the nodes, and connects to the agent on a node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hpsearch.engines.cluster.connection import Connection


class Carrier(Protocol):
    """Reaches agents in one way: by ssh, through Slurm, and so on.

    Attributes:
        patience_s: seconds from opening a connection to the agent's greeting; None where a node may
            wait in a queue first.
        where_to_look: what people read while no node is in: where to see why; may be empty.
    """

    patience_s: float | None
    where_to_look: str

    def nodes(self) -> Sequence[str]:
        """Returns the names of the nodes that should be in now; answers at once."""

    def connect(self, name: str) -> Connection:
        """Starts the agent on a node; does not wait for it."""

    def advice(self, words: str) -> str:
        """Returns what to do about an error of the carrier; empty if nothing is known."""

    def close(self) -> None:
        """Releases what it holds besides its connections."""
