"""`hpsearch fsck` as a person types it, on a real search that is damaged by hand."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from commanded import run_commands

from hpsearch.cli import main
from hpsearch.search.store.database import close_all, open_storage
from hpsearch.search.store.lease import take_lease

STUDY = """
study:
  name: tiny
  objective: {val_loss: minimize}
  sampler: random
  pruner: none
  trials: 2
model:
  class_path: tiny.TinyModel
  init_args: {width: "~int(2, 16)"}
data: {class_path: tiny.TinyData}
trainer: {max_epochs: 2}
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a search is done."""
    run = "run tiny.yaml --inline --devices cpu:1"
    folder = run_commands(tmp_path_factory, "tiny.yaml", STUDY, run)
    close_all()
    return folder


@pytest.fixture
def home(
    done: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Path:
    """A copy of that folder, which is the current one."""
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    capsys.readouterr()
    return tmp_path


def sql(statement: str) -> None:
    with closing(sqlite3.connect("hpsearch.db")) as connection, connection:
        connection.execute(statement)


def test_a_study_goes_from_sound_to_damaged_to_repaired(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fsck", "tiny"]) == 0
    assert capsys.readouterr().out == "tiny is sound: 2 trials checked\n"

    (home / "runs/tiny/trial-0005").mkdir()
    (home / "runs/tiny/trial-0000/last.tmp").write_text("")
    sql("UPDATE trials SET state = 'RUNNING' WHERE number = 1")
    assert main(["fsck", "tiny"]) == 1
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert [lines[0], *lines[2:]] == [
        "what where found --repair",
        "orphan trial-0005 the database has no trial 5 move it into orphans/",
        "leftover trial-0000/last.tmp left by a process that was killed while it wrote (0 bytes)"
        " remove it",
        "unfinished trial 1 no process runs it any more: resume continues it -",
        "",
        "tiny has 2 problems; --repair fixes all of them; 2 trials checked",
        "",
        "next: hpsearch fsck tiny --repair",
    ]

    assert main(["fsck", "tiny", "--repair"]) == 0
    assert capsys.readouterr().out.endswith("\n\ntiny: 2 repaired; it is sound now\n")
    assert main(["fsck", "tiny"]) == 0
    assert capsys.readouterr().out.endswith("\n\ntiny is sound: 2 trials checked\n")
    assert main(["fsck", "tiny", "--repair"]) == 0
    assert "tiny is sound: 2 trials checked; there was nothing to" in capsys.readouterr().out


def test_what_cannot_be_repaired_is_left_and_fails(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sql("UPDATE trial_intermediate_values SET intermediate_value = 0.5 WHERE trial_id = 1")
    events = (
        home / "runs/tiny/trial-0000/events.jsonl"
    )  # what it says is damaged, and proves nothing
    events.write_text(events.read_text().replace("Report", "Repeat", 1))
    (home / "runs/tiny/trial-0001/best.json").unlink()

    assert main(["fsck", "tiny"]) == 1
    out = capsys.readouterr().out
    assert "tiny has 2 problems; --repair fixes 1 of them; 2 trials checked\n" in out
    assert main(["fsck", "tiny", "--repair"]) == 1
    assert capsys.readouterr().out.endswith("tiny: 1 repaired, 1 that cannot be\n")
    assert main(["fsck", "tiny"]) == 1
    out = capsys.readouterr().out
    assert out.endswith("tiny has 1 problem; --repair cannot fix it; 2 trials checked\n")


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ("UPDATE trial_values SET value = 0.5 WHERE trial_id = 1", "--repair fixes it"),
        ("DELETE FROM trial_values WHERE trial_id = 1", "--repair fixes it"),
    ],
)
def test_one_problem_is_counted_as_one(
    home: Path, capsys: pytest.CaptureFixture[str], problem: str, words: str
) -> None:
    sql(problem)
    assert main(["fsck", "tiny"]) == 1
    assert f"tiny has 1 problem; {words}; 2 trials checked" in capsys.readouterr().out


def test_beside_a_run_it_looks_and_does_not_repair(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    take_lease(open_storage("sqlite:///hpsearch.db").engine, 1, "tiny")

    assert main(["fsck", "tiny"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("tiny is sound: 2 trials checked; ")
    assert out.endswith(" runs it now; its running trials were not checked\n")

    assert main(["fsck", "tiny", "--repair"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: the study tiny is being run by another process (")


@pytest.mark.parametrize("repair", [[], ["--repair"]])
def test_a_study_that_is_not_there_is_one_line_and_exit_code_2(
    home: Path, capsys: pytest.CaptureFixture[str], repair: list[str]
) -> None:
    assert main(["fsck", "tinny", *repair]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "error: there is no study 'tinny' in sqlite:///hpsearch.db; did you mean tiny?\n"


@pytest.mark.parametrize("width", ["80", "120"])
def test_file_names_stay_whole_on_a_narrow_screen(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    (home / "runs/tiny/trial-0000/last.json.tmp").write_text("")
    monkeypatch.setenv("COLUMNS", width)

    assert main(["fsck", "tiny"]) == 1

    out = capsys.readouterr().out
    assert "trial-0000/last.json.tmp" in out
    assert max(map(len, out.splitlines())) <= int(width)
