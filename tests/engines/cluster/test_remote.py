"""A remote engine over agents in real processes: nodes that are lost, leave, and cannot train."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from nodes import STUBS, Pipes
from test_local import Desk, job

from hpsearch.engines.cluster import fleet as fleet_module
from hpsearch.engines.cluster.hello import Hello
from hpsearch.engines.engine import Exited
from hpsearch.engines.slots import lay_out
from hpsearch.errors import InputError
from hpsearch.protocol.events import read_events
from hpsearch.protocol.messages import Decision, Ended, Message, Report, Started

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def pipes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipes]:
    """Two nodes that do not see the coordinator's folder."""
    pipes = Pipes(tmp_path_factory.mktemp("runs"), ("a", "b"), shared=False)
    yield pipes
    pipes.engine.close()


def curve(reports: list[Report]) -> list[tuple[int, float]]:
    return [(report.step, report.values["val_loss"]) for report in reports]


class Striking(Desk):
    """Kills a node when the first report comes, before it is answered."""

    def __init__(self, pid: int) -> None:
        super().__init__()
        self._pid = pid

    def __call__(self, number: int, message: Message | Exited) -> Decision | None:
        if isinstance(message, Report) and not self.of(number, Report):
            os.kill(self._pid, signal.SIGKILL)
        return super().__call__(number, message)


def test_a_killed_nodes_trial_continues_elsewhere_from_the_files_that_came_in_the_stream(
    pipes: Pipes,
) -> None:
    pipes.wait_for(lambda: len(pipes.engine.slots) == 2)
    a, b = sorted(pipes.engine.slots, key=lambda slot: slot.name)
    desk, undisturbed = Striking(pipes.pid("a")), Desk()
    struck = job(pipes.folder, 1, a)
    pipes.engine.start(replace(struck, folder=str(pipes.folder / "undisturbed")), b)
    undisturbed.wait(pipes.engine, 1, Exited)

    pipes.engine.start(struck, a)
    desk.wait(pipes.engine, 1, Exited)
    pipes.engine.start(struck, b)
    desk.wait(pipes.engine, 2, Exited)

    assert desk.of(1, Exited)[0].lost.startswith("was lost with node a (")
    assert [started.from_epoch for started in desk.of(1, Started)] == [0, 1]
    assert curve(desk.of(1, Report)) == curve(undisturbed.of(1, Report))
    written = read_events(pipes.folder / "trial-1" / "events.jsonl")
    assert curve([event for event in written if isinstance(event, Report)]) == (
        curve(desk.of(1, Report))
    )
    assert not list(pipes.folder.rglob("*.incoming"))


def test_a_node_that_is_asked_to_leave_ends_its_epochs_and_comes_back(pipes: Pipes) -> None:
    pipes.wait_for(lambda: any(slot.name == "b/cpu:0" for slot in pipes.engine.slots))
    desk, slot = Desk(), next(slot for slot in pipes.engine.slots if slot.name == "b/cpu:0")
    gate = pipes.folder / "gate"
    pipes.engine.start(job(pipes.folder, 2, slot, gate=str(gate)), slot)
    desk.wait(pipes.engine, 1, Started)

    os.kill(pipes.pid("b"), signal.SIGTERM)
    pipes.wait_for(lambda: pipes.fleet.nodes["b"].state == "leaving", desk)
    assert slot not in pipes.engine.slots, "nothing begins there"
    gate.touch()
    desk.wait(pipes.engine, 1, Exited)
    pipes.wait_for(lambda: slot in pipes.engine.slots)

    assert desk.of(2, Ended)[0].how == "stopped"
    assert desk.of(2, Exited) == [Exited(0)]
    assert [note for note in pipes.notes if "node b" in note] == [
        "node b is in, with 1 slot",
        "node b leaves (it was asked to leave): its running epochs end",
        "node b has left",
        "node b is in, with 1 slot",
    ]


