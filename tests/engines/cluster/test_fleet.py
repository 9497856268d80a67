"""The rules by which nodes come in, are left out, are lost, and are tried again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_nodes import FakeCarrier

from hpsearch.engines.cluster import fleet as fleet_module
from hpsearch.engines.cluster import read_rows, request
from hpsearch.engines.cluster.fleet import Fleet
from hpsearch.engines.cluster.hello import versions
from hpsearch.engines.cluster.notices import Notices
from hpsearch.engines.cluster.study_code import StudyCode
from hpsearch.engines.cluster.workplace import Study
from hpsearch.errors import InputError


class Bench:
    """A fleet on a clock that the test sets.

    Attributes:
        now: seconds on the clock.
    """

    def __init__(self, *names: str, devices_per_trial: int = 1) -> None:
        self.now = 1000.0
        self.notes: list[str] = []
        self.carrier = FakeCarrier(*names)
        nothing = StudyCode({}, "")
        self.study = Study([], {}, [], nothing, "runs/s", ("n", "1"), devices_per_trial)
        self.fleet = Fleet([self.carrier], self.study, self.notes.append)

    def step(self, seconds: float = 1.0) -> None:
        """Lets time pass in short steps, as the coordinator does, and hears what there is."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 1.0)
            for connection in self.carrier.living():
                connection.agent.send({"ping": self.now})
            self.fleet.step()
            assert list(self.fleet.listen(0.0)) == []

    @property
    def slots(self) -> list[str]:
        return [slot.name for node in self.fleet.nodes.values() for slot in node.slots]


@pytest.fixture
def make_bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Bench]]:
    benches: list[Bench] = []

    def make(*names: str, **options: int) -> Bench:
        benches.append(Bench(*names, **options))
        return benches[-1]

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return benches[-1].now

    for module in ("fleet", "roster", "node"):
        path = f"hpsearch.engines.cluster.{module}.time"
        monkeypatch.setattr(path, Clock)
    monkeypatch.setattr(fleet_module, "_wait_for", lambda _: None)
    yield make
    for bench in benches:
        bench.fleet.close()


