"""Commands to a running search from another terminal, obeyed by the coordinator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from coordinating import coordinator_of
from scripted import ScriptedEngine, Watcher, report

from hpsearch.engines.engine import Exited
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Ended, Message, Started
from hpsearch.search.coordinator import SearchSetup
from hpsearch.search.store import (
    Command,
    Inbox,
    StudyRecord,
    WriteBehindQueue,
    buffer_writes,
    create_study,
    describe_study,
    load_record,
    open_storage,
    open_study,
    send_command,
    take_commands,
    take_lease,
)
from hpsearch.search.store.keys import PAUSED
from hpsearch.studyfile.study import StudySpec

EPOCHS = 9


def spec(**study: Any) -> StudySpec:
    block = {"name": "inbox", "objective": {"score": "maximize"}, "sampler": "random", "seed": 1}
    return StudySpec.from_document(
        {
            "study": {**block, "scheduler": "promote", "trials": 9, **study},
            "model": {"class_path": "a.Model", "init_args": {"x": "~float(0, 1)"}},
            "data": {"class_path": "a.Data"},
            "trainer": {"max_epochs": EPOCHS},
        }
    )


class FakeCommands:
    """Commands that arrive after so many epochs of the whole search."""

    def __init__(self, **after: Any) -> None:
        self.commands: dict[int, Command] = {}
        self.epochs = 0
        self.idle = 0

    def take(self) -> list[Command]:
        self.idle += 1
        due = [epochs for epochs in self.commands if epochs <= self.epochs]
        return [self.commands.pop(epochs) for epochs in sorted(due)]


class TooLate(ScriptedEngine):
    """Its trials are over, or have not begun, when they are to be killed."""

    def kill(self, number: int) -> None:
        """Kills nothing."""


class Bench:
    engine: type[ScriptedEngine] = ScriptedEngine

    def __init__(self, folder: Path, study: StudySpec, slots: int = 1) -> None:
        self.storage = open_storage(f"sqlite:///{folder}/study.db")
        self.spec, self.runs, self.slots = study, folder / "runs", slots
        self.runs.mkdir()
        self.inbox = FakeCommands()
        self.done: dict[int, int] = {}
        create_study(study, self.storage, self.runs)

    def script(self, job: Job) -> Iterator[Message | Exited]:
        done = self.done.get(job.number, 0)
        yield Started(done, {"parameters": 5, "split": "s", "device": job.device})
        for step in range(done + 1, EPOCHS + 1):
            self.done[job.number] = step
            self.inbox.epochs += 1
            x = float(job.config["model"]["init_args"]["x"])
            yield report(step, x, last=step == EPOCHS)
        yield Ended("complete", facts={"epochs": EPOCHS, "checkpoint": "best.ckpt"})
        yield Exited(0)

    def run(self, commands: dict[int, Command]) -> Watcher:
        self.inbox.commands = commands
        stored = open_study(self.storage, self.spec.name).study
        lease = take_lease(self.storage.engine, stored._study_id, self.spec.name)
        writes = WriteBehindQueue(self.storage.engine, lease)
        watcher = Watcher()
        coordinator = coordinator_of(
            buffer_writes(stored, writes),
            SearchSetup(
                self.spec,
                self.runs / self.spec.name,
                budget=self.spec.trials,
                commands=self.inbox,
            ),
            writes,
            self.engine(self.slots, self.script),
            watcher,
        )
        with writes:
            try:
                coordinator.run()
            finally:
                lease.release()
        return watcher

    def record(self) -> StudyRecord:
        return load_record(self.storage, self.spec.name)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, spec())


def test_a_paused_search_trains_nothing_until_it_is_asked_to_continue(bench: Bench) -> None:
    class Later(FakeCommands):
        def take(self) -> list[Command]:
            assert self.idle < 4000
            if self.idle >= 40 and bench.record().state == "paused":
                self.commands[0] = Command("resume", {})
                assert self.epochs == 2
            return super().take()

    bench.inbox = Later()
    watcher = bench.run({2: Command("pause", {})})

    paused = "paused after the running epochs; `hpsearch control inbox resume` continues"
    assert f"`hpsearch control`: {paused}" in watcher.notes
    assert "`hpsearch control`: continued" in watcher.notes
    assert bench.record().state == "done"


def test_a_pause_ends_with_the_run(bench: Bench) -> None:
    stored = open_study(bench.storage, "inbox")
    stored.study.set_user_attr(PAUSED, True)
    assert bench.record().state == "new", "nobody runs it"
    describe_study(stored.study, bench.spec, bench.runs, 9)
    lease = stored.own()
    assert bench.record().state == "running"
    lease.release()


def test_a_drained_search_begins_nothing_more_and_can_be_resumed(bench: Bench) -> None:
    bench.run({3: Command("drain", {})})
    record = bench.record()
    assert record.state == "interrupted"
    assert len(record.trials) < 9
    assert record.counts["running"] == record.counts["waiting"] == 0
    bench.run({})
    assert bench.record().state == "done"


def test_a_search_that_is_asked_to_stop_ends_after_its_epoch(bench: Bench) -> None:
    bench.run({3: Command("stop", {})})
    assert bench.record().state == "interrupted"
    assert bench.inbox.epochs <= 4


def test_a_running_trial_can_be_failed_and_a_paused_one_given_up(bench: Bench) -> None:
    watcher = bench.run({1: Command("fail", {"number": 0}), 3: Command("fail", {"number": 1})})
    states = [trial.state for trial in bench.record().trials[:2]]
    assert states == ["failed", "pruned"] or states == ["pruned", "pruned"]
    assert any("trial 1, which was paused, is pruned" in note for note in watcher.notes)


def test_a_trial_that_no_signal_reaches_any_more_is_failed_all_the_same(bench: Bench) -> None:
    bench.engine = TooLate
    watcher = bench.run({1: Command("fail", {"number": 0})})
    assert "`hpsearch control`: trial 0 ended as failed" in watcher.notes
    trial = bench.record().trials[0]
    assert (trial.state, trial.failure) == ("failed", "ended by `hpsearch control` fail")


def test_a_paused_trial_is_promoted_whatever_its_place(bench: Bench) -> None:
    bench.run({2: Command("promote", {"number": 0})})
    trial = bench.record().trials[0]
    assert trial.attributes["promoted"][0] == 1
    assert len(trial.values_by_epoch) >= 3


def test_the_answer_to_an_impossible_command_says_why(bench: Bench) -> None:
    watcher = bench.run({1: Command("promote", {"number": 77}), 2: Command("fail", {"number": 77})})
    assert "`hpsearch control`: trial 77 is not paused; nothing was done" in watcher.notes
    answer = "`hpsearch control`: trial 77 is neither running nor paused; nothing was done"
    assert answer in watcher.notes


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (Command("dance", {"fast": True}), 'dance {"fast": true}'),
        (Command("fail", {}), "fail {}"),
        (Command("budget", {"trials": "many"}), 'budget {"trials": "many"}'),
    ],
)
def test_a_command_of_another_version_ends_no_search(
    bench: Bench, command: Command, said: str
) -> None:
    watcher = bench.run({1: command})
    words = f"this version of hpsearch cannot obey {said}; nothing was done"
    assert f"`hpsearch control`: {words}" in watcher.notes
    assert bench.record().state == "done"


def test_an_enqueued_setting_is_next_and_only_once(bench: Bench) -> None:
    setting = {"setting": {"model.x": 0.875}}
    watcher = bench.run({2: Command("enqueue", setting), 6: Command("enqueue", setting)})
    record = bench.record()
    mine = [trial for trial in record.trials if trial.params == {"model.x": 0.875}]
    assert [trial.attributes["origin"] for trial in mine] == ["enqueued"]
    assert len(record.trials) == 9
    assert any("is in the study already" in note for note in watcher.notes)
    words = "is next with the setting given; at the rungs it is compared as all others are"
    assert any(words in note for note in watcher.notes)


def test_an_enqueued_setting_that_is_infeasible_is_rejected_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, spec(constraints=["model.x < 0.5"]))
    watcher = bench.run({2: Command("enqueue", {"setting": {"model.x": 0.875}})})
    words = "is not trained, since its setting is infeasible: model.x < 0.5 does not hold"
    assert any(words in note for note in watcher.notes)
    record = bench.record()
    (mine,) = (trial for trial in record.trials if trial.params == {"model.x": 0.875})
    assert (mine.state, mine.values_by_epoch) == ("pruned", {})
    assert record.state == "done"


def test_the_budget_can_be_raised_and_is_kept(bench: Bench) -> None:
    bench.run({2: Command("budget", {"trials": 12})})
    record = bench.record()
    assert (len(record.trials), record.budget, record.state) == (12, 12, "done")


def test_a_view_sees_the_new_budget_and_what_is_next(bench: Bench) -> None:
    commands = {2: Command("promote", {"number": 0}), 7: Command("budget", {"trials": 12})}
    assert bench.run(commands).changes == [(9, [(0, "waiting")]), (12, [])]


def test_a_search_that_is_not_paused_has_nothing_to_resume(bench: Bench) -> None:
    watcher = bench.run({1: Command("resume", {})})
    assert "`hpsearch control`: the search is not paused; nothing was done" in watcher.notes


def test_a_budget_in_epochs_holds_for_the_run_that_it_was_changed_in(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[StudyRecord] = []
    monkeypatch.setattr(Watcher, "ended", lambda watcher, trial: seen.append(bench.record()))
    bench.run({2: Command("budget", {"epochs": 40})})

    assert (seen[-1].epochs, seen[-1].run_epochs) == (None, 40)
    assert bench.record().run_epochs is None
    stored = open_study(bench.storage, "inbox")
    describe_study(stored.study, bench.spec, bench.runs, 9)
    lease = take_lease(bench.storage.engine, stored.row, "inbox")
    assert bench.record().run_epochs is None, "the next run begins with what the study keeps"
    lease.release()


def test_the_budget_can_be_lowered_to_what_there_is(bench: Bench) -> None:
    bench.run({3: Command("budget", {"trials": 1})})
    assert len(bench.record().trials) <= 4


def test_commands_are_taken_once_and_in_order(tmp_path: Path) -> None:
    engine = open_storage(f"sqlite:///{tmp_path}/study.db").engine
    for verb in ("pause", "resume"):
        send_command(engine, 1, Command(verb, {}))
    send_command(engine, 2, Command("stop", {}))
    assert [command.verb for command in take_commands(engine, 1)] == ["pause", "resume"]
    assert take_commands(engine, 1) == []


@pytest.mark.parametrize("text", ["{", "[1]", "5"])
def test_arguments_that_hpsearch_did_not_write_are_taken_as_text(tmp_path: Path, text: str) -> None:
    engine = open_storage(f"sqlite:///{tmp_path}/study.db").engine
    send_command(engine, 1, Command("fail", {}))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE hpsearch_command SET arguments = ?", (text,))
    assert take_commands(engine, 1) == [Command("fail", {"arguments": text})]


def wait_for(seen: Callable[[], Any]) -> Any:
    import time

    deadline = time.monotonic() + 5
    while not (found := seen()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def test_an_inbox_sees_a_command_within_two_seconds_and_none_of_an_earlier_search(
    tmp_path: Path,
) -> None:
    engine = open_storage(f"sqlite:///{tmp_path}/study.db").engine
    send_command(engine, 1, Command("stop", {}))
    with Inbox(engine, 1) as inbox:
        send_command(engine, 1, Command("pause", {}))
        assert wait_for(inbox.take) == [Command("pause", {})]
