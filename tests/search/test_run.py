"""From a study file, or a database alone, to the end of a search: in this process."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from inline import resume_inline, run_inline
from scripted import Watcher

from hpsearch.classes import environment
from hpsearch.errors import InputError
from hpsearch.search.run import SearchOutcome
from hpsearch.search.store.database import close_all, open_storage
from hpsearch.search.store.load import load_record, open_study
from hpsearch.studyfile.diagnostics import StudyFileError
from hpsearch.studyfile.read import read_study
from hpsearch.studyfile.study import StudySpec
from hpsearch.views.ranking import epochs_words, opening_line, progress_line
from hpsearch.views.tables.environments import environment_lines
from hpsearch.views.winner import study_file

URL = "sqlite:///tiny.db"
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
trainer: {max_epochs: 1}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "study.yaml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(*changes: str) -> StudySpec:
    return read_study("study.yaml", changes)


def run(*changes: str, **options: Any) -> SearchOutcome:
    return run_inline(read(*changes), URL, **options)


def test_the_same_call_again_trains_nothing(here: Path) -> None:
    first = run()
    folders = {path: path.stat().st_mtime_ns for path in here.glob("runs/tiny/*/*")}

    second = run()

    assert first.study.state == second.study.state == "done"
    assert second.study.trials == first.study.trials
    assert {path: path.stat().st_mtime_ns for path in here.glob("runs/tiny/*/*")} == folders


@pytest.mark.parametrize(
    ("given", "trials"),
    [({"trials": 3}, 3), ({"add": 2}, 4), ({"trials": 1}, 2)],
    ids=["in all", "more", "fewer than there are"],
)
def test_trials_is_the_total_and_add_is_more(
    here: Path, given: dict[str, int], trials: int
) -> None:
    run()

    assert len(run(**given).study.trials) == trials


def test_a_total_that_was_raised_is_kept_and_one_that_was_lowered_was_for_once(
    here: Path,
) -> None:
    assert run(trials=1).study.budget == 1
    assert run().study.budget == 2
    assert run(add=1).study.budget == 3
    assert run().study.budget == 3
    assert run("study.trials=4").study.budget == 4


def test_trials_are_not_added_by_a_search_that_cannot_train(here: Path) -> None:
    class Unusable(Watcher):
        def started(self, *_: Any) -> None:
            raise InputError("no node is left that can train this study")

    run()
    for _ in range(2):
        with pytest.raises(InputError, match="no node is left"):
            run(add=2, observer=Unusable())
    assert load_record(open_storage(URL), "tiny").budget == 2


def test_nothing_can_be_added_to_a_whole_grid(here: Path) -> None:
    grid = ("study.sampler=grid", "model.width=~choice(2, 3, 4)")
    assert len(run(*grid, trials=2).study.trials) == 2
    assert len(run(*grid, add=9).study.trials) == 3
    with pytest.raises(InputError) as refused:
        run(*grid, add=1)
    assert str(refused.value) == (
        "tiny has a trial for each setting of its grid (3) already: leave out --add, or search a"
        " wider grid in a study of another name"
    )
    assert len(run(*grid).study.trials) == 3


def test_resume_needs_the_database_only(here: Path) -> None:
    run(trials=1)
    (here / "study.yaml").unlink()

    outcome = resume_inline("tiny", URL, trials=2)

    assert outcome.study.counts["complete"] == 2


def test_a_search_whose_epochs_are_spent_is_done_until_it_has_more(here: Path) -> None:
    class Never(Watcher):
        def started(self, *_: Any) -> None:
            raise AssertionError("it trains")

    first = run("study.trials=9", "study.epochs=3")
    assert (len(first.study.trials), first.study.state) == (3, "done")
    assert progress_line(first.study) == "3 done, its 3 epochs are spent"

    again = resume_inline("tiny", URL, observer=(view := Never()))
    assert (again.study.state, len(again.study.trials)) == ("done", 3)
    assert len(run("study.trials=9", "study.epochs=3", add=2, observer=view).study.trials) == 3
    assert epochs_words(again.study) == (
        "3 of 3 trained; for more, raise `epochs` in the study file and run it again"
    )

    assert opening_line(again.study).endswith("run it again)")

    more = run("study.trials=9", "study.epochs=5", trials=4).study
    assert (len(more.trials), more.state, progress_line(more)) == (4, "done", "4 done, 0 to go")
    assert len(run("study.trials=9", "study.epochs=5").study.trials) == 5


def test_a_search_ends_after_its_time(here: Path) -> None:
    outcome = run(timeout_s=1e-6)

    assert outcome.study.trials == ()
    assert outcome.study.state == "new"
    assert not outcome.interrupted


@pytest.mark.parametrize("change", ["study.sampler=tpe", "study.pruner=median", "study.trials=9"])
def test_how_the_search_chooses_may_change(here: Path, change: str) -> None:
    run(trials=1)

    assert len(run(change, trials=2).study.trials) == 2


def test_a_study_keeps_the_default_schedule_that_it_was_begun_with(here: Path) -> None:
    changes = ("study.sampler=null", "study.pruner=null", "trainer.max_epochs=2")
    stored = json.loads(json.dumps(read(*changes).document))
    assert stored["study"].pop("scheduler") == "promote"  # an earlier version stored none
    run_inline(StudySpec.from_document(stored, read().import_paths), URL)

    again = run(*changes, add=1)
    assert {trial.state for trial in again.study.trials} <= {"complete", "pruned"}
    assert "scheduler" not in open_study(open_storage(URL), "tiny").spec.document["study"]

    run(*changes, "study.scheduler=promote", add=1)
    assert open_study(open_storage(URL), "tiny").spec.promote is not None


def test_what_is_searched_may_not_change_under_one_name(here: Path) -> None:
    run()

    with pytest.raises(InputError) as caught:
        run("model.width=~int(2, 32)")

    text = str(caught.value)
    assert "the study tiny is in the database already, and searches something else:" in text
    assert "-    width: ~int(2, 16)\n+    width: ~int(2, 32)" in text
    assert text.endswith(
        "Give the changed study another name (--set study.name=tiny-2), or continue the old one:"
        " hpsearch resume tiny"
    )


def test_a_study_whose_trials_all_failed_may_be_changed_and_starts_over(here: Path) -> None:
    failed = run("model.plan=raise", "model.at=1", trials=2).study
    assert failed.counts["failed"] == 2
    assert not any(trial.values_by_epoch for trial in failed.trials)

    mended = run(trials=2).study

    assert mended.counts["complete"] == 2
    assert len(mended.trials) == 2
    kept = here / "runs" / "tiny.replaced-1"
    assert (kept / "trial-0000" / "params.yaml").exists()
    with pytest.raises(InputError, match="searches something else"):
        run("model.width=~int(2, 32)", trials=2)


def test_a_copy_that_starts_over_leaves_the_files_of_its_original(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("model.plan=raise", "model.at=1", trials=2)
    close_all()
    copy = here / "copy"
    copy.mkdir()
    for name in ("tiny.db", "study.yaml"):
        shutil.copy(here / name, copy)
    shutil.copytree(here / "runs", copy / "runs")
    monkeypatch.chdir(copy)

    assert run(trials=2).study.counts["complete"] == 2
    assert (copy / "runs" / "tiny.replaced-1" / "trial-0000").exists()
    assert [path.name for path in (here / "runs").iterdir()] == ["tiny"]
    assert (here / "runs" / "tiny" / "trial-0000" / "params.yaml").exists()


def test_a_study_starts_over_only_if_something_was_corrected(here: Path) -> None:
    run("model.plan=raise", "model.at=1", trials=2)
    again = run("model.plan=raise", "model.at=1", trials=3).study
    assert again.counts["failed"] == 3
    assert not (here / "runs" / "tiny.replaced-1").exists()


def other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the study train with another version of torch from now on."""
    found = environment.version
    monkeypatch.setattr(
        environment, "version", lambda name: "9.0" if name == "torch" else found(name)
    )


