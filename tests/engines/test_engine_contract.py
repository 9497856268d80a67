"""What every engine must do. A new one is added with one line in `PLACES` below, and passes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fault_score import FULL
from tiny import TinyModel

import hpsearch
from hpsearch.engines import factory
from hpsearch.engines.engine import Engine, Exited, Handler
from hpsearch.engines.factory import PreparedEngine, Workload, prepare_engine
from hpsearch.engines.place import Place
from hpsearch.engines.slots import Slot
from hpsearch.engines.start_method import VARIABLE
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Decision, Ended, Message, Report, Started
from hpsearch.trial.run import run_trial

STUBS = str(Path(__file__).parent.parent / "stubs")
DATA = {"class_path": f"{TinyModel.__module__}.TinyData"}


class PatientEngine:
    """An engine as others may write it: one trial per poll, in this process, in order."""

    def __init__(self, slots: tuple[Slot, ...]) -> None:
        self.slots = slots
        self.ready = True
        self._waiting: deque[Job] = deque()
        self._killed: list[int] = []

    def start(self, job: Job, slot: Slot) -> None:
        self._waiting.append(job)

    def poll(self, handler: Handler, timeout_s: float) -> None:
        while self._killed:
            handler(self._killed.pop(), Exited(-9))
        if self._waiting:
            job = self._waiting.popleft()
            run_trial(job, lambda message: handler(job.number, message))
            handler(job.number, Exited(0))

    def kill(self, number: int) -> None:
        if any(job.number == number for job in self._waiting):
            self._waiting = deque(job for job in self._waiting if job.number != number)
            self._killed.append(number)

    def close(self) -> None:
        self._waiting.clear()


def prepare_patient(place: Place) -> PreparedEngine:
    slots = (Slot("patient", "cpu", 1),)
    return PreparedEngine(slots, lambda _: PatientEngine(slots))


STUDY = """
study: {name: t, objective: {val_loss: minimize}, sampler: random, pruner: none, trials: 2}
model: {class_path: tiny.TinyModel, init_args: {width: "~int(2, 8)"}}
data: {class_path: tiny.TinyData}
trainer: {max_epochs: 1}
"""
PLACES = {
    "inline": Place("inline", "cpu:1"),
    "local": Place("local", "cpu:1"),
    "spawn": Place("local", "cpu:1"),
    "cluster": Place("cluster", nodes="local"),
    "patient": Place("patient"),
}


@pytest.fixture(autouse=True, scope="module")
def patient_is_known() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(factory.ENGINES, "patient", prepare_patient)
        yield


# A trial that is spawned takes seconds to import torch.
IN_EVERY_ROUND = [name for name in PLACES if name != "spawn" or FULL]


@pytest.fixture(params=IN_EVERY_ROUND, scope="module")
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("engine")
    work = Workload([TinyModel.__module__], {"data": DATA}, [STUBS], folder)
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "spawn":
            patch.setenv(VARIABLE, "spawn")
        prepared = prepare_engine(PLACES[request.param])
    with prepared:
        engine = prepared.start(work)
        while not engine.slots:
            engine.poll(nobody_speaks, 0.2)
        yield engine
        engine.close()


def nobody_speaks(number: int, message: Message | Exited) -> None:
    raise AssertionError(f"trial {number} was never started")


def job(folder: Path, number: int = 0, epochs: int = 2) -> Job:
    return Job(
        study="tiny",
        number=number,
        params={},
        config={
            "model": {"class_path": f"{TinyModel.__module__}.TinyModel"},
            "data": DATA,
            "trainer": {"max_epochs": epochs},
        },
        objectives={"val_loss": "minimize"},
        study_seed=1,
        seed=number,
        folder=str(folder / f"trial-{number:04d}"),
        import_paths=(STUBS,),
    )


def run(
    engine: Engine,
    jobs: list[Job],
    decide: Callable[[Message], Decision | None] = lambda message: "continue",
) -> dict[int, list[Message | Exited]]:
    """Runs the jobs one after another in the first slot; returns all messages of each."""
    heard: dict[int, list[Message | Exited]] = {}

    def handler(number: int, message: Message | Exited) -> Decision | None:
        heard[number].append(message)
        return None if isinstance(message, Exited | Ended) else decide(message)

    for one in jobs:
        heard[one.number] = []
        engine.start(one, engine.slots[0])
        while not any(isinstance(message, Exited) for message in heard[one.number]):
            engine.poll(handler, 1.0)
    return heard


def kinds(messages: list[Message | Exited]) -> list[str]:
    said = [
        message for message in messages if isinstance(message, Started | Report | Ended | Exited)
    ]
    return [type(message).__name__ for message in said]


@pytest.mark.parametrize("engine", PLACES, indirect=True)
def test_a_trial_starts_reports_each_epoch_ends_and_exits_in_this_order(
    engine: Engine, tmp_path: Path
) -> None:
    heard = run(engine, [job(tmp_path)])
    assert kinds(heard[0]) == ["Started", "Report", "Report", "Ended", "Exited"]
    assert heard[0][-1] == Exited(0)


def test_a_slot_takes_one_trial_after_another(engine: Engine, tmp_path: Path) -> None:
    heard = run(engine, [job(tmp_path, number, epochs=1) for number in range(3)])
    assert [kinds(heard[number])[-1] for number in range(3)] == ["Exited"] * 3


def test_a_decision_reaches_the_trial(engine: Engine, tmp_path: Path) -> None:
    heard = run(engine, [job(tmp_path, epochs=9)], lambda message: decide_prune(message))
    ended = next(message for message in heard[0] if isinstance(message, Ended))
    assert ended.how == "pruned"
    assert kinds(heard[0]).count("Report") == 1


def decide_prune(message: Message) -> Decision:
    return "prune" if isinstance(message, Report) else "continue"


def test_killing_a_trial_that_does_not_run_does_nothing(engine: Engine, tmp_path: Path) -> None:
    engine.kill(99)
    assert run(engine, [job(tmp_path, epochs=1)])[0][-1] == Exited(0), "no other trial minds"


@pytest.mark.parametrize("name", ["inline", "patient"])
def test_closing_twice_is_the_same_as_closing_once(name: str, tmp_path: Path) -> None:
    with prepare_engine(PLACES[name]) as prepared:
        engine = prepared.start(Workload([], {"data": DATA}, [], tmp_path))
        engine.close()
        engine.close()


def test_a_search_takes_any_engine_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(STUDY)
    result = hpsearch.read_study("tiny.yaml").run(engine="patient")
    assert [trial.state for trial in result.trials] == ["complete", "complete"]
