"""A node as the coordinator sees it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from hpsearch.engines.cluster.carriers.carrier import Carrier
from hpsearch.engines.cluster.connection import Connection
from hpsearch.engines.cluster.hello import Hello
from hpsearch.engines.cluster.stream import Stream
from hpsearch.engines.cluster.trial_files import Inbound
from hpsearch.engines.slots import Slot
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Message, Progress, Report

State = Literal["connecting", "loading", "in", "leaving", "out"]


@dataclass
class Attempt:
    """One attempt of a node at one trial.

    Attributes:
        token: identifies it in every message; messages with another token are ignored.
        job: what is trained.
        slot: where.
        files: puts the trial's files in place here; None where the folder is shared.
        epoch: epochs done.
        samples_per_s: training speed.
        disk_error: why the disk here or there refused its files; empty if it did not.
    """

    token: str
    job: Job
    slot: Slot
    files: Inbound | None
    epoch: int = 0
    samples_per_s: float = 0.0
    disk_error: str = ""

    def receive(self, message: Message) -> None:
        """Records the trial's progress."""
        if isinstance(message, Progress):
            self.samples_per_s = round(message.samples_per_s, 1) or self.samples_per_s
        elif isinstance(message, Report):
            self.epoch = message.step


@dataclass
class Node:
    """A node with an open connection.

    Attributes:
        name: what people see, and the first part of its slots' names.
        carrier: what reaches it.
        connection: the connection to its agent.
        state: `connecting` until it greets, `loading` the study, `in`, `leaving`, or `out`.
        hello: its greeting.
        shared: it sees the coordinator's run folder.
        attempts: what runs there, by token.
        heard: `time.monotonic()` of its last sign of life.
        began: of its connection.
        epochs: epochs reported from there.
        farewell: why it leaves or is out; empty until then.
    """

    name: str
    carrier: Carrier
    connection: Connection
    state: State = "connecting"
    hello: Hello | None = None
    shared: bool = False
    attempts: dict[str, Attempt] = field(default_factory=dict)
    heard: float = field(default_factory=time.monotonic)
    began: float = field(default_factory=time.monotonic)
    epochs: int = 0
    farewell: str = ""

    @property
    def stream(self) -> Stream:
        """Messages to its agent and from it."""
        return self.connection.stream

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Its slots while it is in, under names that no other node has."""
        if self.state != "in" or self.hello is None:
            return ()
        host, slots = self.hello.host, self.hello.slots
        return tuple(replace(slot, name=f"{self.name}/{slot.name}", host=host) for slot in slots)

    def own_name(self, slot: Slot) -> str:
        """Returns what the node itself calls a slot."""
        return slot.name.removeprefix(f"{self.name}/")

    def as_row(self) -> dict[str, Any]:
        """Returns what `hpsearch nodes` shows of it."""
        hello = self.hello
        return {
            "name": self.name,
            "host": hello.host if hello else "",
            "state": self.state,
            "why": self.farewell,
            "slots": [slot.name for slot in hello.slots] if hello else [],
            "memory": hello.memory if hello else 0,
            "shared": self.shared,
            "epochs": self.epochs,
            "trials": [
                {
                    "number": attempt.job.number,
                    "slot": self.own_name(attempt.slot),
                    "epoch": attempt.epoch,
                    "samples_per_s": attempt.samples_per_s,
                }
                for attempt in self.attempts.values()
            ],
        }


def absent_row(name: str, why: str) -> dict[str, Any]:
    """Returns what `hpsearch nodes` shows of a node that has no connection."""
    nothing: dict[str, Any] = {"host": "", "slots": [], "memory": 0, "epochs": 0, "trials": []}
    return {"name": name, "state": "out", "why": why, "shared": False, **nothing}
