"""A search in processes of its own, to be killed, stopped and resumed by a test."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import yaml
from fault_score import FULL

from hpsearch.protocol.events import read_events
from hpsearch.protocol.messages import Report
from hpsearch.search.store.database import open_storage
from hpsearch.search.store.load import load_record
from hpsearch.search.store.records import StudyRecord, TrialRecord

STUBS = Path(__file__).parent
SHAPES = STUBS.parent / "shapes"
# A full round may take place beside other work, which makes everything slow and nothing wrong.
PATIENCE_S = 600.0 if FULL else 120.0
TRIALS, EPOCHS = 6, 30


def study_of(trials: int, epochs: int, **study: Any) -> dict[str, Any]:
    """Returns a study file of tiny trials that are all kept, whose best epoch is the last."""
    return {
        "study": {
            "name": "faulty",
            "objective": {"epochs_done": "maximize"},
            "sampler": "random",
            "pruner": "none",
            "trials": trials,
            "seed": 3,
            "keep_checkpoints": 10_000,
            **study,
        },
        "model": {"class_path": "monotone_module.Monotone", "init_args": {"width": "~int(2, 16)"}},
        "data": {"class_path": "tiny.TinyData"},
        "trainer": {"max_epochs": epochs},
    }


class Search:
    """A study in a folder, and the process that runs it just now.

    Args:
        folder: where it runs.
        study: its study file, as a mapping.
        slots: trials at once.
        options: further words of the command.
        storage: URL of the database, SQLite in the folder if not given.
        prefix: a command that the search is started by.

    Attributes:
        environment: variables of the search's process, besides those of this one.
    """

    def __init__(
        self,
        folder: Path,
        study: dict[str, Any],
        slots: int = 2,
        options: tuple[str, ...] = (),
        storage: str = "",
        prefix: tuple[str, ...] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.name = study["study"]["name"]
        self.storage = storage or f"sqlite:///{folder}/hpsearch.db"
        self.runs = folder / "runs" / self.name
        self.prefix = prefix
        self.options = ("--devices", f"cpu:{slots}", *options)
        self.environment: dict[str, str] = {}
        (folder / "study.yaml").write_text(yaml.safe_dump(study))
        self.process: subprocess.Popen[bytes] | None = None

    def begin(self) -> subprocess.Popen[bytes]:
        """Starts `run`."""
        return self._start("run", "study.yaml")

    def resume(self) -> subprocess.Popen[bytes]:
        """Starts `resume`."""
        return self._start("resume", self.name)

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        with (self.folder / "output.txt").open("ab") as output:
            self.process = subprocess.Popen(
                [*self.prefix, sys.executable, "-m", "hpsearch", *words, *self.options],
                cwd=self.folder,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(
                        [str(STUBS), str(SHAPES), *filter(None, [os.environ.get("PYTHONPATH")])]
                    ),
                    "HPSEARCH_STORAGE": self.storage,
                    **self.environment,
                },
            )
        return self.process

    @property
    def output(self) -> str:
        return (self.folder / "output.txt").read_text()

    def wait_for(self, seen: Callable[[], bool]) -> None:
        """Waits until something is seen, as long as the search lives."""
        deadline = time.monotonic() + PATIENCE_S
        while not seen():
            assert self.process is not None
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.005)

    def wait_for_reports(self, more: int) -> None:
        """Waits until so many more epochs have been reported."""
        wanted = self.count_reports() + more
        self.wait_for(lambda: self.count_reports() >= wanted)

    def wait_for_end(self, patience_s: float = PATIENCE_S) -> int:
        """Returns the exit code, once the search has ended by itself."""
        assert self.process is not None
        return self.process.wait(patience_s)

    def count_reports(self, number: int | None = None) -> int:
        """Returns how many epochs have been reported, by all trials or by one."""
        trial = "trial-*" if number is None else f"trial-{number:04d}"
        logs = self.runs.glob(f"{trial}/events.jsonl")
        return sum(path.read_bytes().count(b'"Report"') for path in logs)

    def processes(self) -> list[psutil.Process]:
        """Returns every process of the search but the first."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def trial_processes(self) -> dict[int, psutil.Process]:
        """Returns the processes of the running trials, by trial number."""
        found = {}
        for process in self.processes():
            try:
                output = str(Path(f"/proc/{process.pid}/fd/1").readlink())
                leads = os.getpgid(process.pid) == process.pid
            except OSError:
                continue
            number = re.search(r"/trial-(\d+)/output.txt$", output)
            if number is not None and leads:
                found[int(number[1])] = process
        return found

    def kill(self) -> None:
        """Kills only the coordinator, as the kernel would: without a last message."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def kill_all(self) -> None:
        """Kills every process at once."""
        processes = self.processes()
        self.kill()
        for process in processes:
            if process.is_running():
                process.send_signal(signal.SIGKILL)

    def record(self) -> StudyRecord:
        storage = open_storage(self.storage)
        try:
            return load_record(storage, self.name)
        finally:
            storage.engine.dispose()

    def reports(self, number: int) -> list[Report]:
        """Returns what a trial has reported, as it wrote it down itself."""
        events = read_events(self.runs / f"trial-{number:04d}" / "events.jsonl")
        return [event for event in events if isinstance(event, Report)]

    def close(self) -> None:
        """Ends what still runs."""
        if self.process is not None and self.process.poll() is None:
            self.kill_all()


def check_budget(search: Search, trials: int, epochs: int) -> StudyRecord:
    """Checks that the study is done, with each number once and each epoch reported once."""
    record = search.record()
    assert record.state == "done", search.output
    assert [trial.number for trial in record.trials] == list(range(trials))
    assert record.counts["complete"] == trials, search.output
    for trial in record.trials:
        assert list(trial.values_by_epoch) == list(range(1, epochs + 1)), "a report was lost"
        check_repeats(search, trial)
    return record


def check_repeats(search: Search, trial: TrialRecord) -> None:
    """Checks that no attempt has repeated more than the epoch that the last one was in."""
    steps = [report.step for report in search.reports(trial.number)]
    assert all(later >= sooner for sooner, later in pairwise(steps)), "more than one epoch again"
    assert len(steps) - len(set(steps)) < max(1, len(trial.attempts))


def check_equal(search: Search, undisturbed: Search, trials: int) -> None:
    """Checks that each report and final weight is bit for bit that of an uninterrupted search."""
    import torch

    for number in range(trials):
        ours, theirs = (
            {report.step: _measured(report) for report in one.reports(number)}
            for one in (search, undisturbed)
        )
        assert ours == theirs
        weights, expected = (
            torch.load(one.runs / f"trial-{number:04d}/best.ckpt", weights_only=True)["state_dict"]
            for one in (search, undisturbed)
        )
        assert weights.keys() == expected.keys()
        assert all(torch.equal(weights[name], expected[name]) for name in expected)


def _measured(report: Report) -> dict[str, float]:
    return {name: value for name, value in report.metrics.items() if name != "seconds"}
