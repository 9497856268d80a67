"""The database as the dashboard sees it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.artifacts.exceptions import ArtifactNotFound
from optuna.trial import TrialState
from optuna_dashboard._note import get_note_from_system_attrs
from scripted import report

from hpsearch.protocol.events import EventLog
from hpsearch.protocol.job import identity_of
from hpsearch.search.store.database import open_storage
from hpsearch.search.store.keys import DOCUMENT, ID, RUNS
from hpsearch.views.dashboard.artifacts import TrialFiles, artifact_id
from hpsearch.views.dashboard.storage import (
    AnnotatedStorage,
    choose_annotated,
    from_its_beginning,
    open_to_read,
)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database with a study of ours, whose trial 0 is complete and whose trial 1 runs."""
    url = f"sqlite:///{tmp_path / 'a.db'}"
    storage = open_storage(url)
    study = optuna.create_study(storage=storage, study_name="ours")
    document: dict[str, Any] = {"study": {"objective": {"score": "minimize"}}}
    study.set_user_attr(DOCUMENT, json.dumps(document))
    study.set_user_attr(RUNS, str(tmp_path / "runs"))
    study.set_user_attr(ID, "1d")
    study.tell(study.ask(), 0.5)
    study.ask()
    folder = tmp_path / "runs" / "ours" / "trial-0000"
    folder.mkdir(parents=True)
    EventLog(folder / "events.jsonl", identity_of("1d", 0, {}, 3)).append(report(1, 0.5))
    return url


def note(storage: AnnotatedStorage, trial: int) -> str:
    frozen = storage.get_all_trials(1)[trial]
    body: str = get_note_from_system_attrs(storage.get_study_system_attrs(1), frozen._trial_id)[
        "body"
    ]
    return body


def test_every_trial_has_a_note_that_is_in_no_database(url: str) -> None:
    storage = AnnotatedStorage(open_to_read(url))
    assert note(storage, 0).startswith("**Complete**: `score` 0.5000")
    assert note(storage, 1).startswith("**Waiting**"), "nobody owns the study"
    (study,) = storage.get_all_studies()
    assert study.system_attrs == storage.get_study_system_attrs(1)
    assert not [
        key for key in open_storage(url).get_study_system_attrs(1) if key.startswith("dashboard")
    ]


def test_the_study_has_its_file_as_a_note_and_no_json_beside_it(url: str) -> None:
    open_storage(url).set_study_user_attr(1, "mine", 3)
    (study,) = AnnotatedStorage(open_to_read(url)).get_all_studies()
    assert study.user_attrs == {"mine": 3}
    body = get_note_from_system_attrs(study.system_attrs, None)["body"]
    assert body.startswith("```yaml\nstudy:\n  objective:\n    score: minimize\n```")
    assert "files of its trials: `" in body


def test_a_note_follows_its_trial(url: str) -> None:
    storage = AnnotatedStorage(open_to_read(url))
    assert note(storage, 1).startswith("**Waiting**")
    optuna.load_study(study_name="ours", storage=url).tell(1, 0.25)
    assert note(storage, 1).startswith("**Complete**: `score` 0.2500")


def test_a_note_that_a_person_wrote_stays(url: str) -> None:
    writer = open_storage(url)
    writer.set_study_system_attr(1, "dashboard:1:note_ver", 1)
    writer.set_study_system_attr(1, "dashboard:1:note_str:0", "mine")
    assert note(AnnotatedStorage(open_to_read(url)), 0) == "mine"


def test_nothing_can_be_written_through_it(url: str) -> None:
    storage = AnnotatedStorage(open_to_read(url))
    with pytest.raises(optuna.exceptions.StorageInternalError):
        storage.set_study_user_attr(1, "a", 1)
    with pytest.raises(optuna.exceptions.StorageInternalError):
        storage.delete_study(1)
    assert [study.study_name for study in open_storage(url).get_all_studies()] == ["ours"]


def test_a_study_of_another_program_is_shown_as_it_is(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'b.db'}"
    optuna.create_study(storage=url, study_name="other").ask()
    storage = AnnotatedStorage(open_to_read(url))
    assert storage.get_study_system_attrs(1) == {}
    assert [study.study_name for study in storage.get_all_studies()] == ["other"]


def test_files_are_made_when_they_are_asked_for(url: str) -> None:
    files = TrialFiles(open_to_read(url))
    assert files.open_reader(artifact_id(1, 0, 0)).read() == b"epoch,score\n1,0.5\n"
    assert b"<svg" in files.open_reader(artifact_id(1, 0, 1)).read()


