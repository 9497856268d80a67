"""A trial's folder belongs to the process that claimed it last."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.protocol.events import EventLog
from hpsearch.protocol.job import Job, attempt_token
from hpsearch.protocol.messages import Decision, Ended, Message, Report
from hpsearch.trial.run import run_trial
from hpsearch.trial.saving.checkpoint import verified
from hpsearch.trial.saving.claim import Claim, SupersededError


def test_the_last_claim_holds_and_the_one_before_does_not(tmp_path: Path) -> None:
    first = Claim(tmp_path)
    first.hold()

    second = Claim(tmp_path)
    second.hold()
    with pytest.raises(SupersededError):
        first.hold()


def test_a_claim_whose_file_is_gone_is_held(tmp_path: Path) -> None:
    claim = Claim(tmp_path)
    (tmp_path / "claim").unlink()
    claim.hold()


def test_an_attempt_that_comes_late_claims_nothing(tmp_path: Path) -> None:
    """As from a node that was lost before it began, and wakes up."""
    lost, later = attempt_token(9), attempt_token(10)
    Claim(tmp_path, attempt_token(8))
    holder = Claim(tmp_path, later)

    with pytest.raises(SupersededError):
        Claim(tmp_path, lost)
    holder.hold()

    Claim(tmp_path, attempt_token(10)).hold()
    (tmp_path / "claim").write_text("4f0c2c6b8e2f4a6d9c1b7d3e5a8f9012")  # of an earlier version
    Claim(tmp_path, attempt_token(1)).hold()


def test_a_late_attempt_trains_nothing(tmp_path: Path) -> None:
    said: list[Message] = []
    job = Job("tiny", 0, {}, {}, {}, 1, 1, str(tmp_path), attempt=attempt_token(1))
    Claim(tmp_path, attempt_token(2))

    run_trial(job, said.append)

    assert said == [Ended("stopped")]
    assert [path.name for path in tmp_path.iterdir()] == ["claim"]


@pytest.mark.parametrize("plan", ["", "raise"])
def test_a_trial_that_continues_elsewhere_writes_nothing_more_and_is_no_failure(
    tmp_path: Path, plan: str
) -> None:
    said: list[Message] = []

    def taken_over(message: Message) -> Decision | None:
        said.append(message)
        if isinstance(message, Report):
            Claim(tmp_path)  # by a process of the search that took the study over
        return "continue"

    model = {"class_path": "tiny.TinyModel", "init_args": {"plan": plan, "at": 2}}
    config = {
        "model": model,
        "data": {"class_path": "tiny.TinyData"},
        "trainer": {"max_epochs": 3},
    }
    job = Job("tiny", 0, {}, config, {"val_loss": "minimize"}, 1, 1, str(tmp_path))
    run_trial(job, taken_over)

    assert len(EventLog(tmp_path / "events.jsonl").reports) == 1
    assert "Ended" not in (tmp_path / "events.jsonl").read_text()
    assert verified(tmp_path / "last.ckpt", job.owner) == 1
    assert plan or said[-1] == Ended("stopped")
