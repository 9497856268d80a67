"""Trials on two devices: two processes, each with its share, that start and end together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from hpsearch.engines.engine import Exited
from hpsearch.engines.local import LocalEngine
from hpsearch.engines.slots import Slot, join_slots, lay_out
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Decision, Ended, Message, Report, Started

pytestmark = pytest.mark.process

STUBS = str(Path(__file__).parent.parent / "stubs")
DATA = {"class_path": "hpsearch.data.ImageData"}
IMAGES = {"batch_size": 32, "validation": 250, "augment": {"shift": 0.1, "erase": 0.5}}
(TWO,) = join_slots(lay_out(("cpu", "cpu"), per_device=1, cpus=2), 2)
(ONE,) = lay_out(("cpu",), per_device=1, cpus=1)
BATCHES, EPOCHS = 4, 2


def job(
    folder: Path,
    slot: Slot,
    model: dict[str, Any] | None = None,
    epochs: int = EPOCHS,
    **watch: int,
) -> Job:
    network = {"class_path": "hpsearch.models.MLP", "init_args": {"widths": [8]}}
    return Job(
        study="together",
        number=0,
        params={},
        config={
            "model": model or network,
            "data": {"class_path": "tiny.TinyData"} if model else {**DATA, "init_args": IMAGES},
            "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}},
            "trainer": {
                "max_epochs": epochs,
                "limit_train_batches": BATCHES,
                "callbacks": [{"class_path": "together.Watch", "init_args": watch}],
            },
        },
        objectives={"val_loss": "minimize"},
        study_seed=1,
        seed=5,
        folder=str(folder),
        device=slot.device,
        threads=1,
        import_paths=(STUBS,),
        processes=slot.processes,
    )


class Desk:
    """A coordinator that gives the planned answers to reports, and records messages."""

    def __init__(self, decision: Callable[[Report], Decision] = lambda _: "continue") -> None:
        self._decision = decision
        self.heard: list[Message | Exited] = []

    def __call__(self, number: int, message: Message | Exited) -> Decision | None:
        self.heard.append(message)
        if isinstance(message, Report):
            return self._decision(message)
        return "continue" if isinstance(message, Started) else None

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.heard if type(message) is kind]

    def curve(self) -> list[float]:
        return [report.values["val_loss"] for report in self.of(Report)]

    def train(self, engine: LocalEngine, trial: Job, slot: Slot) -> Desk:
        """Runs a trial to its end; a hang is pytest's to end."""
        engine.start(trial, slot)
        while not self.of(Exited):
            engine.poll(self, 1.0)
        return self


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    log = tmp_path_factory.mktemp("server") / "server.txt"
    engine = LocalEngine((ONE,), ["tiny", "together"], {"data": DATA}, [STUBS], log)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def alone(engine: LocalEngine, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Desk]:
    """The trial in one process."""
    folder = tmp_path_factory.mktemp("alone")
    return folder, Desk().train(engine, job(folder, ONE), ONE)


def ranks(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob("rank-*.json"))]


def test_each_process_takes_its_half_of_every_batch_and_the_curve_is_that_of_one(
    engine: LocalEngine, alone: tuple[Path, Desk], tmp_path: Path
) -> None:
    desk = Desk().train(engine, job(tmp_path, TWO), TWO)

    (whole,), (first, second) = ranks(alone[0]), ranks(tmp_path)
    assert [first["world"], second["world"]] == [2, 2]
    assert desk.of(Ended)[0].how == "complete"
    for epoch in range(EPOCHS):
        theirs = whole["epochs"][epoch]
        assert len(theirs) == BATCHES * 32
        halves = [theirs[start : start + 16] for start in range(0, len(theirs), 16)]
        assert first["epochs"][epoch] == [*chain(*halves[::2])], "augmented as in the whole"
        assert second["epochs"][epoch] == [*chain(*halves[1::2])]
    assert first["weights"] == second["weights"]
    assert first["weights"] == pytest.approx(whole["weights"], abs=1e-5)
    assert desk.curve() == pytest.approx(alone[1].curve(), abs=1e-4)
    accuracy = [report.metrics["val_accuracy"] for report in desk.of(Report)]
    assert accuracy == [report.metrics["val_accuracy"] for report in alone[1].of(Report)]


@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_process_ends_all_of_them_and_the_trial_continues(
    rank: int, engine: LocalEngine, alone: tuple[Path, Desk], tmp_path: Path
) -> None:
    trial = job(tmp_path, TWO, kill=rank)

    killed = Desk().train(engine, trial, TWO)
    resumed = Desk().train(engine, trial, TWO)

    assert killed.of(Exited) == [Exited(-9)]
    assert killed.of(Ended) == [], "an attempt is lost; the trial has not failed"
    assert resumed.of(Started)[0].from_epoch == 1
    assert resumed.of(Ended)[0].how == "complete"
    curve = killed.curve() + resumed.curve()
    assert curve == pytest.approx(alone[1].curve(), abs=1e-4)


def test_a_process_that_fails_says_why_and_not_the_one_that_waits_for_it(
    engine: LocalEngine, tmp_path: Path
) -> None:
    desk = Desk().train(engine, job(tmp_path, TWO, fail=1), TWO)

    (ended,) = desk.of(Ended)
    assert (ended.how, ended.failure_kind) == ("failed", "training")
    assert ended.failure == "ValueError: rank 1 was planned to fail"
    assert desk.of(Exited) == [Exited(0)]


@pytest.mark.parametrize(("decision", "how"), [("prune", "pruned"), ("stop", "stopped")])
def test_a_decision_holds_for_all_processes(
    decision: Decision, how: str, engine: LocalEngine, tmp_path: Path
) -> None:
    desk = Desk(lambda _: decision).train(engine, job(tmp_path, TWO), TWO)

    assert [report.step for report in desk.of(Report)] == [1]
    assert desk.of(Ended)[0].how == how
    assert [len(rank["epochs"]) for rank in ranks(tmp_path)] == [1, 1]


def test_a_request_to_leave_ends_the_epoch_in_all_processes(
    engine: LocalEngine, tmp_path: Path
) -> None:
    def leave(report: Report) -> Decision:
        if report.step == 1:
            engine.ask_to_stop()
        return "continue"

    desk = Desk(leave).train(engine, job(tmp_path, TWO, epochs=1000), TWO)

    assert desk.of(Ended)[0].how == "stopped"
    assert desk.of(Exited) == [Exited(0)]


def test_a_module_and_data_of_the_users_own_train_together_and_metrics_are_means(
    engine: LocalEngine, tmp_path: Path
) -> None:
    model = {"class_path": "together.Unsynced", "init_args": {"dropout": 0.0}}

    desk = Desk().train(engine, job(tmp_path, TWO, model), TWO)

    first, second = ranks(tmp_path)
    assert [report.metrics["rank"] for report in desk.of(Report)] == [0.5] * EPOCHS
    assert first["weights"] == second["weights"]
    shares = first["epochs"][0], second["epochs"][0]
    assert len(shares[0]) == len(shares[1])
    assert not set(shares[0]) & set(shares[1]), "no row is trained on twice"
