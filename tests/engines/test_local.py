"""The local engine with real processes: what each sees, sends, and leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from hpsearch.engines.engine import Exited
from hpsearch.engines.local import LocalEngine
from hpsearch.engines.slots import Slot, lay_out
from hpsearch.errors import InputError
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Decision, Ended, Message, Report, Started

pytestmark = pytest.mark.process

STUBS = str(Path(__file__).parent.parent / "stubs")
DATA = {"class_path": "tiny.TinyData"}
GREEDY = """
import os, sys, tiny

class Greedy(tiny.TinyModel):
    def __init__(self):
        sys.stderr.write("terminate called after throwing an instance of 'std::bad_alloc'\\n")
        os.abort()
"""
SLOTS = lay_out(("cuda:0", "cuda:1"), per_device=1, cpus=2)


def job(folder: Path, number: int, slot: Slot, **model: Any) -> Job:
    return Job(
        study="tiny",
        number=number,
        params={},
        config={
            "model": {"class_path": "tiny.TinyModel", "init_args": model},
            "data": {"class_path": "tiny.TinyData"},
            "trainer": {"max_epochs": 2},
        },
        objectives={"val_loss": "minimize"},
        study_seed=1,
        seed=number,
        folder=str(folder / f"trial-{number}"),
        device=slot.device,
        threads=slot.threads,
        import_paths=(STUBS,),
    )


class Desk:
    """A coordinator that records messages, and lets trials continue."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, Message | Exited]] = []

    def __call__(self, number: int, message: Message | Exited) -> Decision | None:
        self.heard.append((number, message))
        return "continue" if isinstance(message, Started | Report) else None

    def of(self, number: int, kind: type) -> list[Any]:
        return [message for who, message in self.heard if who == number and type(message) is kind]

    def wait(self, engine: LocalEngine, until: int, kind: type) -> None:
        """Polls until `until` messages of this kind have come; a hang is pytest's to end."""
        while sum(type(message) is kind for _, message in self.heard) < until:
            engine.poll(self, 1.0)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    log = tmp_path_factory.mktemp("server") / "server.txt"
    engine = LocalEngine(SLOTS, ["tiny"], {"data": DATA}, [STUBS], log)
    yield engine
    engine.close()


def test_trials_run_at_once_each_seeing_its_own_device_only(
    engine: LocalEngine, tmp_path: Path
) -> None:
    desk, gate = Desk(), tmp_path / "gate"
    for number, slot in enumerate(SLOTS):
        engine.start(job(tmp_path, number, slot, gate=str(gate)), slot)

    desk.wait(engine, 2, Started)  # both have begun, and neither can end before the gate opens
    gate.touch()
    desk.wait(engine, 2, Exited)

    seen = [desk.of(number, Started)[0].facts["visible_devices"] for number in (0, 1)]
    assert seen == ["0", "1"]
    assert desk.of(0, Ended)[0].how == desk.of(1, Ended)[0].how == "complete"
    assert [report.step for report in desk.of(0, Report)] == [1, 2]


def test_every_trial_has_a_process_of_its_own(engine: LocalEngine, tmp_path: Path) -> None:
    desk = Desk()
    for number in (0, 1):
        engine.start(job(tmp_path, number, SLOTS[0]), SLOTS[0])
        desk.wait(engine, number + 1, Exited)

    pids = {desk.of(number, Started)[0].facts["pid"] for number in (0, 1)}
    assert len(pids) == 2
    assert os.getpid() not in pids


def test_a_process_that_dies_is_reported_with_its_signal(
    engine: LocalEngine, tmp_path: Path
) -> None:
    desk = Desk()

    engine.start(job(tmp_path, 0, SLOTS[0], plan="kill", at=2), SLOTS[0])
    desk.wait(engine, 1, Exited)

    assert [report.step for report in desk.of(0, Report)] == [1]
    assert desk.of(0, Ended) == []
    assert desk.of(0, Exited) == [Exited(-9)]


def test_a_process_that_cannot_allocate_memory_says_so_by_its_last_words(
    engine: LocalEngine, tmp_path: Path
) -> None:
    (tmp_path / "greedy.py").write_text(GREEDY)
    desk, slot = Desk(), SLOTS[0]
    greedy = job(tmp_path, 0, slot)
    config = {**greedy.config, "model": {"class_path": "greedy.Greedy"}}
    engine.start(replace(greedy, config=config, import_paths=(STUBS, str(tmp_path))), slot)
    desk.wait(engine, 1, Exited)
    said = Ended("failed", "its process could not allocate memory", "out of memory")
    assert desk.of(0, Exited) == [Exited(-6, said=said)]


def test_a_trial_can_be_killed(engine: LocalEngine, tmp_path: Path) -> None:
    desk = Desk()
    engine.start(job(tmp_path, 0, SLOTS[0], gate=str(tmp_path / "never")), SLOTS[0])
    desk.wait(engine, 1, Started)

    engine.kill(0)
    desk.wait(engine, 1, Exited)

    assert desk.of(0, Exited) == [Exited(-9)]