def test_a_silent_node_is_given_up_and_what_it_says_later_changes_nothing(
    pipes: Pipes, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipes.wait_for(lambda: pipes.engine.slots)
    monkeypatch.setattr(fleet_module, "SILENT_S", 6.0)
    desk, slot = Desk(), pipes.engine.slots[0]
    name, gate = slot.name.partition("/")[0], pipes.folder / "gate-3"
    pipes.engine.start(job(pipes.folder, 3, slot, gate=str(gate)), slot)
    desk.wait(pipes.engine, 1, Started)
    silent = psutil.Process(pipes.pid(name))

    silent.suspend()
    desk.wait(pipes.engine, 1, Exited)
    heard = len(desk.heard)
    gate.touch()
    silent.resume()
    pipes.wait_for(lambda: not silent.is_running(), desk)

    assert desk.of(3, Exited)[0].lost == f"was lost with node {name} (it has not answered for 6 s)"
    assert len(desk.heard) == heard


ORPHANS = """
import sys
from pathlib import Path
sys.path[:0] = [{stubs!r}, {here!r}]
from nodes import Pipes
from test_local import Desk, job
from hpsearch.spec.messages import Started
pipes = Pipes(Path({folder!r}))
pipes.wait_for(lambda: pipes.engine.slots)
(slot,) = pipes.engine.slots
pipes.engine.start(job(pipes.folder, 0, slot, gate=str(pipes.folder / "never")), slot)
desk = Desk()
desk.wait(pipes.engine, 1, Started)
print(pipes.pid("a"), desk.of(0, Started)[0].facts["pid"], flush=True)
while True:
    pipes.engine.poll(desk, 60)
"""


def test_no_process_is_left_when_the_coordinator_is_killed(tmp_path: Path) -> None:
    here = str(Path(__file__).parents[1])
    script = ORPHANS.format(stubs=STUBS, here=here, folder=str(tmp_path / "runs"))
    coordinator = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert coordinator.stdout is not None
    processes = [psutil.Process(int(pid)) for pid in coordinator.stdout.readline().split()]
    processes += psutil.Process(coordinator.pid).children(recursive=True)

    coordinator.kill()
    coordinator.wait()
    coordinator.stdout.close()

    _, alive = psutil.wait_procs(processes, timeout=5)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    assert list(tmp_path.glob("hpsearch-agent-*")) == [], "its files are gone as well"


def test_nodes_that_cannot_train_are_left_out_with_a_line_each(tmp_path: Path) -> None:
    unlike = Hello.of_this_machine(lay_out(("cpu",), 1, 1)).to_message()
    unlike["versions"] = {**unlike["versions"], "torch": "2.0.0"}
    old = f"echo {shlex.quote(json.dumps({'hello': unlike}))}; cat"
    asks = "echo 'me@c: Permission denied (publickey,password).' >&2; exit 255"
    full = (sys.executable, "-m", "hpsearch", "agent", "--devices", "cpu:1", "--scratch", "/proc")
    pipes = Pipes(
        tmp_path,
        ("a",),
        modules=("tiny", "no_such"),
        commands={"b": ("sh", "-c", old), "c": ("sh", "-c", asks), "d": full},
    )

    with pytest.raises(InputError) as error:
        pipes.wait_for(lambda: False)
    pipes.engine.close()

    torch = Hello.of_this_machine(()).versions["torch"]
    reasons = [
        "a: no_such cannot be imported: ModuleNotFoundError: No module named 'no_such'",
        f"b: it has torch 2.0.0 where the coordinator has {torch}; install the same there",
        "c: me@c: Permission denied (publickey,password)",
        "d: the disk that holds /proc cannot be written (No such file or directory)",
    ]
    lines = str(error.value).split("\n  ")
    assert lines == ["no node is left that can train this study:", *reasons]
    name_and_reason = (reason.partition(": ") for reason in reasons)
    # A slow machine says in between that the search waits.
    assert sorted(note for note in pipes.notes if note.startswith("node ")) == [
        f"node {name} is left out: {reason}" for name, _, reason in name_and_reason
    ]
