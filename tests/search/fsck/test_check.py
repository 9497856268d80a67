"""A sound study that is damaged in each way, checked, repaired, and checked again."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from io import BufferedReader
from pathlib import Path

import optuna
import pytest
from inline import resume_inline, run_inline
from optuna.trial import TrialState
from scripted import Watcher
from watching_sampler import WatchingSampler

from hpsearch.cli import main
from hpsearch.errors import InputError, SearchError
from hpsearch.protocol.events import EventLog
from hpsearch.protocol.messages import Report
from hpsearch.search.fsck.check import examine_study
from hpsearch.search.fsck.problem import Problem
from hpsearch.search.fsck.repair import repair_study
from hpsearch.search.fsck.rows import curve_of
from hpsearch.search.store import lease, open_study, read_storage
from hpsearch.search.store.database import open_storage
from hpsearch.search.store.lease import take_lease
from hpsearch.search.upkeep import prune_checkpoints
from hpsearch.studyfile.study import StudySpec
from hpsearch.views.dashboard.storage import AnnotatedStorage, open_to_read

URL = "sqlite:///tiny.db"
BEST = Path("runs/tiny/trial-0001/best.ckpt")
EVENTS = Path("runs/tiny/trial-0001/events.jsonl")


def spec_of(name: str, objective: dict[str, str], trials: int, sampler: str) -> StudySpec:
    document = {
        "study": {
            "name": name,
            "objective": objective,
            "sampler": sampler,
            "pruner": "none",
            "trials": trials,
            "seed": 1,
        },
        "model": {"class_path": "tiny.TinyModel", "init_args": {"width": "~int(2, 16)"}},
        "data": {"class_path": "tiny.TinyData"},
        "trainer": {"max_epochs": 2},
    }
    return StudySpec.from_document(document)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two studies that are done: `tiny`, and `pair` of two objectives."""
    folder = tmp_path_factory.mktemp("fsck") / "made"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_inline(spec_of("tiny", {"val_loss": "minimize"}, 3, "random"), URL)
        pair = {"val_loss": "minimize", "val_accuracy": "maximize"}
        run_inline(spec_of("pair", pair, 1, "random"), URL)
    return folder


