"""A search with the hand-written loop, under hpsearch's policy or Optuna's, until it has its goal.

    python loop.py ORDER

The policies are those of the simulated clock. Here a curve is trained when it is read, epoch by
epoch, in this process, and a paused trial stays in memory. A trial that reaches the goal writes the
file `found` of the order's folder, and the search is over.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import by_hand
from networks import build
from policies.clock import simulate
from policies.ours import TimeIsUp, search
from policies.peers import PEERS
from policies.tasks import Range, Setting
from work import Task, Work

CHANNELS = (8, 16)


@dataclass(frozen=True)
class Order:
    """What to search, and until when.

    Attributes:
        policy: `hpsearch promote`, or the name of a peer's policy.
        goal: error, in percent, at which the search is over.
        seed: of the search.
        epochs: of a whole training.
        space: the ranges, as a table's first line has them.
        data: folder with the images and their split, see `Work`.
        folder: for the file `found`.
    """

    policy: str
    goal: float
    seed: int
    epochs: int
    space: dict[str, dict[str, Any]]
    data: str
    folder: str


class Curve:
    """The errors of a training, in percent, by epoch; an epoch is trained when it is read."""

    def __init__(self, epochs: Iterator[float], order: Order) -> None:
        self._epochs, self._order = epochs, order
        self._known: list[float] = []

    def __getitem__(self, epoch: int) -> float:
        while epoch >= len(self._known):
            self._known.append(100 * (1 - next(self._epochs)))
            if self._known[-1] <= self._order.goal:
                (Path(self._order.folder) / "found").touch()
                raise TimeIsUp
        return self._known[epoch]


class Trainings:
    """A task whose curves are trained by hand."""

    name, best, median = "by hand", math.nan, math.nan

    def __init__(self, order: Order) -> None:
        self._order, self.epochs = order, order.epochs
        self.space = {
            name: Range(of["low"], of["high"], of["log"], of["int"])
            for name, of in order.space.items()
        }
        self._data = by_hand.load(self._work({}))

    def curve(self, setting: Setting) -> Curve:
        """Returns the curve of a setting, of which nothing is trained yet."""
        work = self._work(setting)
        network = build(work.task, CHANNELS, int(setting["hidden"]))
        return Curve(by_hand.train(work, self._data, setting["lr"], network), self._order)

    def _work(self, setting: Setting) -> Work:
        order = self._order
        task = Task(
            "cnn",
            int(setting.get("batch_size", 1)),
            dropout=setting.get("dropout", 0.0),
            augment=True,
            shift=setting.get("shift", 0.0),
            weight_decay=setting.get("weight_decay", 0.0),
        )
        return Work(task, (), order.epochs, order.data, 0, order.folder, cycle=True)


def run(order: Order) -> None:
    """Searches until the goal is reached."""
    task = Trainings(order)
    with suppress(TimeIsUp):
        if order.policy in PEERS:
            simulate(task, PEERS[order.policy](task, order.seed), 1, math.inf)
        else:
            search(task, order.seed, 1, math.inf, {"scheduler": "promote"})


if __name__ == "__main__":
    run(Order(**json.loads(sys.argv[1])))
