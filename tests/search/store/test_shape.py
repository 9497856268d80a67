"""Attributes written by other programs are reported in a sentence, never by a traceback."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from inline import run_inline
from optuna.trial import create_trial

from hpsearch.cli import main
from hpsearch.errors import InputError
from hpsearch.search.store import keys, open_storage
from hpsearch.search.store.load import load_record
from hpsearch.search.store.shape import check_objectives, check_shape
from hpsearch.studyfile.study import StudySpec

URL = "sqlite:///tiny.db"
DOCUMENT = {
    "study": {"name": "tiny", "objective": {"val_loss": "minimize"}, "trials": 1, "pruner": "none"},
    "model": {"class_path": "tiny.TinyModel", "init_args": {"width": "~int(2, 4)"}},
    "data": {"class_path": "tiny.TinyData"},
    "trainer": {"max_epochs": 1},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_inline(StudySpec.from_document(DOCUMENT), URL)
    return folder / "tiny.db"


@pytest.fixture
def database(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    copy = tmp_path / "tiny.db"
    with sqlite3.connect(trained) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    return copy


def write(database: Path, table: str, key: str, text: str) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute(f"DELETE FROM {table} WHERE key = ?", (key,))
        owner = "study_id" if table.startswith("study") else "trial_id"
        connection.execute(
            f"INSERT INTO {table} ({owner}, key, value_json) VALUES (1, ?, ?)", (key, text)
        )


ODD = ["5", '"text"', "[1]", "1e999", "tru", ""]


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("key", [keys.BUDGET, keys.CONFIRMATION, keys.IMPORT_PATHS])
def test_an_odd_attribute_of_a_study_is_a_line(
    database: Path, capsys: pytest.CaptureFixture[str], key: str, text: str
) -> None:
    write(database, "study_user_attributes", key, text)
    for words in (["status", "tiny"],):
        code = main([*words, "--storage", URL])
        said = capsys.readouterr()
        assert "Traceback" not in said.err + said.out
        if code:
            assert said.err.startswith(("error: the study 'tiny' ", "error: an attribute of a st"))
            assert len(said.err.splitlines()) == 1


def test_a_search_is_not_resumed_by_an_odd_budget(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(database, "study_user_attributes", keys.BUDGET, '"ten"')
    assert main(["resume", "tiny", "--inline", "--storage", URL]) == 2
    assert "its attribute hpsearch:budget is 'ten'" in capsys.readouterr().err


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("key", [keys.ATTEMPTS, keys.SECONDS])
def test_an_odd_attribute_of_a_trial_is_a_line(
    database: Path, capsys: pytest.CaptureFixture[str], key: str, text: str
) -> None:
    write(database, "trial_user_attributes", key, text)
    for words in (["show", "tiny", "0"],):
        code = main([*words, "--storage", URL])
        said = capsys.readouterr()
        if code:
            assert said.err.startswith("error: the study 'tiny' cannot be read: ")
            assert len(said.err.splitlines()) == 1


BROKEN_ROWS = {
    "UPDATE trials SET number = NULL": "the number of a trial is None, which hpsearch did not",
    "UPDATE trials SET state = 'ODD'": "is not what hpsearch writes ('ODD' is not among",
    "UPDATE trials SET datetime_start = 'then'": "is not what hpsearch writes (Invalid isoformat",
    "UPDATE trial_params SET distribution_json = '{}'": "is not what hpsearch writes ('type')",
    "UPDATE trial_params SET param_value = NULL": "is not what hpsearch writes (int() argument",
}


@pytest.mark.parametrize("change", BROKEN_ROWS)
def test_a_damaged_row_is_a_line_of_every_command(
    database: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(change)
    for words in (["status", "tiny"], ["report", "tiny"], ["resume", "tiny", "--inline"]):
        assert main([*words, "--storage", URL]) == 2
        said = capsys.readouterr().err
        assert said.startswith("error: the study 'tiny' cannot be read: ")
        assert BROKEN_ROWS[change] in said
        assert len(said.splitlines()) == 1
    assert main(["list", "--storage", URL]) == 0
    assert capsys.readouterr().err.startswith("left out: tiny")
    assert main(["fsck", "tiny", "--storage", URL]) == 1
    assert "database" in capsys.readouterr().out


def test_a_lost_direction_is_written_again(
    database: Path, capsys: pytest.CaptureFixture[str], trained: Path
) -> None:
    shutil.copytree(trained.with_name("runs"), "runs")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM study_directions")
    assert main(["status", "tiny", "--storage", URL]) == 2
    said = "the database has 0 of its 1 objectives; `hpsearch fsck tiny --repair` writes them again"
    assert said in capsys.readouterr().err
    assert main(["resume", "tiny", "--inline", "--storage", URL]) == 2
    assert "the database says nothing for val_loss, the study" in capsys.readouterr().err
    main(["fsck", "tiny", "--repair", "--storage", URL])
    assert "the database lacks a row for val_loss" in capsys.readouterr().out
    assert main(["status", "tiny", "--storage", URL]) == 0


def test_one_value_of_two_is_a_line() -> None:
    trial = create_trial(values=[1.0])
    trial.number = 0
    with pytest.raises(InputError, match="trial 0 has 1 of 2 values; restore a copy of the"):
        check_objectives("tiny", ["loss", "accuracy"], [1, 2], [trial])


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (keys.BUDGET, "ten", "its attribute hpsearch:budget is 'ten', which hpsearch did not"),
        (keys.BUDGET, True, "its attribute hpsearch:budget is True"),
        (
            keys.RUN_EPOCHS,
            "ten",
            "its attribute hpsearch:run_epochs is 'ten', which hpsearch did not",
        ),
        (keys.PAUSED, 1, "its attribute hpsearch:paused is 1, which hpsearch did not"),
        (keys.CONFIRMATION, {"chosen": 1}, "its attribute hpsearch:confirmation is {'chosen': 1}"),
        (keys.RUNS, "x" * 99, ""),
        (keys.RUNS, ["x" * 99], f"hpsearch:runs is ['{'x' * 58}..., which"),
        ("of somebody else", {"any": "thing"}, ""),
    ],
)
def test_the_attribute_and_its_value_are_named(key: str, value: Any, words: str) -> None:
    if not words:
        check_shape("tiny", {key: value})
        return
    with pytest.raises(InputError) as refused:
        check_shape("tiny", {key: value})
    assert words in str(refused.value)
    assert str(refused.value).endswith("restore a copy of the database, or correct the attribute")


@pytest.mark.parametrize("curve", [{"one": 0.5}, {"1": None}, {"1": "0.5"}, [0.5]])
def test_a_curve_has_a_number_for_each_epoch(curve: Any) -> None:
    trial = create_trial(value=0.5, user_attrs={keys.CURVE: curve})
    with pytest.raises(InputError, match="the attribute values_by_epoch of trial -1 is "):
        check_shape("tiny", {}, [trial])


def test_what_hpsearch_wrote_itself_has_the_right_shape(database: Path) -> None:
    assert load_record(open_storage(URL), "tiny").counts["complete"] == 1
