from __future__ import annotations

import pytest

from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Ended, Message, Progress, Report, Started, from_line, to_line


@pytest.mark.parametrize(
    "message",
    [
        Started(2, {"parameters": 7850}),
        Progress(1, 3, 0.5, 2000.0),
        Report(1, {"val_loss": 0.1}, {"val_loss": 0.1, "train_loss": 0.2}, 3.5),
        Ended("failed", "ValueError: no", "training", "Traceback"),
    ],
)
def test_a_message_survives_being_sent_over_a_socket(message: Message) -> None:
    line = to_line(message)

    assert "\n" not in line
    assert from_line(line) == message


@pytest.mark.parametrize("line", ["", "{", "[]", '{"kind": "Nothing"}', '{"kind": "Report"}'])
def test_anything_that_is_not_a_message_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="not a message of a trial"):
        from_line(line)


def test_a_job_survives_being_sent_over_a_socket() -> None:
    job = Job(
        study="s",
        number=3,
        params={"model.hidden": 8},
        config={"model": {"class_path": "a.B"}},
        objectives={"val_loss": "minimize"},
        study_seed=1,
        seed=2,
        folder="runs/s/trial-0003",
        import_paths=("here",),
    )

    assert Job.from_json(job.to_json()) == job
