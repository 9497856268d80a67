"""`hpsearch control` on a real running search, which is in its own processes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from searching import Search, study_of

from hpsearch.cli import main
from hpsearch.search.store import TrialRecord, create_study, open_storage
from hpsearch.studyfile.study import StudySpec

pytestmark = pytest.mark.process


@pytest.fixture
def search(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Search]:
    """A search of 500 trials that pauses and promotes, a tenth of a second an epoch."""
    study = study_of(500, 9, scheduler="promote")
    del study["study"]["pruner"]
    study["model"]["init_args"]["pause"] = 0.1
    found = Search(tmp_path, study)
    found.options = getattr(request, "param", found.options)
    found.begin()
    found.wait_for_reports(3)
    yield found
    found.close()


def hpsearch(search: Search, *words: str) -> subprocess.CompletedProcess[str]:
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        code = main([*words, "--storage", search.storage])
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def tell(search: Search, *words: str) -> subprocess.CompletedProcess[str]:
    return hpsearch(search, "control", search.name, *words)


def trials(search: Search) -> list[TrialRecord]:
    return list(search.record().trials)


def one_that(search: Search, state: str) -> int:
    """Returns the number of the first trial in a state."""
    search.wait_for(lambda: any(trial.state == state for trial in trials(search)))
    return next(trial.number for trial in trials(search) if trial.state == state)


@pytest.mark.parametrize("search", [("--nodes", "local")], indirect=True, ids=["on a node"])
def test_every_verb_works_on_a_search_whose_trials_run_on_a_node(
    search: Search, capsys: pytest.CaptureFixture[str]
) -> None:
    done = tell(search, "pause")
    assert done.returncode == 0, done.stderr
    assert "has received: pause" in done.stdout
    search.wait_for(lambda: search.record().state == "paused")
    assert main(["status", search.name, "--storage", search.storage]) == 0
    seen = capsys.readouterr().out
    assert f"{search.name}  paused  " in seen
    words = f"by `hpsearch control`; `hpsearch control {search.name} resume` continues it"
    assert f"paused    {words}" in seen
    assert f"next: hpsearch control {search.name} resume --storage {search.storage}" in seen
    watch = [sys.executable, "-m", "hpsearch", "watch", "--storage", search.storage]
    watching = subprocess.Popen(watch, text=True, stdout=subprocess.PIPE)
    assert watching.stdout is not None
    assert watching.stdout.readline() == f"{search.name}: paused {words}\n"
    search.wait_for(lambda: search.record().counts["running"] == 0)
    reports = search.count_reports()
    time.sleep(0.5)
    assert search.count_reports() == reports, "a paused search trains nothing"

    tell(search, "enqueue", "width=7")
    assert "has received: budget" in tell(search, "budget", "trials=400").stdout
    paused = one_that(search, "paused")
    tell(search, "promote", str(paused))
    tell(search, "resume")
    search.wait_for(lambda: len(trials(search)) >= 13)
    again = hpsearch(search, "enqueue", search.name, "--set", "width=7")
    assert "already has that setting: nothing was added" in again.stdout, again.stderr
    running = one_that(search, "running")
    failed = tell(search, "fail", str(running))
    assert tell(search, "stop").returncode == 0
    assert search.wait_for_end() == 130, search.output
    assert f"{search.name}  interrupted  " in watching.communicate()[0], "it ends with the search"

    record = search.record()
    assert (record.state, record.budget) == ("interrupted", 400)
    assert record.counts["running"] == 0
    assert 1 in record.trials[paused].attributes["promoted"]
    assert [t.params["model.width"] for t in record.trials if "origin" in t.attributes] == [7]
    # It may have ended, or paused, just before.
    answer = f"`hpsearch control`: trial {running}"
    assert answer in search.output or "that trial is over" in failed.stderr


def test_a_live_search_drains_and_fails_a_trial(search: Search) -> None:
    paused = one_that(search, "paused")
    assert tell(search, "fail", str(paused)).returncode == 0
    # It may have been promoted meanwhile, and fails then.
    search.wait_for(lambda: trials(search)[paused].state in ("pruned", "failed"))
    tell(search, "drain")
    search.wait_for_end()

    record = search.record()
    assert record.counts["running"] == 0
    assert len(record.trials) < 500, "it drained before its budget was used"


@pytest.fixture
def asleep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study that nobody runs, in the default database."""
    monkeypatch.setenv("HPSEARCH_STORAGE", f"sqlite:///{tmp_path}/study.db")
    spec = StudySpec.from_document(study_of(3, 2))
    create_study(spec, open_storage(f"sqlite:///{tmp_path}/study.db"), tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["fail"], "fail needs the number of one trial, as in fail 7"),
        (["fail", "7"], "the study faulty has no trial 7; it has none yet"),
        (["pause", "3"], "pause takes no values, but has 3"),
        (["enqueue", "width=99"], "enqueue: 99 is not a value of model.width"),
        (
            ["enqueue", "--set", "lr=0.1", "width=3"],
            "--set is an option of another command: hpsearch enqueue faulty --set lr=0.1 width=3",
        ),
        (["enqueue"], "enqueue needs values, as in enqueue lr=0.01 dropout=0"),
        (["budget", "trials=0"], "budget trials=0: write trials=N or epochs=N, N 1 or more"),
        (["pause"], "faulty is not running now; `hpsearch resume faulty`"),
    ],
)
def test_what_cannot_be_obeyed_is_refused(
    asleep: Path, capsys: pytest.CaptureFixture[str], words: list[str], fault: str
) -> None:
    assert main(["control", "faulty", *words]) == 2
    assert fault in capsys.readouterr().err


def test_a_trial_that_is_over_cannot_be_promoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HPSEARCH_STORAGE", f"sqlite:///{tmp_path}/study.db")
    storage = open_storage(f"sqlite:///{tmp_path}/study.db")
    study = create_study(StudySpec.from_document(study_of(3, 2)), storage, tmp_path)
    study.tell(study.ask(), 0.5)
    assert main(["control", "faulty", "promote", "0"]) == 2
    assert "promote 0: that trial is over (complete)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--set", "width=99"], "enqueue: 99 is not a value of model.width: whole numbers, 2 to"),
        (["--set", "widht=9"], "enqueue: no parameter is named 'widht'"),
        (["--set", "width"], "enqueue needs values, as in hpsearch enqueue faulty --set lr=0.01"),
        ([], "enqueue needs values"),
        (["--set", "width=3"], "continues it; or add the setting to study.enqueue in its file"),
    ],
)
def test_a_setting_that_cannot_be_enqueued_is_refused(
    asleep: Path, capsys: pytest.CaptureFixture[str], words: list[str], fault: str
) -> None:
    assert main(["enqueue", "faulty", *words]) == 2
    assert fault in capsys.readouterr().err
