"""A deleted database is rebuilt from the folder of its study."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from inline import resume_inline, run_inline
from optuna.trial import FrozenTrial, TrialState

from hpsearch.errors import InputError
from hpsearch.protocol.events import read_record
from hpsearch.search.fsck import examine_study, rebuild_study
from hpsearch.search.store import close_all, load_record, open_study, read_storage
from hpsearch.studyfile.study import StudySpec

URL = "sqlite:///tiny.db"
# What no file of a trial says: which machine had it, when, and how fast it was.
LOST = ("attempts", "device", "samples_per_s")


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A search of three trials, of which one failed."""
    monkeypatch.chdir(tmp_path)
    spec = StudySpec.from_document(
        {
            "study": {
                "name": "tiny",
                "objective": {"val_loss": "minimize"},
                "sampler": "random",
                "pruner": "none",
                "trials": 3,
                "seed": 1,
            },
            "model": {
                "class_path": "tiny.TinyModel",
                "init_args": {"width": "~int(2, 16)", "plan": "~choice('', 'raise')", "at": 1},
            },
            "data": {"class_path": "tiny.TinyData"},
            "trainer": {"max_epochs": 2},
        }
    )
    run_inline(spec, URL)
    close_all()
    return tmp_path


def trials() -> list[FrozenTrial]:
    return open_study(read_storage(URL), "tiny").study.trials


def facts_of(trial: FrozenTrial) -> dict[str, Any]:
    # A trial that failed before its first report has not said how large its model is.
    lost = LOST if trial.intermediate_values else (*LOST, "parameters")
    attributes = {key: fact for key, fact in trial.user_attrs.items() if key not in lost}
    return {
        "state": trial.state,
        "params": trial.params,
        "distributions": trial.distributions,
        "values": trial.values,
        "curve": trial.intermediate_values,
        "attributes": attributes,
    }


def test_all_that_a_table_shows_comes_back(made: Path) -> None:
    before = [facts_of(trial) for trial in trials()]
    study = open_study(read_storage(URL), "tiny").study
    attributes = study.user_attrs
    Path("tiny.db").unlink()

    rebuilt = rebuild_study(URL, "tiny", None)
    close_all()

    assert (rebuilt.trials, rebuilt.finished, rebuilt.left_out) == (3, 3, ())
    for trial, known in zip(trials(), before, strict=True):
        for what, fact in facts_of(trial).items():
            assert fact == known[what], f"{what} of trial {trial.number}"
    assert open_study(read_storage(URL), "tiny").study.user_attrs == attributes
    assert not examine_study(URL, "tiny", None).errors
    assert load_record(read_storage(URL), "tiny").state == "done"


def test_why_a_trial_was_pruned_comes_back(made: Path) -> None:
    owner = read_record(Path("runs/tiny/trial-0000/events.jsonl")).owners[-1]
    reason = {"step": 1, "value": 0.5, "action": "prune", "rung": 0, "reason": "behind"}
    lines = [
        {"trial": 0, "parameters": owner["parameters"], **reason},
        {"trial": 1, "parameters": "of another", **reason},
    ]
    Path("runs/tiny/decisions.jsonl").write_text("\n".join(map(json.dumps, lines)))
    Path("tiny.db").unlink()

    rebuild_study(URL, "tiny", None)

    assert [t.user_attrs.get("decisions") for t in trials()] == [[reason], None, None]


def test_a_trial_that_was_pruned_while_it_paused_stays_pruned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pausing = {"class_path": "promote", "init_args": {"eta": 2, "first": 1}}
    study = {"name": "tiny", "objective": {"val_loss": "minimize"}, "scheduler": pausing}
    spec = StudySpec.from_document(
        {
            "study": {**study, "trials": 7, "seed": 1},
            "model": {"class_path": "tiny.TinyModel", "init_args": {"width": "~int(2, 16)"}},
            "data": {"class_path": "tiny.TinyData"},
            "trainer": {"max_epochs": 2},
        }
    )
    run_inline(spec, URL)
    close_all()
    before = [facts_of(trial) for trial in trials()]
    assert {fact["state"] for fact in before} == {TrialState.COMPLETE, TrialState.PRUNED}
    Path("tiny.db").unlink()

    assert rebuild_study(URL, "tiny", None).finished == 7
    close_all()
    for trial, known in zip(trials(), before, strict=True):
        assert (trial.number, facts_of(trial)["state"]) == (trial.number, known["state"])
        assert facts_of(trial)["values"] == known["values"]


def test_a_trial_without_a_folder_is_trained_again(made: Path) -> None:
    before = trials()[1].params
    Path("tiny.db").unlink()
    shutil.rmtree("runs/tiny/trial-0001")

    rebuilt = rebuild_study(URL, "tiny", None)
    assert (rebuilt.trials, rebuilt.finished) == (3, 2)

    outcome = resume_inline("tiny", URL)
    assert outcome.study.state == "done"
    assert dict(outcome.study.trials[1].params) == before, "of the same seed and number"


def test_the_folder_of_another_trial_is_left_out(made: Path) -> None:
    Path("tiny.db").unlink()
    shutil.rmtree("runs/tiny/trial-0001")
    shutil.copytree("runs/tiny/trial-0000", "runs/tiny/trial-0001")

    rebuilt = rebuild_study(URL, "tiny", None)

    assert rebuilt.left_out == ("trial-0001 (another trial)",)
    assert rebuilt.finished == 2


def test_an_existing_study_is_not_rebuilt(made: Path) -> None:
    with pytest.raises(
        InputError, match=r"the study tiny exists in sqlite:///tiny\.db: compare it"
    ):
        rebuild_study(URL, "tiny", None)
    with pytest.raises(InputError, match=r"there is no folder .*/runs/none: name its parent"):
        rebuild_study(URL, "none", None)


def test_the_folder_of_an_earlier_version_is_not_enough(made: Path) -> None:
    Path("tiny.db").unlink()
    Path("runs/tiny/study.json").write_text('{"id": "one"}')

    with pytest.raises(InputError, match=r"study\.json does not hold the study file"):
        rebuild_study(URL, "tiny", None)


def test_a_study_file_that_is_lost_too_is_not_invented(made: Path) -> None:
    Path("tiny.db").unlink()
    owner_file = Path("runs/tiny/study.json")
    torn = {"id": "one", "attributes": {"hpsearch:id": "one", "hpsearch:document": "{"}}

    owner_file.write_text(json.dumps(torn))
    with pytest.raises(InputError, match=r"holds a study file that cannot be read \(.*\): restore"):
        rebuild_study(URL, "tiny", None)
    owner_file.write_bytes(bytes(9))
    with pytest.raises(InputError, match="is damaged, and no other file has the study file: resto"):
        rebuild_study(URL, "tiny", None)
    owner_file.unlink()
    with pytest.raises(InputError, match="is missing, and no other file has the study file: resto"):
        rebuild_study(URL, "tiny", None)
    assert not Path("tiny.db").exists()
