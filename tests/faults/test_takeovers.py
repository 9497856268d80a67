"""A coordinator's host is lost while its trials still report: a takeover loses no report."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from coordinating import coordinator_of
from fault_score import FULL, Score
from scripted import ScriptedEngine, Watcher, report
from servers import KINDS, serve
from sqlalchemy import text

from hpsearch.engines.engine import Exited, Handler
from hpsearch.engines.slots import Slot
from hpsearch.protocol.events import EventLog, read_record
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Ended, Message, Started
from hpsearch.search.coordinator import SearchSetup
from hpsearch.search.store import (
    WriteBehindQueue,
    buffer_writes,
    close_storage,
    create_study,
    load_record,
    open_storage,
    open_study,
    take_lease,
)
from hpsearch.studyfile.study import StudySpec
from hpsearch.trial.saving.claim import Claim, SupersededError

EPOCHS = 12
TAKEOVERS = 50 if FULL else 4
TRIALS = TAKEOVERS


class HostGone(BaseException):
    """The coordinator's host cannot be reached any more; its trials' processes live."""


def spec() -> StudySpec:
    return StudySpec.from_document(
        {
            "study": {
                "name": "taken",
                "objective": {"score": "maximize"},
                "sampler": "random",
                "pruner": "none",
                "trials": TRIALS,
            },
            "model": {"class_path": "a.Model", "init_args": {"x": "~float(0, 1)"}},
            "data": {"class_path": "a.Data"},
            "trainer": {"max_epochs": EPOCHS},
        }
    )


class Trials(ScriptedEngine):
    """Trials that record their reports, for a coordinator that receives them for a while.

    Args:
        heard: messages after which the coordinator is lost; None for never.
        late: trials of lost hosts, which continue to report until they lose their folder.
    """

    def __init__(self, heard: int | None, late: list[Iterator[object]]) -> None:
        super().__init__(2, self.train)
        self._heard, self._late = heard, late

    def start(self, job: Job, slot: Slot) -> None:
        for trial in self._late:  # before the folder is claimed: they have it still
            next(trial, None)
        super().start(job, slot)

    def train(self, job: Job) -> Iterator[Message | Exited]:
        folder = Path(job.folder)
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(SupersededError):
            yield from self._train(job, Claim(folder, job.attempt))

    def _train(self, job: Job, claim: Claim) -> Iterator[Message | Exited]:
        log = EventLog(Path(job.folder) / "events.jsonl", job.identity, job.attempt)
        log.begin()
        done = max((each.step for each in log.reports), default=0)
        yield Started(done, {"split": "one"})
        for step in range(done + 1, EPOCHS + 1):
            claim.hold()
            log.append(said := report(step, job.params["model.x"] * step))
            yield said
        claim.hold()
        log.append(Ended("complete"))
        yield Ended("complete")
        yield Exited(0)

    def poll(self, handler: Handler, timeout_s: float) -> None:
        if self._heard is not None:
            self._heard -= 1
            if self._heard < 0:
                self._late += self._running.values()
                raise HostGone
        super().poll(handler, timeout_s)


@pytest.fixture(params=["sqlite", *(KINDS if FULL else ())])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with ExitStack() as stack:
        here = request.param == "sqlite"
        file = f"sqlite:///{tmp_path}/study.db"
        yield file if here else stack.enter_context(serve(request.param)).url


@pytest.mark.fault("26. a takeover, while trials of the lost host report on", short=1, full=1)
def test_a_takeover_loses_no_report(url: str, tmp_path: Path, score: Score, repeat: int) -> None:
    chance, late = random.Random(repeat), list[Iterator[object]]()
    storage = open_storage(url)
    create_study(spec(), storage, tmp_path)
    folder = tmp_path / "taken"
    for life in range(TAKEOVERS + 1):
        study = open_study(storage, "taken").study
        lease = take_lease(storage.engine, study._study_id, "taken")
        writes = WriteBehindQueue(storage.engine, lease)
        engine = Trials(chance.randint(2, 9) if life < TAKEOVERS else None, late)
        setup = SearchSetup(spec(), folder, budget=TRIALS)
        coordinator = coordinator_of(buffer_writes(study, writes), setup, writes, engine, Watcher())
        try:
            coordinator.run()
        except HostGone:
            score.struck()
        writes._thread.shutdown(wait=True)
        with storage.engine.begin() as connection:
            gone = "UPDATE hpsearch_lease SET host = 'gone', boot = 'gone', until = 0"
            connection.execute(text(gone))

    record = load_record(storage, "taken")
    close_storage(storage)
    assert record.counts["complete"] == TRIALS
    for trial in record.trials:
        found = read_record(folder / f"trial-{trial.number:04d}" / "events.jsonl")
        assert (found.damaged, found.foreign, found.missing) == (0, 0, 0)
        written = {each.step: each.values["score"] for each in found.reports}
        assert written == dict(trial.values_by_epoch), "a report was lost"
        assert list(written) == list(range(1, EPOCHS + 1))
