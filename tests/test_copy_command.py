"""`hpsearch copy` as a person types it: a study goes to another database, and continues there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from commanded import run_commands

from hpsearch.cli import main
from hpsearch.search.confirm.study import enqueue_finalists
from hpsearch.search.copy import copy_study
from hpsearch.search.store import close_all, open_storage, open_study, take_lease

STUDY = """
study:
  name: tiny
  objective: {val_accuracy: maximize}
  sampler: tpe
  pruner: none
  trials: 2
  seed: 5
model:
  class_path: tiny.TinyModel
  init_args: {width: "~int(2, 16)"}
data: {class_path: tiny.TinyData}
trainer: {max_epochs: 2}
"""
HERE = "sqlite:///hpsearch.db"
THERE = "sqlite:///other.db"
WORDS = ("--inline", "--devices", "cpu:1")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a search is done, and a finalist trained again."""
    run = " ".join(["run", "tiny.yaml", *WORDS])
    folder = run_commands(tmp_path_factory, "tiny.yaml", STUDY, run)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        search = open_study(open_storage(HERE), "tiny")
        best = search.record().best
        assert best is not None
        enqueue_finalists(search, [best], 1, folder / "runs")
        assert main(["resume", "tiny.confirm", *WORDS]) == 0
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
    capsys.readouterr()
    return tmp_path


def shown(command: str, url: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Returns what a command prints of the study, but for where it is stored."""
    capsys.readouterr()
    assert main([command, "tiny", "--storage", url, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return {key: value for key, value in found.items() if key != "storage"}


def test_a_copied_study_shows_resumes_and_is_confirmed_where_it_went(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = shown("status", HERE, capsys)

    assert main(["copy", "tiny", "--to", THERE]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"tiny: 2 trials copied to {THERE}",
        f"tiny.confirm: 1 trial copied to {THERE}",
        f"Its files stay in {home / 'runs'}; in {HERE} it can still be read, but not run.",
        "",
        f"next: hpsearch show tiny {before['best']['number']} --storage {THERE}",
    ]

    assert shown("status", THERE, capsys) == before
    assert main(["fsck", "tiny", "--storage", THERE]) == 0
    assert main(["resume", "tiny", "--add", "1", "--storage", THERE, *WORDS]) == 0
    again = ["confirm", "tiny", "--top", "1", "--seeds", "2", "--storage", THERE, *WORDS]
    main(again)
    assert "tiny.confirm: 1 done, 1 to go" in capsys.readouterr().out
    assert shown("status", THERE, capsys)["counts"]["complete"] == 3


def test_the_third_trial_is_that_of_an_undisturbed_search(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["copy", "tiny", "--to", THERE])
    main(["resume", "tiny", "--add", "1", "--storage", THERE, *WORDS])
    whole = tmp_path / "whole"
    whole.mkdir()
    (whole / "tiny.yaml").write_text(STUDY)
    monkeypatch.chdir(whole)
    main(["run", "tiny.yaml", "--trials", "3", *WORDS])

    ours, theirs = (
        _trials(f"sqlite:///{folder}") for folder in (home / "other.db", whole / "hpsearch.db")
    )
    assert ours == theirs


def _trials(url: str) -> list[tuple[Any, ...]]:
    storage = open_storage(url)
    found = open_study(storage, "tiny").trials()
    return [(t.params, t.values, t.intermediate_values) for t in found]


def test_what_was_copied_is_run_in_one_place_only_until_it_comes_back(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["copy", "tiny", "--to", THERE])

    assert main(["resume", "tiny", "--add", "1", *WORDS]) == 2
    assert f"the study tiny was copied to {THERE} and continues there" in capsys.readouterr().err
    assert main(["status", "tiny"]) == 0
    words = capsys.readouterr().out
    assert f"moved     to {THERE}, where it continues; this is how it was then" in words
    assert f"next: hpsearch status tiny --storage {THERE}" in words
    assert "record" not in words, "its files are where they were"
    main(["list"])
    assert "tiny   moved" in capsys.readouterr().out
    assert main(["run", "tiny.yaml", "--trials", "4", *WORDS]) == 2
    assert main(["confirm", "tiny", *WORDS]) == 2

    assert main(["resume", "tiny", "--add", "1", "--storage", THERE, *WORDS]) == 0
    assert main(["copy", "tiny", "--from", THERE, "--to", HERE]) == 0
    assert main(["resume", "tiny", "--add", "1", *WORDS]) == 0
    assert shown("status", HERE, capsys)["counts"]["complete"] == 4


def test_what_cannot_be_copied_is_told_and_changes_nothing(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*words: str) -> str:
        assert main(["copy", *words]) == 2
        return capsys.readouterr().err

    assert "--to is missing: the URL of a database" in refused("tiny")
    assert "--from and --to are the same database" in refused("tiny", "--to", HERE)
    assert "there is no study 'tinny'" in refused("tinny", "--to", THERE)
    assert "is copied with it: hpsearch copy tiny" in refused("tiny.confirm", "--to", THERE)
    assert "--to holds a password" in refused("tiny", "--to", "postgresql://a:b@host/c")

    main(["run", "tiny.yaml", "--runs", "elsewhere", "--storage", THERE, *WORDS])
    capsys.readouterr()
    assert "other.db has another study of the name tiny" in refused("tiny", "--to", THERE)

    storage = open_storage(HERE)
    lease = take_lease(storage.engine, open_study(storage, "tiny").study._study_id, "tiny")
    assert "is being run by another process" in refused("tiny", "--to", "sqlite:///third.db")
    lease.release()
    assert main(["resume", "tiny", "--add", "1", *WORDS]) == 0


def test_a_copy_that_was_interrupted_is_finished(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = open_storage(HERE), open_storage(THERE)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("hpsearch.search.copy.write_owner", killed)
        with pytest.raises(KeyboardInterrupt):
            copy_study("tiny", source, target)

    assert copy_study("tiny", source, target).trials == {"tiny": 2, "tiny.confirm": 1}