def test_what_a_trial_prints_goes_to_its_own_folder(engine: LocalEngine, tmp_path: Path) -> None:
    desk = Desk()

    engine.start(job(tmp_path, 0, SLOTS[0]), SLOTS[0])
    desk.wait(engine, 1, Exited)

    assert (tmp_path / "trial-0/output.txt").exists()


def test_a_lost_server_costs_its_trials_and_nothing_else(tmp_path: Path) -> None:
    desk = Desk()
    engine = LocalEngine(SLOTS, ["tiny"], {"data": DATA}, [STUBS], tmp_path / "server.txt")
    engine.start(job(tmp_path, 0, SLOTS[0], gate=str(tmp_path / "never")), SLOTS[0])
    desk.wait(engine, 1, Started)

    engine._server.process.kill()
    desk.wait(engine, 1, Exited)
    engine.start(job(tmp_path, 1, SLOTS[0]), SLOTS[0])
    desk.wait(engine, 2, Exited)

    assert desk.of(0, Exited) == [Exited(-9)]
    assert desk.of(1, Ended)[0].how == "complete"
    engine.close()


ORPHANS = """
import sys
from pathlib import Path
sys.path[:0] = [{stubs!r}, {here!r}]
from test_local import DATA, Desk, SLOTS, Started, job
from hpsearch.engines.local import LocalEngine
folder = Path({folder!r})
engine = LocalEngine(SLOTS, ["tiny"], {{"data": DATA}}, [{stubs!r}], folder / "server.txt")
engine.start(job(folder, 0, SLOTS[0], gate=str(folder / "never")), SLOTS[0])
desk = Desk()
desk.wait(engine, 1, Started)
print(engine._server.process.pid, desk.of(0, Started)[0].facts["pid"], flush=True)
engine.poll(desk, 60)
"""


def test_no_process_survives_the_coordinator(tmp_path: Path) -> None:
    here = str(Path(__file__).parent)
    script = ORPHANS.format(stubs=STUBS, here=here, folder=str(tmp_path))
    coordinator = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    )
    assert coordinator.stdout is not None
    processes = [psutil.Process(int(pid)) for pid in coordinator.stdout.readline().split()]
    assert len(processes) == 2

    coordinator.kill()
    coordinator.wait()
    coordinator.stdout.close()

    _, alive = psutil.wait_procs(processes, timeout=5)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


def test_a_trial_has_ended_once_every_process_it_started_has(tmp_path: Path) -> None:
    engine = LocalEngine(SLOTS, ["parent"], {"data": DATA}, [STUBS], tmp_path / "server.txt")
    desk, plain = Desk(), job(tmp_path, 0, SLOTS[0])
    model = {"model": {"class_path": "parent.Parent"}}
    engine.start(replace(plain, config={**plain.config, **model}), SLOTS[0])

    desk.wait(engine, 1, Exited)

    with_it, apart = map(int, (tmp_path / "trial-0/pids").read_text().split())
    assert not psutil.pid_exists(with_it)
    assert psutil.pid_exists(apart), "what has left the group may be meant to outlive the trial"
    stray = psutil.Process(apart)
    engine.close()
    assert psutil.wait_procs([stray], timeout=5)[1] == []


def test_trials_share_the_images_that_the_server_has_loaded(tmp_path: Path) -> None:
    desk, slots = Desk(), lay_out(("cpu", "cpu"), per_device=1, cpus=2)
    data = {"class_path": "hpsearch.data.ImageData", "init_args": {"batch_size": 1000}}
    engine = LocalEngine(
        slots, ["shared_memory_module"], {"data": data}, [STUBS], tmp_path / "server.txt"
    )
    config = {
        "model": {"class_path": "shared_memory_module.Sharing"},
        "data": data,
        "trainer": {"max_epochs": 1},
    }
    for number, slot in enumerate(slots):
        engine.start(replace(job(tmp_path, number, slot), config=config), slot)

    desk.wait(engine, 2, Exited)
    engine.close()

    for number in (0, 1):
        (after_an_epoch,) = desk.of(number, Report)
        assert after_an_epoch.metrics["images_mb"] == pytest.approx(47.04)
        # The first and the last page hold other things as well.
        assert after_an_epoch.metrics["private_mb"] < 0.1


def test_the_server_stays_single_threaded(engine: LocalEngine, tmp_path: Path) -> None:
    desk = Desk()
    engine.start(job(tmp_path, 0, SLOTS[0]), SLOTS[0])
    desk.wait(engine, 1, Exited)

    assert psutil.Process(engine._server.process.pid).num_threads() == 1
    assert threading.active_count() >= 1


def test_a_module_that_cannot_be_imported_ends_the_search_before_a_trial_begins(
    tmp_path: Path,
) -> None:
    engine = LocalEngine(
        SLOTS, ["tiny", "no_such"], {"data": DATA}, [STUBS], tmp_path / "server.txt"
    )
    desk = Desk()
    engine.start(job(tmp_path, 0, SLOTS[0]), SLOTS[0])

    with pytest.raises(InputError, match=r"^no_such cannot be imported: ModuleNotFoundError: No"):
        desk.wait(engine, 1, Exited)

    engine.close()
    assert desk.heard == []