def test_changed_code_or_versions_are_named_and_must_be_accepted(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(trials=1)
    assert run(trials=2).study.counts["complete"] == 2, "nothing has changed"
    other_code(monkeypatch)

    for go_on in (lambda: run(trials=3), lambda: resume_inline("tiny", URL, trials=3)):
        with pytest.raises(InputError) as refused:
            go_on()
        text = str(refused.value)
        assert text.startswith(
            "the trials of tiny were trained differently:\n  torch is 9.0, and was"
        )
        assert "Continue with --accept-changes, which is recorded, or give the study" in text
        assert "(--set study.name=tiny-2)" in text

    study = run(trials=3, accept_changes=True).study
    under = [[attempt["environment"] for attempt in trial.attempts] for trial in study.trials]
    assert under == [[0], [0], [1]]
    assert [one["versions"]["torch"] == "9.0" for one in study.environments] == [False, True]
    assert run(trials=4).study.counts["complete"] == 4, "accepted once for all"
    lines = environment_lines(study)
    assert lines[0].startswith("0: trials 0 to 1; the first, since 20")
    assert lines[1].startswith("1: trial 2; torch is 9.0, and was ")


def test_accepted_code_must_still_have_the_classes(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "own.py").write_text("from tested import TestedModel as Net\n")
    run("model.class_path=own.Net", trials=1)
    (here / "own.py").write_text("from tested import TestedModel as Renamed\n")
    monkeypatch.delitem(sys.modules, "own")

    with pytest.raises(StudyFileError) as refused:
        resume_inline("tiny", URL, trials=2, accept_changes=True)
    (found,) = refused.value.diagnostics
    assert str(found) == (
        "the stored study: error: model.class_path: own has no class 'Net'; known here: Renamed"
    )
    study = load_record(open_storage(URL), "tiny")
    assert study.counts["complete"] == len(study.trials) == 1, "no trial was spent"
    assert len(study.environments) == 1


def test_a_setting_that_is_queued_in_a_study_that_is_done_needs_the_same_code(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    other_code(monkeypatch)
    assert run().study.state == "done", "nothing is to be trained"

    queued = "study.enqueue=[{model.width: 5}]"
    with pytest.raises(InputError, match="the trials of tiny were trained differently"):
        run(queued)
    assert len(load_record(open_storage(URL), "tiny").trials) == 2

    study = run(queued, accept_changes=True).study
    assert study.trials[2].params == {"model.width": 5}
    assert study.trials[2].attempts[0]["environment"] == 1


def test_a_study_that_has_not_trained_yet_takes_what_there_is(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(timeout_s=1e-6)
    other_code(monkeypatch)
    assert len(run(trials=1).study.environments) == 1


def test_a_trial_that_is_run_again_from_its_own_file_has_the_same_value(here: Path) -> None:
    found = run(trials=3).study
    trial = found.trials[2]
    (here / "again.yaml").write_text(study_file(read(), trial, "again.yaml"))

    again = run_inline(read_study("again.yaml"), URL).study

    assert again.trials[0].values == trial.values
    assert again.trials[0].values_by_epoch == trial.values_by_epoch
    assert trial.values not in [other.values for other in found.trials[:2]]


def test_a_study_is_found_again_when_its_folder_has_moved(here: Path) -> None:
    run(trials=1, runs=Path("first"))
    shutil.move("first", "second")

    outcome = run(runs=Path("second"))

    assert outcome.study.counts["complete"] == 2
    assert outcome.study.runs == str(here / "second")
    assert outcome.study.best is not None
    assert Path(str(outcome.study.best.checkpoint)).exists()


def test_every_trial_meets_the_same_split_and_a_seed_of_its_own(here: Path) -> None:
    run()

    storage = open_storage("sqlite:///tiny.db")
    trials = load_record(storage, "tiny").trials
    values = {trial.values for trial in trials}
    assert len(values) == 2
    assert {trial.state for trial in trials} == {"complete"}


def test_a_study_that_is_unknown_is_named_with_its_neighbour(here: Path) -> None:
    run(trials=1)

    with pytest.raises(
        InputError, match=r"there is no study 'tony' in sqlite:///tiny.db; did you mean tiny\?"
    ):
        resume_inline("tony", URL)


def test_a_study_of_another_program_is_left_alone(here: Path) -> None:
    import optuna

    storage = open_storage("sqlite:///tiny.db")
    optuna.create_study(storage=storage, study_name="foreign")

    with pytest.raises(InputError, match=r"'foreign' in .* was not made by hpsearch: no study"):
        load_record(storage, "foreign")


def test_a_folder_of_another_study_of_the_same_name_is_refused(here: Path) -> None:
    run()
    (here / "tiny.db").unlink()

    with pytest.raises(
        InputError,
        match=r"the folder runs/tiny holds trials of a study that is not in this database: move it"
        r" away, name another folder with --runs, or, if its database is lost, rebuild it from"
        r" the folder: hpsearch fsck tiny --rebuild",
    ):
        run()

    assert run(runs=Path("other")).study.counts["complete"] == 2
