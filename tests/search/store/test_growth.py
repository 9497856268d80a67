"""What a search does for one trial does not grow with the trials that are there already."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import large_study
import pytest
from scripted import ScriptedEngine, Watcher

from hpsearch.engines.engine import Exited
from hpsearch.engines.factory import PreparedEngine
from hpsearch.engines.slots import Slot
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Ended, Message, Report, Started
from hpsearch.search.coordinator import loop
from hpsearch.search.options import RunOptions
from hpsearch.search.run import resume_study
from hpsearch.search.store import load, open_storage, open_study
from hpsearch.search.store.records import StudyRecord
from hpsearch.search.store.write_behind import WriteBehindStorage, buffer

NEW = 3
SLOTS = (Slot("cpu:0", "cpu", 1),)


class Counts:
    """Counts what is done while trials run, and what before the first of them."""

    def __init__(self) -> None:
        self.on_open: Counter[str] = Counter()
        self.running: Counter[str] = Counter()
        self.now = self.on_open

    def count(self, name: str, does: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a function that does the same, and is counted."""

        def counted(*given: Any, **named: Any) -> Any:
            self.now[name] += 1
            return does(*given, **named)

        return counted


class Counting(Watcher):
    """An observer that says when the trials begin, and when they are over."""

    def __init__(self, counts: Counts) -> None:
        super().__init__()
        self._counts = counts

    def started(self, number: int, slot: str, params: Mapping[str, Any], from_epoch: int) -> None:
        super().started(number, slot, params, from_epoch)
        self._counts.now = self._counts.running

    def closed(self, study: StudyRecord) -> None:
        assert len(study.trials) > NEW


def trains(job: Job) -> Iterator[Message | Exited]:
    yield Started(0, {"parameters": 5, "split": "s", "device": job.device})
    for step in (1, 2):
        values = {"val_accuracy": 1 + job.number / 1e6}
        yield Report(step, values, values, float(step))
    yield Ended("complete", facts={"epochs": 2})
    yield Exited(0)


def resumed(folder: Path, trials: int, patch: pytest.MonkeyPatch) -> Counts:
    """Continues a study of so many trials for three more; returns what that took."""
    patch.setitem(large_study.DOCUMENT["study"], "sampler", "random")
    patch.setitem(large_study.DOCUMENT["study"], "pruner", "none")
    folder.mkdir()
    url = f"sqlite:///{folder}/large.db"
    large_study.write_large_study(open_storage(url), folder / "runs", trials)
    counts = Counts()
    reads = counts.count("reads of the database", load.read_trials)
    engine = PreparedEngine(SLOTS, lambda _: ScriptedEngine(1, trains))
    with patch.context() as patched:
        for module in (load, buffer):
            patched.setattr(module, "read_trials", reads)
        for module in (load, loop):
            record = counts.count("records", module.trial_record)  # type: ignore[attr-defined]
            patched.setattr(module, "trial_record", record)
        for place, name in ((WriteBehindStorage, "get_all_trials"), (os, "listdir")):
            patched.setattr(place, name, counts.count(name, getattr(place, name)))
        stored = open_study(open_storage(url), large_study.NAME)
        options = RunOptions(runs=folder / "runs", trials=trials + NEW)
        resume_study(stored, options, engine, Counting(counts))
    return counts


@pytest.fixture(scope="module")
def few_and_many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Counts, Counts]]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("growth")
        yield resumed(folder / "few", 50, patch), resumed(folder / "many", 500, patch)


def test_the_end_of_a_trial_looks_at_no_other_trial(few_and_many: tuple[Counts, Counts]) -> None:
    few, many = few_and_many

    at_the_end = 50 + NEW, 500 + NEW  # the study as it then stands, once
    assert few.running["records"] - at_the_end[0] == NEW
    assert many.running["records"] - at_the_end[1] == NEW


def test_trials_are_listed_when_the_search_is_over_and_not_before(
    few_and_many: tuple[Counts, Counts],
) -> None:
    few, many = few_and_many

    assert few.running["get_all_trials"] == many.running["get_all_trials"] == 1


def test_checkpoints_are_looked_for_in_as_many_folders_in_a_study_of_any_size(
    few_and_many: tuple[Counts, Counts],
) -> None:
    few, many = few_and_many

    assert few.running["listdir"] == many.running["listdir"] > 0


def test_a_study_is_read_when_it_is_opened_and_shown_from_memory_when_it_is_closed(
    few_and_many: tuple[Counts, Counts],
) -> None:
    for counts in few_and_many:
        assert counts.on_open["reads of the database"] == 1
        assert counts.running["reads of the database"] == 0