def test_a_node_is_in_once_it_has_greeted_and_loaded_the_study(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench("a")
    bench.step()
    assert bench.slots == []

    bench.carrier["a"].greet(slots=2)
    bench.step()

    assert bench.slots == ["a/cpu:0", "a/cpu:1"]
    assert bench.notes == ["node a is in, with 2 slots"]
    (load,) = [said["load"] for said in bench.carrier["a"].said() if "load" in said]
    assert Study.from_message(load) == bench.study


def test_trials_on_two_devices_take_neighbours_of_one_node(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench("a", "b", devices_per_trial=2)
    bench.step()
    bench.carrier["a"].greet(slots=5)
    bench.carrier["b"].greet(slots=1)
    bench.step()

    assert bench.slots == ["a/cpu:0,1", "a/cpu:2,3"]
    assert set(bench.notes) == {
        "node a is in, with 2 slots",
        "node b is left out: a trial takes 2 devices (study.devices_per_trial), and there is 1",
    }


def test_a_node_with_other_versions_is_left_out_for_good(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench("a", "b")
    bench.step()
    bench.carrier["a"].greet(Python="3.9", torch="1.0")
    bench.carrier["b"].greet()
    bench.step(600)

    ours = versions()
    assert bench.notes[0] == (
        f"node a is left out: it has Python 3.9 where the coordinator has {ours['Python']}, torch"
        f" 1.0 where the coordinator has {ours['torch']}; install the same there"
    )
    assert len(bench.carrier.connections["a"]) == 1


def test_a_host_that_cannot_be_reached_is_named_once_and_tried_at_longer_intervals(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench("a", "b")
    bench.step()
    bench.carrier["b"].greet()
    while len(bench.carrier.connections["a"]) < 5:
        bench.carrier["a"].words = "it is broken."
        if not bench.carrier["a"].ended:
            bench.carrier["a"].break_off()
        bench.step()

    assert 5 + 10 + 20 + 40 <= bench.now - 1000 < 90
    assert sorted(bench.notes) == [
        "node a is left out: it is broken; mend it on a",
        "node b is in, with 1 slot",
    ]


def test_when_no_node_is_left_that_can_train_the_search_ends(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench("a", "b", "c")
    bench.step()
    bench.carrier["a"].agent.send({"cannot": "its disk is full"})
    bench.carrier["b"].break_off()
    bench.carrier["c"].break_off()
    bench.step()

    with pytest.raises(InputError) as error:
        bench.step()

    assert str(error.value).splitlines() == [
        "no node is left that can train this study:",
        "  a: its disk is full",
        "  b, c: its connection closed",
    ]


def test_a_node_that_was_in_is_waited_for(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench("a")
    bench.step()
    bench.carrier["a"].greet()
    bench.step()
    bench.carrier["a"].break_off()
    bench.step(4)
    assert bench.slots == []

    bench.step(12)
    bench.carrier["a"].greet()
    bench.step()

    assert bench.slots == ["a/cpu:0"]
    assert bench.notes == [
        "node a is in, with 1 slot",
        "node a is lost: its connection closed",
        "no node is in: the search waits for one; `toy ps` lists them",
        "node a is in, with 1 slot",
    ]


def test_a_silent_node_is_out_within_thirty_seconds(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench("a", "b")
    bench.step()
    for name in ("a", "b"):
        bench.carrier[name].greet()
    bench.step()

    bench.carrier["a"].alive = False
    bench.step(30)

    assert bench.slots == ["b/cpu:0"]
    assert bench.notes[-1] == "node a is lost: it has not answered for 20 s"
    assert [node.name for node in bench.fleet.departed] == ["a"]


def test_nobody_is_silent_while_this_process_slept(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench("a")
    bench.step()
    bench.carrier["a"].greet()
    bench.step()

    bench.now += 3600
    bench.step()

    assert bench.slots == ["a/cpu:0"]


def test_a_node_that_leaves_as_it_said_is_asked_for_again_at_once(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench("a")
    bench.step()
    bench.carrier["a"].greet()
    bench.step()

    bench.carrier["a"].agent.send({"leaving": True})
    bench.step()
    assert bench.slots == []
    bench.carrier["a"].break_off()
    bench.step(3)

    assert len(bench.carrier.connections["a"]) == 2
    assert bench.notes[1:] == [
        "node a leaves (it was asked to leave): its running epochs end",
        "node a has left",
    ]


def test_nodes_come_and_go_with_what_the_carrier_names(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench("a")
    bench.step()
    bench.carrier.names = ["b"]
    bench.step()

    assert set(bench.fleet.roster.seats) == {"b"}
    assert "b" in bench.fleet.nodes


def test_nodes_are_added_and_drained_by_another_process(
    make_bench: Callable[..., Bench], tmp_path: Path
) -> None:
    bench = make_bench("a", "b", "full")
    notices = Notices(tmp_path, bench.carrier.names.append)
    bench.step()
    for name in ("a", "b"):
        bench.carrier[name].greet()
    bench.carrier["full"].agent.send({"cannot": "its disk is full"})
    bench.step()
    notices.tell(bench.fleet)
    rows = read_rows(tmp_path, os.getpid())
    assert rows is not None
    assert [(row["name"], row["state"], row["slots"], row["why"]) for row in rows] == [
        ("a", "in", ["cpu:0"], ""),
        ("b", "in", ["cpu:0"], ""),
        ("full", "out", [], "its disk is full"),
    ]
    assert {frozenset(row) for row in rows} == {frozenset(rows[0])}, "rows of one shape"
    assert read_rows(tmp_path, os.getpid() + 1) is None, "of a search before, which was killed"

    request(tmp_path, add=["c"], drain=["a"])
    notices.obey(bench.fleet)
    bench.step()
    assert {"drain": True} in bench.carrier["a"].said()
    bench.carrier["a"].agent.send({"leaving": True})
    bench.carrier["a"].break_off()
    bench.step(600)

    assert len(bench.carrier.connections["a"]) == 1, "a drained node is not asked for again"
    assert "c" in bench.carrier.connections
    notices.close()
    assert list(tmp_path.iterdir()) == []
