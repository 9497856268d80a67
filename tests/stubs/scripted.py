"""An engine without training: trials say what a script gives them, one message a poll."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hpsearch.engines.engine import Exited, Handler
from hpsearch.engines.slots import Slot
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Ended, Message, Progress, Report, Started
from hpsearch.search.store.records import StudyRecord, TrialRecord

Script = Callable[[Job], Iterator[Message | Exited]]


def report(step: int, value: float, *, last: bool = False) -> Report:
    return Report(step, {"score": value}, {"score": value}, float(step), last)


def learns(job: Job, epochs: int = 3, from_epoch: int = 0) -> Iterator[Message | Exited]:
    """A trial whose score grows with its epochs and with its parameter x."""
    x = float(job.config["model"]["init_args"]["x"])
    yield Started(from_epoch, {"parameters": 5, "split": "s", "device": job.device})
    for step in range(from_epoch + 1, epochs + 1):
        yield report(step, x * step, last=step == epochs)
    yield Ended("complete", facts={"epochs": epochs, "checkpoint": "best.ckpt"})
    yield Exited(0)


class ScriptedEngine:
    """Runs a script for each job; slots take turns, so that trials really interleave."""

    def __init__(self, slots: int, script: Script) -> None:
        self.slots = tuple(Slot(f"cpu:{i}", "cpu", 1) for i in range(slots))
        self.jobs: list[Job] = []
        self.most_at_once = 0
        self.closed = False
        self.ready = True
        self._script = script
        self._running: dict[int, Iterator[Message | Exited]] = {}

    def start(self, job: Job, slot: Slot) -> None:
        self.jobs.append(job)
        self._running[job.number] = self._script(job)
        self.most_at_once = max(self.most_at_once, len(self._running))

    def poll(self, handler: Handler, timeout_s: float) -> None:
        for number, script in list(self._running.items()):
            message = next(script)
            decision = handler(number, message)
            if isinstance(message, Exited):
                self._running.pop(number, None)
            elif decision in ("prune", "stop"):
                how = "pruned" if decision == "prune" else "stopped"
                self._running[number] = iter([Ended(how, facts={}), Exited(0)])

    def kill(self, number: int) -> None:
        if number in self._running:
            self._running[number] = iter([Exited(-9)])

    def close(self) -> None:
        self.closed = True


class Watcher:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.ended_trials: list[TrialRecord] = []
        self.changes: list[tuple[int | None, list[tuple[int, str]]]] = []
        self.from_epochs: dict[int, list[int]] = {}

    def opened(self, study: StudyRecord, slots: list[str]) -> None:
        pass

    def started(self, number: int, slot: str, params: Mapping[str, Any], from_epoch: int) -> None:
        self.from_epochs.setdefault(number, []).append(from_epoch)

    def progressed(self, number: int, progress: Progress) -> None:
        pass

    def reported(self, number: int, step: int, values: Mapping[str, float]) -> None:
        pass

    def ended(self, trial: TrialRecord) -> None:
        self.ended_trials.append(trial)

    def changed(self, budget: int | None, waiting: Sequence[TrialRecord]) -> None:
        self.changes.append((budget, [(trial.number, trial.state) for trial in waiting]))

    def note(self, text: str) -> None:
        self.notes.append(text)

    def refresh(self) -> None:
        pass

    def closed(self, study: StudyRecord) -> None:
        pass
