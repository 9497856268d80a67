"""A search with as many slots as wanted, in the midst of its work."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

from hpsearch.protocol.messages import Progress
from hpsearch.search.store.records import StudyRecord, TrialRecord
from hpsearch.views.live.search_state import SearchState

NOW_S = 5000.0
EPOCHS = 50
BUDGET = 2345
DONE = 100


def busy_search(slots: int, scale: float = 1.0) -> SearchState:
    """Returns a search of 2,345 trials, 100 of them done, that trains on three of four slots.

    Args:
        slots: how many.
        scale: the metric's values lie below it.
    """
    chance = random.Random(7)
    trials = tuple(_trials(chance, scale))
    complete = [trial for trial in trials if trial.state == "complete"]
    study = StudyRecord(
        name="residual-networks",
        state="running",
        objectives={"val_accuracy": "maximize"},
        budget=BUDGET,
        trials=trials,
        best=max(complete, key=lambda trial: trial.values or ()),
        pareto_front=(),
        owner="here, pid 1",
        storage="sqlite:///hpsearch.db",
        runs="runs",
    )
    state = SearchState(study, tuple(f"cuda:{n}" for n in range(slots)), began_s=0.0)
    for number in range(DONE, DONE + math.ceil(slots * 3 / 4)):
        since_s = NOW_S - chance.uniform(10, 200)
        state.started(number, f"cuda:{number - DONE}", _settings(chance), 0, since_s)
        if number % 9 != 3:
            epoch = chance.randint(1, EPOCHS)
            begun = Progress(1, EPOCHS, 0.0, 0.0)
            state.progressed(number, begun, since_s)
            now = Progress(epoch, EPOCHS, chance.random(), 123456.0 / 7)
            state.progressed(number, now, NOW_S)
            for step in range(1, epoch):
                state.reported(number, step, {"val_accuracy": _value(chance, step, scale)})
    return state


def _trials(chance: random.Random, scale: float) -> Iterator[TrialRecord]:
    for number in range(DONE):
        ends: Any = chance.choices(("complete", "pruned", "failed"), (4, 5, 1))[0]
        epochs = {"complete": EPOCHS, "pruned": 6, "failed": 0}[ends]
        curve = {step: _value(chance, step, scale) for step in range(1, epochs + 1)}
        value = (max(curve.values()),) if ends == "complete" else None
        failure = {"failure": "RuntimeError: planned"} if ends == "failed" else {}
        yield TrialRecord(
            number, ends, _settings(chance), value, curve, 75.0, "cuda", None, (), failure
        )


def _value(chance: random.Random, step: int, scale: float) -> float:
    return scale * (0.99 - 0.3 * math.exp(-6 * step / EPOCHS) - 0.02 * chance.random())


def _settings(chance: random.Random) -> dict[str, Any]:
    return {
        "optimizer": chance.choice(("adamw", "sgd")),
        "optimizer.adamw.lr": math.exp(chance.uniform(-9, -3)),
        "optimizer.adamw.weight_decay": math.exp(chance.uniform(-12, -4)),
        "model.depth": chance.randint(2, 34),
        "model.width": chance.randint(8, 512),
        "model.dropout": chance.uniform(0, 0.5),
        "data.batch_size": chance.choice((64, 128, 256)),
        "data.augment.shift": chance.uniform(0, 0.1),
        "data.augment.rotate": chance.uniform(0, 15),
        "trainer.gradient_clip_val": chance.uniform(0.1, 2),
    }
