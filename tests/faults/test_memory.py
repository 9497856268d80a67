"""The kernel kills a trial for memory: the sampler learns, and the next trial has the memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_score import Score
from searching import Search, study_of

pytestmark = pytest.mark.process


@pytest.fixture
def little_memory() -> Iterator[Path]:
    """A control group in which processes get 2.5 GB together."""
    group = Path("/sys/fs/cgroup/memory") / f"hpsearch-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(2_500_000_000))
    except OSError:
        pytest.skip("needs root and the memory controller of cgroup v1")
    yield group
    group.rmdir()


@pytest.mark.fault("15. the kernel kills a trial for memory", short=1, full=5)
def test_a_trial_that_the_kernel_kills_for_memory_is_one_the_sampler_learns_from(
    tmp_path: Path, little_memory: Path, score: Score, repeat: int
) -> None:
    study = study_of(6, 3, seed=repeat, objective={"val_loss": "minimize"})
    arguments = {"width": "~int(2, 2000)", "plan": "~choice(hog, '')"}
    study["model"] = {"class_path": "tiny.TinyModel", "init_args": arguments}
    join = ("bash", "-c", 'echo $$ > "$0/cgroup.procs"; exec "$@"', str(little_memory))
    search = Search(tmp_path, study, slots=1, prefix=join)
    search.begin()

    assert search.wait_for_end() == 0, search.output
    record = search.record()
    hogs = {trial.number for trial in record.trials if trial.params["model.plan"] == "hog"}
    killed = {
        trial.number
        for trial in record.trials
        if trial.attributes.get("failure_kind") == "out of memory"
    }
    assert hogs == killed
    assert repeat or hogs, "the seed of the first round must bring about a kill"
    # The trial after a kill has trained, in the same 2.5 GB.
    assert record.counts["complete"] == 6 - len(hogs)
    score.struck(len(hogs))