def test_a_confusion_matrix_is_shown_below_the_curves_where_a_trial_kept_one(
    url: str, tmp_path: Path
) -> None:
    before = AnnotatedStorage(open_to_read(url))
    assert "![learning curves]" in note(before, 0)
    artifacts = [
        value for key, value in before.get_study_system_attrs(1).items() if "artifacts" in key
    ]
    assert "confusion" not in note(before, 0) + str(artifacts)
    kept = {"classes": ["<b>", "$x"], "confusion": [[31, 17], [0, 0]]}
    file = tmp_path / "runs" / "ours" / "trial-0000" / "confusion.json"
    file.write_text(json.dumps(kept))

    after = AnnotatedStorage(open_to_read(url))
    assert (
        "![learning curves](/artifacts/1/1/1-0-1)\n\n![confusion matrix](/artifacts/1/1/1-0-2)"
        in (note(after, 0))
    )
    assert "dashboard:artifacts:1:1-0-2" in after.get_study_system_attrs(1)
    picture = TrialFiles(open_to_read(url)).open_reader(artifact_id(1, 0, 2)).read().decode()
    for word in ("31", "17", "$x", "&lt;b&gt;", "predicted"):
        assert f"<!-- {word} -->" in picture


@pytest.mark.parametrize("name", ["1-0-9", "1-0-2", "7-0-0", "1-0", "x-y-z", "1-0-0-0", ""])
def test_a_file_there_is_none_of_is_not_found(url: str, name: str) -> None:
    with pytest.raises(ArtifactNotFound, match="there is no file"):
        TrialFiles(open_to_read(url)).open_reader(name)


def test_another_trials_files_are_not_shown(url: str, tmp_path: Path) -> None:
    """As after restoring a backup of the database, when numbers were assigned again."""
    file = tmp_path / "runs" / "ours" / "trial-0000" / "events.jsonl"
    for owner in (("another", 0, {}, 3), ("1d", 1, {}, 3), ("1d", 0, {"x": 1.0}, 3)):
        file.unlink()
        EventLog(file, identity_of(*owner)).append(report(1, 0.25))
        shown = AnnotatedStorage(open_to_read(url))
        assert "learning curves" not in note(shown, 0) + str(shown.get_study_system_attrs(1))
        with pytest.raises(ArtifactNotFound):
            TrialFiles(open_to_read(url)).open_reader(artifact_id(1, 0, 0))


def test_a_project_that_was_moved_shows_its_curves(tmp_path: Path, url: str) -> None:
    there, moved = [*tmp_path.iterdir()], tmp_path / "moved"
    moved.mkdir()
    for path in there:
        path.rename(moved / path.name)

    shown = AnnotatedStorage(open_to_read(f"sqlite:///{moved / 'a.db'}"))
    assert "![learning curves]" in note(shown, 0)


def test_files_cannot_be_written_or_removed(url: str) -> None:
    files = TrialFiles(open_to_read(url))
    with pytest.raises(PermissionError, match="cannot be removed: the dashboard only shows"):
        files.remove("1-0-0")
    with pytest.raises(PermissionError, match="cannot be written: the dashboard only shows"):
        files.write("1-0-0", files.open_reader("1-0-0"))


def test_of_many_trials_the_best_and_the_newest_are_annotated() -> None:
    trials = [optuna.trial.create_trial(value=float(number)) for number in range(1000)]
    few, most = trials[:200], trials[900:]
    assert choose_annotated(few, "minimize") == few
    assert choose_annotated(trials, "minimize") == [*trials[:100], *most]
    assert choose_annotated(trials, "maximize") == [*reversed(trials[800:900]), *most]


def test_a_trial_begins_with_its_first_attempt() -> None:
    at = datetime(2026, 1, 1, 12, 0, 0)
    attempts = [{"started": (at - timedelta(minutes=5)).astimezone(UTC).isoformat()}]
    trial = optuna.trial.create_trial(state=TrialState.PRUNED, user_attrs={"attempts": attempts})
    trial.datetime_start, trial.datetime_complete = at, at
    assert from_its_beginning(trial).datetime_start == at - timedelta(minutes=5)
    assert trial.datetime_start == at
    trial.user_attrs.clear()
    assert from_its_beginning(trial) is trial