@pytest.fixture(autouse=True)
def here(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same folder, as it was made: a study knows where its run folder is."""
    kept, folder = made.with_name("kept"), made
    if not kept.exists():
        shutil.copytree(folder, kept)
    shutil.rmtree(folder)
    shutil.copytree(kept, folder)
    monkeypatch.chdir(folder)
    return folder


def sql(statement: str) -> None:
    with closing(sqlite3.connect("tiny.db")) as connection, connection:
        connection.execute(statement)


def rows() -> list[str]:
    with closing(sqlite3.connect("tiny.db")) as connection:
        return list(connection.iterdump())


def found(name: str = "tiny") -> list[Problem]:
    return list(examine_study(URL, name, None).problems)


def found_problems(name: str = "tiny") -> list[tuple[str, str, str, bool]]:
    """Returns kind, place and text of each problem, and whether it is more than information."""
    return [(d.kind, d.where, d.text, not d.info_only) for d in found(name)]


def repair(name: str = "tiny") -> list[Problem]:
    """Repairs, and returns what a second check finds."""
    repair_study(URL, name, None)
    return found(name)


def stored_curve(name: str, number: int) -> dict[int, float]:
    return curve_of(open_study(open_storage(URL), name).study.trials[number])


def files() -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*")}


def test_a_sound_study_has_no_damage_and_is_not_touched() -> None:
    before = rows(), files()

    assert found("tiny") == found("pair") == []
    assert (rows(), files()) == before


def test_a_sound_study_stays_as_it_is_when_it_is_repaired() -> None:
    before = files()
    assert repair() == []
    assert files() == before


def test_a_database_that_is_damaged_itself_is_not_repaired_and_nothing_else_is_checked() -> None:
    sql("PRAGMA wal_checkpoint(TRUNCATE)")
    with Path("tiny.db").open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 4096 * 8)
    BEST.unlink()

    (only,) = repair()

    assert (only.kind, only.where, only.repair) == ("database", "tiny.db", None)
    assert only.text.startswith("SQLite says: ")
    assert only.text.endswith(
        "Restore a copy; or move it away, and rebuild each study from its folder: mv tiny.db"
        " tiny.db.damaged && hpsearch fsck NAME --rebuild; or save what can be read:"
        " sqlite3 tiny.db .recover | sqlite3 saved.db"
    )


def test_a_file_that_is_not_a_database_is_a_problem() -> None:
    Path("tiny.db").write_bytes(b"this was a database" * 100)
    Path("tiny.db-wal").unlink(missing_ok=True)
    assert "file is not a database" in found()[0].text


def test_a_row_that_cannot_be_read_is_a_problem() -> None:
    sql("UPDATE trial_user_attributes SET value_json = '{' WHERE trial_id = 1")

    ((kind, where, text, real),) = found_problems()

    assert (kind, where, real) == ("database", "database", True)
    assert text.startswith("a trial's row cannot be read (")
    assert text.endswith("restore a copy of the database")


@pytest.mark.parametrize("look", [examine_study, repair_study])
def test_a_study_whose_own_rows_cannot_be_read_is_reported_in_a_sentence(
    look: Callable[..., object],
) -> None:
    sql("UPDATE study_user_attributes SET value_json = '{' WHERE study_id = 1")
    with pytest.raises(
        SearchError,
        match=r"^the rows of the study tiny cannot be read \(.*\): restore a copy of the database$",
    ):
        look(URL, "tiny", None)


def test_a_database_that_is_locked_for_too_long_is_reported_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hpsearch.search.store.sqlite_file.BUSY_S", 0)
    with closing(sqlite3.connect("tiny.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(
            InputError, match=r"the database sqlite:///tiny\.db cannot be read: database is locked"
        ):
            examine_study(URL, "tiny", None)


def test_a_study_of_another_program_is_refused() -> None:
    optuna.create_study(storage=open_storage(URL), study_name="foreign")
    with pytest.raises(InputError, match=r"'foreign' in .* was not made by hpsearch"):
        examine_study(URL, "foreign", None)


@pytest.mark.parametrize("look", [examine_study, repair_study])
def test_what_is_not_there_is_refused_by_name(look: Callable[..., object]) -> None:
    with pytest.raises(InputError, match=r"there is no study 'tony'.*did you mean tiny\?"):
        look(URL, "tony", None)
    with pytest.raises(InputError, match=r"there is no database sqlite:///no\.db"):
        look("sqlite:///no.db", "tiny", None)
    with pytest.raises(InputError, match="not a database URL"):
        look("nonsense", "tiny", None)


def test_a_trial_that_a_dead_owner_left_running_is_no_problem() -> None:
    sql("UPDATE trials SET state = 'RUNNING' WHERE trial_id = 2")
    text = "no process runs it any more: resume continues it"
    assert found_problems() == [("unfinished", "trial 1", text, False)]


def test_the_lease_of_a_dead_owner_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "WATCH_S", 0.2)
    storage = open_storage(URL)
    take_lease(storage.engine, 1, "tiny")
    sql("UPDATE hpsearch_lease SET boot = 'an earlier boot', host = host, pid = 12345")

    ((kind, where, text, real),) = found_problems()

    assert (kind, where, real) == ("lease", "database", False)
    assert text.endswith(", pid 12345): run and resume take the study over")
    assert repair() == []


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE trials SET study_id = 99 WHERE trial_id = 2", "trial 1 is missing"),
        ("UPDATE trials SET number = 2 WHERE trial_id = 1", "trial 2 is there 2 times"),
    ],
)
def test_numbers_that_are_not_in_a_row_are_a_problem(statement: str, fault: str) -> None:
    sql(statement)

    problems = found()

    advice = "resume would mix trials up: restore a copy of the database"
    assert f"{fault}; {advice}" in [problem.text for problem in problems]
    assert {(problem.kind, problem.where, problem.repair) for problem in problems} == {
        ("numbers", "database", None)
    }


def test_a_complete_trial_without_a_value_gets_the_best_of_its_record() -> None:
    before = open_study(open_storage(URL), "tiny").study.trials
    sql("DELETE FROM trial_values WHERE trial_id = 2")
    assert found_problems() == [("value", "trial 1", "it is complete, and has no value", True)]

    assert repair() == []
    assert open_study(open_storage(URL), "tiny").study.trials == before


def test_a_complete_trial_without_a_value_is_left_when_its_record_is_damaged() -> None:
    sql("DELETE FROM trial_values WHERE trial_id = 2")
    EVENTS.write_bytes(EVENTS.read_bytes().replace(b'"step": 1', b'"step": 7'))
    assert [problem.kind for problem in repair()] == ["value", "record", "record"]


def test_a_value_that_is_not_the_best_of_the_record_is_put_right() -> None:
    before = open_study(open_storage(URL), "tiny").study.trials
    sql("UPDATE trial_values SET value = 0.125 WHERE trial_id = 2")

    ((kind, where, text, real),) = found_problems()

    assert (kind, where, real) == ("value", "trial 1", True)
    assert text.startswith("its value is 0.125, but the best in its record is 0.")
    assert repair() == []
    assert open_study(open_storage(URL), "tiny").study.trials == before


@pytest.mark.parametrize(("state", "word"), [("PRUNED", "pruned"), ("FAIL", "failed")])
def test_a_state_that_its_record_contradicts_is_put_right_in_one_repair(
    state: str, word: str
) -> None:
    before = open_study(open_storage(URL), "tiny").study.trials
    sql(f"UPDATE trials SET state = '{state}' WHERE trial_id = 2")
    sql("DELETE FROM trial_values WHERE trial_id = 2")
    sql("DELETE FROM trial_intermediate_values WHERE trial_id = 2 AND step = 2")
    text = f"it is {word} in the database, and complete in its record"
    assert found_problems() == [
        ("state", "trial 1", text, True),
        ("reports", "trial 1", "report 2 is in its record, not in the database", True),
    ]

    assert repair() == []
    assert open_study(open_storage(URL), "tiny").study.trials == before


def test_a_pruned_trial_without_any_report_is_a_problem() -> None:
    sql("UPDATE trials SET state = 'PRUNED' WHERE trial_id = 2")
    sql("DELETE FROM trial_intermediate_values WHERE trial_id = 2")
    EVENTS.unlink()
    text = "it is pruned, and there is no report to prune it by"
    assert found_problems() == [("reports", "trial 1", text, True)]


def test_a_trial_that_ran_out_of_memory_is_pruned_without_a_report() -> None:
    sql("UPDATE trials SET state = 'PRUNED' WHERE trial_id = 2")
    sql("DELETE FROM trial_intermediate_values WHERE trial_id = 2")
    sql(
        "INSERT INTO trial_user_attributes (trial_id, key, value_json)"
        " VALUES (2, 'failure_kind', '\"out of memory\"')"
    )
    EVENTS.unlink()
    assert found() == []


def test_reports_that_the_database_lacks_are_written_bit_for_bit() -> None:
    before = stored_curve("tiny", 1)
    # The epoch was trained again after a kill: its first value is the one that counts.
    EventLog(EVENTS).append(Report(2, {"val_loss": 9.0}, {"val_loss": 9.0}, 1.0))
    sql("DELETE FROM trial_intermediate_values WHERE trial_id = 2 AND step = 2")
    text = "report 2 is in its record, not in the database"
    assert found_problems() == [("reports", "trial 1", text, True)]

    assert repair() == []
    assert stored_curve("tiny", 1) == before


def test_reports_of_several_objectives_are_written_too() -> None:
    before = stored_curve("pair", 0)
    sql("DELETE FROM trial_user_attributes WHERE key = 'values_by_epoch'")
    text = "reports 1 to 2 are in its record, not in the database"
    assert found_problems("pair") == [("reports", "trial 0", text, True)]

    assert repair("pair") == []
    assert stored_curve("pair", 0) == before


def test_reports_of_an_unfinished_trial_are_left_to_resume() -> None:
    sql("UPDATE trials SET state = 'WAITING' WHERE trial_id = 2")
    sql("DELETE FROM trial_intermediate_values WHERE trial_id = 2 AND step = 2")
    text = "report 2 is in its record, not in the database: resume writes them"
    assert found_problems() == [("reports", "trial 1", text, False)]


def test_a_report_that_differs_is_put_right() -> None:
    before = stored_curve("tiny", 1)
    sql(
        "UPDATE trial_intermediate_values SET intermediate_value = 0.25"
        " WHERE trial_id = 2 AND step = 1"
    )

    ((kind, where, text, real),) = found_problems()

    assert (kind, where, real) == ("reports", "trial 1", True)
    assert text.startswith("report 1 is 0.25 in the database, 0.")
    assert text.endswith(" in its record")
    assert repair() == []
    assert stored_curve("tiny", 1) == before


TAMPERED = {
    "UPDATE trial_values SET value = 0.0001 WHERE trial_id = 2": "its value is 0.0001 in the",
    "UPDATE trial_intermediate_values SET intermediate_value = 0.25 WHERE trial_id = 2": (
        "report 1 is 0.25 in the database, 0."
    ),
    "UPDATE trials SET state = 'PRUNED' WHERE trial_id = 2": (
        "it is pruned in the database, complete in its record"
    ),
    "UPDATE trial_params SET param_value = 3 WHERE trial_id = 2": (
        "the files in its folder belong to other parameters"
    ),
}


@pytest.mark.parametrize(("statement", "words"), TAMPERED.items())
def test_a_value_that_its_record_contradicts_is_not_shown(
    statement: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sql(statement)
    study = open_study(read_storage(URL), "tiny").record()
    assert study.trials[1].contradiction.startswith(words)
    assert (study.trials[1].values, study.trials[1].values_by_epoch) == (None, {})
    assert study.best is not None
    assert study.best.number != 1
    assert study.unproved == ()

    line = (
        f"the values of trial 1 ({study.trials[1].contradiction}) are neither shown nor"
        " learned from: hpsearch fsck tiny"
    )
    for command in (["list"], ["best", "tiny"], ["status", "tiny"], ["show", "tiny", "1"]):
        assert main([*command, "--storage", URL]) == 0
        said = capsys.readouterr()
        words = (
            line
            if command[0] != "show"
            else f"its values are not shown: {study.trials[1].contradiction}"
        )
        assert words in " ".join((said.out + said.err).split())
    shown = AnnotatedStorage(open_to_read(URL)).get_all_trials(1)
    assert [trial.state.name for trial in shown] == ["COMPLETE", "FAIL", "COMPLETE"]
    assert shown[1].values is None


@pytest.mark.parametrize("statement", TAMPERED)
def test_a_resumed_search_learns_nothing_from_a_value_that_its_record_contradicts(
    statement: str,
) -> None:
    sql(statement)
    before = trial_row(1)
    watcher = Watcher()

    outcome = run_inline(
        spec_of("tiny", {"val_loss": "minimize"}, 3, "watching_sampler.WatchingSampler"),
        URL,
        observer=watcher,
        add=1,
        accept_changes=True,
    )

    seen = WatchingSampler.seen[1]
    assert (seen.state, seen.values, seen.intermediate_values) == (TrialState.FAIL, None, {})
    assert [trial.state.name for trial in WatchingSampler.seen] == ["COMPLETE", "FAIL", "COMPLETE"]
    words = f"the values of trial 1 ({outcome.study.trials[1].contradiction}) are neither shown nor"
    assert [note for note in watcher.notes if "values of trial" in note] == [
        f"{words} learned from: hpsearch fsck tiny"
    ]
    assert trial_row(1) == before, "what the database has is left to fsck"


def test_the_files_of_a_value_that_is_not_believed_are_kept() -> None:
    """They may belong to the trial that has the value."""
    sql("UPDATE trial_values SET value = 9.0 WHERE trial_id = 2")
    sql("UPDATE trial_params SET param_value = 3 WHERE trial_id = 1")
    before = {path: path.read_bytes() for path in Path("runs/tiny").glob("trial-000[01]/*.*")}

    resume_inline("tiny", URL, add=1)
    prune_checkpoints(open_study(open_storage(URL), "tiny"), 1)

    after = {path: path.read_bytes() for path in Path("runs/tiny").glob("trial-000[01]/*.*")}
    assert after == before
    assert [problem for problem in repair() if not problem.info_only] == []


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "UPDATE study_directions SET direction = 'MAXIMIZE' WHERE study_id = 1",
            "the database says maximize for val_loss, the study file minimize: hpsearch fsck tiny",
        ),
        (
            "UPDATE study_user_attributes SET value_json ="
            " replace(value_json, 'max_epochs\\\": 2', 'max_epochs\\\": 7')"
            " WHERE study_id = 1 AND key = 'hpsearch:document'",
            "the study file of tiny was changed in the database since its trials were trained:",
        ),
    ],
    ids=["direction", "study file"],
)
def test_a_study_that_somebody_changed_is_not_continued(statement: str, words: str) -> None:
    sql(statement)
    with pytest.raises(InputError, match=words):
        resume_inline("tiny", URL, add=1)


def test_an_attribute_that_nobody_can_read_is_a_problem() -> None:
    sql("UPDATE trial_user_attributes SET value_json = '7' WHERE trial_id = 2 AND key = 'attempts'")
    ((kind, where, text, real),) = found_problems()
    assert (kind, where, real) == ("attribute", "database", True)
    assert "the attribute attempts of trial 1 is 7, which hpsearch did not write" in text


def test_a_trial_that_continues_takes_its_values_from_its_record() -> None:
    """Somebody changed a report, and with it what a pruner would compare."""
    before = stored_curve("tiny", 1)
    sql("DELETE FROM trial_values WHERE trial_id = 2")
    sql(
        "UPDATE trial_intermediate_values SET intermediate_value = 0.25"
        " WHERE trial_id = 2 AND step = 1"
    )
    sql("UPDATE trials SET state = 'WAITING' WHERE trial_id = 2")

    study = resume_inline("tiny", URL).study

    assert study.contradictions == {}
    assert stored_curve("tiny", 1) == study.trials[1].values_by_epoch == before
    assert study.trials[1].values == (min(before.values()),)


def trial_row(number: int) -> tuple[TrialState, object, dict[int, float]]:
    trial = open_study(read_storage(URL), "tiny").study.trials[number]
    return trial.state, trial.params, trial.intermediate_values


def test_a_pipe_in_the_place_of_a_file_is_named_and_never_opened(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for path in (EVENTS, BEST, EVENTS.with_name("output.txt")):
        path.unlink(missing_ok=True)
        os.mkfifo(path)
    for command in (["status", "tiny"], ["show", "tiny", "1"], ["list"]):
        assert main([*command, "--storage", URL]) == 0
    assert "only the database has the values of trial 1" in capsys.readouterr().out
    assert main(["logs", "tiny", "1", "--storage", URL]) == 2
    assert "output.txt is a pipe, not a file" in capsys.readouterr().err

    pipes = [(d.where, d.text) for d in found() if d.kind == "file"]

    assert pipes == [
        (f"trial-0001/{name}", "it is a pipe, not a file")
        for name in ("events.jsonl", "output.txt", "best.ckpt")
    ]
    assert [d.kind for d in repair()] == ["record"]
    assert EVENTS.with_name("events.jsonl.damaged").is_fifo()


def test_two_folders_that_were_swapped_are_where_they_belong_after_two_repairs() -> None:
    before = {path: path.read_bytes() for path in Path("runs/tiny").rglob("events.jsonl")}
    Path("runs/tiny/trial-0000").rename("runs/tiny/swapped")
    Path("runs/tiny/trial-0001").rename("runs/tiny/trial-0000")
    Path("runs/tiny/swapped").rename("runs/tiny/trial-0001")

    left = [problem for problem in repair() if problem.repair is not None]

    assert [(d.where, d.text) for d in left] == [
        ("trial-0000", "its folder is orphans/trial-0001.another-trial"),
        ("trial-0001", "its folder is orphans/trial-0000.another-trial"),
    ]
    assert repair() == []
    assert {path: path.read_bytes() for path in Path("runs/tiny").rglob("events.jsonl")} == before


def test_the_folder_of_the_original_is_not_repaired_with_a_copy_of_its_database() -> None:
    sql("DELETE FROM trials WHERE number = 2")
    shutil.copy("tiny.db", "copy.db")
    with pytest.raises(
        InputError, match=r"belongs to the database .*tiny\.db, of which copy\.db is"
    ):
        repair_study("sqlite:///copy.db", "tiny", None)
    assert Path("runs/tiny/trial-0002").is_dir()


def test_a_value_without_a_record_is_shown_as_the_databases_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    EVENTS.unlink()
    assert main(["status", "tiny", "--storage", URL]) == 0
    assert "record    only the database has the values of trial 1" in capsys.readouterr().out
    shutil.rmtree("runs")
    assert main(["status", "tiny", "--storage", URL]) == 0
    words = "record    not here, so only the database has the values"
    assert words in capsys.readouterr().out


def test_an_epoch_that_was_trained_again_with_another_value_is_no_problem() -> None:
    again = Report(2, {"val_loss": 9.0}, {"val_loss": 9.0}, 1.0)
    EventLog(EVENTS).append(again)
    assert found() == []


def test_a_damaged_line_of_a_record_is_counted_and_for_information() -> None:
    EVENTS.write_bytes(EVENTS.read_bytes().replace(b'"step": 1', b'"step": 7'))
    assert found_problems() == [
        ("record", "trial 1", "left out of its record: 1 damaged line", False),
        ("record", "trial 1", "report 1 is in the database alone, not in its record", False),
    ]


def test_a_nonsense_line_without_a_checksum_is_a_damaged_line() -> None:
    odd = {"kind": "Report", "step": "two", "values": [], "metrics": {}, "seconds": 0}
    with EVENTS.open("a") as file:
        file.write(json.dumps(odd) + "\n")
    assert [text for _, _, text, _ in found_problems()] == [
        "left out of its record: 1 damaged line"
    ]


def test_a_record_that_is_gone_is_for_information() -> None:
    EVENTS.unlink()
    text = "its record is gone: its 2 reports cannot be compared"
    assert found_problems() == [("record", "trial 1", text, False)]


def test_a_run_folder_that_is_gone_is_reported_once() -> None:
    shutil.rmtree("runs")
    folder = Path("runs/tiny").absolute()
    text = f"{folder} is not there, so no file was checked: name its parent with --runs"
    assert found_problems() == [("folder", "run folder", text, False)]


def test_a_run_folder_that_has_moved_is_found_where_it_is_said_to_be() -> None:
    shutil.move("runs", "moved")
    assert examine_study(URL, "tiny", Path("moved")).problems == ()


def change_a_byte() -> None:
    data = bytearray(BEST.read_bytes())
    data[len(data) // 2] ^= 1
    BEST.unlink()
    BEST.write_bytes(data)


def write_sidecar(text: str) -> None:
    BEST.with_suffix(".json").unlink()
    BEST.with_suffix(".json").write_text(text)


def give_it_to_another_trial() -> None:
    facts = json.loads(BEST.with_suffix(".json").read_text())
    write_sidecar(json.dumps({**facts, "owner": "tiny, trial 2", "trial": 2}))


@pytest.mark.parametrize(
    ("problem", "fault"),
    [
        (change_a_byte, "its bytes are not those written after epoch "),
        (lambda: os.truncate(BEST, 100), "it has 100 of "),
        (lambda: BEST.unlink(), "best.json exists without it"),
        (
            lambda: BEST.with_suffix(".json").unlink(),
            "best.json is missing, so nothing says whether it is whole",
        ),
        (lambda: write_sidecar("[]"), "best.json cannot be read"),
        (lambda: write_sidecar('{"sha25'), "best.json cannot be read"),
        (
            give_it_to_another_trial,
            "it belongs to another trial or another study (tiny, trial 2)",
        ),
    ],
    ids=["byte", "cut", "no checkpoint", "no sidecar", "list", "torn sidecar", "another's"],
)
def test_a_checkpoint_that_is_not_whole_is_set_aside(
    problem: Callable[[], None], fault: str
) -> None:
    problem()
    there = {path.name: path.read_bytes() for path in BEST.parent.glob("best.*")}

    (only,) = found()
    assert (only.kind, only.where) == ("checkpoint", "trial-0001/best.ckpt")
    assert only.text.startswith(fault)

    assert repair() == []
    aside = {path.name: path.read_bytes() for path in BEST.parent.glob("best.*")}
    assert aside == {f"{name}.damaged": data for name, data in there.items()}


def test_what_is_set_aside_a_second_time_replaces_nothing() -> None:
    whole = BEST.read_bytes(), BEST.with_suffix(".json").read_bytes()
    change_a_byte()
    repair()
    BEST.write_bytes(whole[0][:7])
    BEST.with_suffix(".json").write_bytes(whole[1])
    repair()
    names = {path.name for path in BEST.parent.glob("best.*")}
    assert names == {
        *("best.ckpt.damaged", "best.ckpt.damaged-2"),
        *("best.json.damaged", "best.json.damaged-2"),
    }


def test_leftovers_of_a_killed_process_are_removed_and_files_of_the_user_stay() -> None:
    folder = BEST.parent
    for name in ("last.tmp", "last.json.tmp", "best.keep", "confusion.json.tmp", "mine.tmp"):
        (folder / name).write_bytes(b"1234")

    problems = found()
    assert {problem.where for problem in problems} == {
        f"trial-0001/{name}"
        for name in ("last.tmp", "last.json.tmp", "best.keep", "confusion.json.tmp")
    }
    text = "left by a process that was killed while it wrote (4 bytes)"
    assert {problem.text for problem in problems} == {text}

    assert repair() == []
    assert [path.name for path in folder.glob("*.tmp")] == ["mine.tmp"]


def test_folders_of_trials_that_the_database_does_not_have_are_moved_not_removed() -> None:
    for word in ("first", "second"):
        orphan = Path("runs/tiny/trial-0007")
        orphan.mkdir()
        (orphan / "word").write_text(word)
        assert found_problems() == [("orphan", "trial-0007", "the database has no trial 7", True)]
        assert repair() == []
    orphans = Path("runs/tiny/orphans")
    assert (orphans / "trial-0007" / "word").read_text() == "first"
    assert (orphans / "trial-0007-2" / "word").read_text() == "second"


def test_folders_with_other_names_are_ignored() -> None:
    for name in ("trial-7", "trial-0007.old", "notes"):
        Path("runs/tiny", name).mkdir()
    assert found() == []


@pytest.mark.parametrize("look", [examine_study, repair_study])
def test_a_run_folder_of_another_study_is_refused(look: Callable[..., object]) -> None:
    Path("runs/tiny/study.json").write_text('{"id": "another"}')
    with pytest.raises(InputError, match="runs/tiny holds trials of another study of this name"):
        look(URL, "tiny", None)


@pytest.mark.parametrize("text", ["\0" * 900, "[]"])
def test_a_damaged_owner_file_is_like_a_missing_one_and_written_again(text: str) -> None:
    owner_file = Path("runs/tiny/study.json")
    whole = owner_file.read_text()
    owner_file.write_text(text)
    assert main(["status", "tiny", "--storage", URL]) == 0

    assert [(d.kind, d.where, d.text) for d in found()] == [
        ("file", "study.json", "it is damaged, and a lost database is rebuilt from it")
    ]
    assert repair() == []
    assert owner_file.read_text() == whole
    assert Path("runs/tiny/study.json.damaged").read_text() == text

    owner_file.unlink()
    assert [d.text for d in found()] == ["it is missing, and a lost database is rebuilt from it"]
    assert repair() == []
    assert owner_file.read_text() == whole


def test_a_resumed_search_says_once_that_an_owner_file_was_damaged() -> None:
    owner_file = Path("runs/tiny/study.json")
    owner_file.unlink()
    owner_file.mkdir()

    watcher = Watcher()
    resume_inline("tiny", URL, observer=watcher)

    assert [note for note in watcher.notes if "study.json" in note] == [
        f"{owner_file.absolute()} was damaged and is written again; the records of the trials say"
        " that the folder is this study's"
    ]
    assert Path("runs/tiny/study.json.damaged").is_dir()
    assert found() == []


@pytest.mark.parametrize("look", [examine_study, repair_study])
def test_beside_a_damaged_owner_file_the_trials_say_whose_folder_it_is(
    look: Callable[..., object],
) -> None:
    shutil.rmtree("runs/tiny")
    shutil.copytree("runs/pair", "runs/tiny")
    Path("runs/tiny/study.json").write_text("{")
    with pytest.raises(InputError, match=r"another study of this name \(id \w+\), which is not in"):
        look(URL, "tiny", None)

    for events in Path("runs/tiny").rglob("events.jsonl"):
        events.write_bytes(bytes(900))
        (events.parent / "params.yaml").unlink()
    with pytest.raises(InputError, match=r"nothing in it says whose .* write into .*: {") as caught:
        look(URL, "tiny", None)
    Path("runs/tiny/study.json").write_text(re.findall("{.*}", str(caught.value))[0])
    look(URL, "tiny", None)


def test_unfinished_trials_of_a_running_search_are_not_checked() -> None:
    take_lease(open_storage(URL).engine, 1, "tiny")
    sql("UPDATE trials SET state = 'RUNNING' WHERE trial_id = 2")
    sql("DELETE FROM trial_intermediate_values WHERE step = 2")
    change_a_byte()

    report = examine_study(URL, "tiny", None)

    assert str(report.owner).endswith(f", pid {os.getpid()}")
    assert report.trials == 2
    assert [problem.where for problem in report.problems] == ["trial 0", "trial 2"]


def test_a_checkpoint_that_a_run_removes_meanwhile_is_no_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def open_too_late(file: BufferedReader, _: str) -> None:
        path = Path(file.name)
        path.unlink()
        path.with_suffix(".json").unlink()
        raise FileNotFoundError

    monkeypatch.setattr("hashlib.file_digest", open_too_late)

    assert found() == []
    assert not BEST.exists()


def test_during_a_search_only_what_is_seen_twice_is_a_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[str] = []
    real = hashlib.file_digest

    def changed_at_first(file: BufferedReader, kind: str) -> object:
        looks.append(file.name)
        return hashlib.sha256() if looks.count(file.name) == 1 else real(file, kind)

    monkeypatch.setattr("hashlib.file_digest", changed_at_first)
    take_lease(open_storage(URL).engine, 1, "tiny")

    assert found() == []
    assert len(looks) == 2 * len(set(looks)) > 0


def test_a_study_that_is_being_run_is_not_repaired() -> None:
    take_lease(open_storage(URL).engine, 1, "tiny")
    change_a_byte()
    before = files()

    with pytest.raises(
        InputError, match=rf"the study tiny is being run by another process \(.*, pid {os.getpid()}"
    ):
        repair_study(URL, "tiny", None)

    assert files() == before


def test_a_study_has_no_owner_after_a_repair() -> None:
    repair()
    take_lease(open_storage(URL).engine, 1, "tiny").release()


def test_a_study_that_is_taken_over_meanwhile_is_left_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change_a_byte()
    before = files()
    monkeypatch.setattr("hpsearch.search.store.lease.Lease.hold", lambda *_: False)

    with pytest.raises(
        SearchError, match="another process has taken this study over; nothing was repaired"
    ):
        repair_study(URL, "tiny", None)

    assert files() == before
