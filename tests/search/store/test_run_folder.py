"""Where a study's trials are, when projects are moved, copied, linked or overwritten."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from scripted import report
from users import as_another_user

from hpsearch.errors import InputError
from hpsearch.protocol.events import EventLog
from hpsearch.protocol.job import identity_of
from hpsearch.search.store import (
    claim_folder,
    close_all,
    create_study,
    find_runs,
    open_storage,
    open_study,
    own_reports,
    read_owner_file,
)
from hpsearch.studyfile.study import StudySpec

SPEC = StudySpec.from_document(
    {
        "study": {"name": "tiny", "objective": {"score": "maximize"}, "trials": 1},
        "model": {"class_path": "a.Model", "init_args": {"x": "~float(0, 1)"}},
        "data": {"class_path": "a.Data"},
        "trainer": {"max_epochs": 1},
    }
)


def make(project: Path, runs: Path | None = None, paths: tuple[str, ...] = ()) -> optuna.Study:
    """Makes a project: a study, and a folder that it has claimed."""
    project.mkdir(parents=True)
    if runs is not None:
        runs.mkdir()
        (project / "runs").symlink_to(runs)
    spec = replace(SPEC, import_paths=paths)
    create_study(spec, open_storage(f"sqlite:///{project}/study.db"), project / "runs")
    study = study_of(project)
    (claim_folder(study, find_runs(study, None)) / "trial-0000").mkdir()
    close_all()
    return study


def study_of(project: Path) -> optuna.Study:
    return open_study(open_storage(f"sqlite:///{project}/study.db"), "tiny").study


def test_a_project_that_was_moved_has_its_folder_beside_it(tmp_path: Path) -> None:
    make(tmp_path / "before")
    (tmp_path / "before").rename(tmp_path / "after")

    study = study_of(tmp_path / "after")
    runs = find_runs(study, None)
    assert runs == tmp_path / "after" / "runs"
    assert claim_folder(study, runs) == runs / "tiny"


@pytest.mark.parametrize("linked", [False, True])
def test_a_copy_never_uses_the_folder_of_its_original(tmp_path: Path, linked: bool) -> None:
    """Not even where `runs` is a link, which the copy has, too."""
    elsewhere = tmp_path / "disk" if linked else None
    make(tmp_path / "original", elsewhere)
    shutil.copytree(tmp_path / "original", tmp_path / "copy", symlinks=True)

    study = study_of(tmp_path / "copy")
    mine = claim_folder(study, find_runs(study, None))
    assert mine.resolve().is_relative_to(tmp_path / "copy")
    with pytest.raises(InputError, match=r"belongs to the database .*/original/study\.db, of"):
        claim_folder(study, tmp_path / "original" / "runs")

    original = study_of(tmp_path / "original")
    theirs = claim_folder(original, find_runs(original, None))
    assert theirs.samefile(tmp_path / "original" / "runs" / "tiny")


@pytest.mark.parametrize("code", ["net.py", "src/net.py", "src/nets/__init__.py"])
def test_a_copied_project_trains_its_own_code_and_a_database_alone_the_original(
    tmp_path: Path, code: str
) -> None:
    folder = Path("src" if code.startswith("src") else "")
    original, copy, alone = (tmp_path / name for name in ("original", "copy", "alone"))
    make(original, paths=(str(original / folder),))
    (original / code).parent.mkdir(parents=True, exist_ok=True)
    (original / code).touch()
    shutil.copytree(original, copy)
    alone.mkdir()
    shutil.copy(original / "study.db", alone)

    def paths_of(project: Path) -> tuple[str, ...]:
        return open_study(open_storage(f"sqlite:///{project}/study.db"), "tiny").spec.import_paths

    assert paths_of(original) == paths_of(alone) == (str(original / folder),)
    assert paths_of(copy) == (str(copy / folder),)
    close_all()
    shutil.rmtree(original)
    assert paths_of(copy) == (str(copy / folder),)


def test_runs_of_another_machine_in_their_place_are_named(tmp_path: Path) -> None:
    here, other = make(tmp_path / "here"), make(tmp_path / "other")
    shutil.rmtree(tmp_path / "here" / "runs")
    shutil.copytree(tmp_path / "other" / "runs", tmp_path / "here" / "runs")

    study = study_of(tmp_path / "here")
    theirs = other.user_attrs["hpsearch:id"]
    assert theirs != here.user_attrs["hpsearch:id"]
    with pytest.raises(InputError, match=rf"another study of this name \(id {theirs}\), which is"):
        claim_folder(study, find_runs(study, None))


def test_a_trial_of_another_machine_among_the_own_ones_shows_nothing(tmp_path: Path) -> None:
    params = {"model.x": 0.5}
    folder = tmp_path / "trial-0000"
    folder.mkdir()
    EventLog(folder / "events.jsonl", identity_of("theirs", 0, params, 1)).append(report(1, 0.9))

    assert own_reports(folder, "ours", 0, params) == []
    assert [each.values for each in own_reports(folder, "theirs", 0, params)] == [{"score": 0.9}]


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({"id": "one", "attributes": [1]}, {}),
        ({"id": "one", "trials": "all"}, {}),
        ({"id": "one", "database": 5}, {"id": "one", "database": 5}),
        ({"name": "no id"}, {}),
        ({"id": 5}, {}),
        ([], {}),
    ],
)
def test_an_owner_file_of_another_shape_is_ignored(
    tmp_path: Path, facts: dict[str, Any], found: dict[str, Any]
) -> None:
    (tmp_path / "study.json").write_text(json.dumps(facts))
    assert read_owner_file(tmp_path) == found


def test_a_repeated_line_counts_once_and_a_torn_one_not_at_all(tmp_path: Path) -> None:
    params, file = {"model.x": 0.5}, tmp_path / "events.jsonl"
    log = EventLog(file, identity_of("ours", 0, params, 1))
    for step in (1, 2, 3):
        log.append(report(step, step / 4))
    owner, *lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(owner + lines[0] + lines[1] + lines[1] + lines[2][:-20])

    found = {each.step: each.values for each in own_reports(tmp_path, "ours", 0, params)}
    assert found == {1: {"score": 0.25}, 2: {"score": 0.5}}


@pytest.mark.parametrize("closed", ["runs", "runs/tiny", "."])
def test_a_study_whose_folder_this_user_may_not_enter_is_read_without_it(
    tmp_path: Path, closed: str
) -> None:
    """Of a colleague's study in the team's database, the files are in a home that is closed."""
    project = tmp_path / "theirs"
    make(project)
    for file in project.glob("study.db*"):
        file.rename(tmp_path / file.name)
    study = open_study(open_storage(f"sqlite:///{tmp_path}/study.db"), "tiny")
    (project / closed).chmod(0)
    try:
        with as_another_user():
            assert find_runs(study.study, None) == project / "runs", "so that nothing starts anew"
            assert study.record().unproved is None
    finally:
        (project / closed).chmod(0o755)
