"""`speed: auto` is decided once, when a study begins, and kept by all its trials."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from optuna.storages import RDBStorage

from hpsearch.engines.slots import Slot
from hpsearch.errors import InputError
from hpsearch.measure import speed_choice
from hpsearch.measure.speed import Measurement, baseline, possible_variants
from hpsearch.measure.speed_choice import decide_speed
from hpsearch.search.compatible import check_compatible
from hpsearch.search.store import create_study, open_storage, open_study
from hpsearch.studyfile.study import StudySpec

SLOTS = (Slot("cpu:0", "cpu", 1),)
PLAIN: dict[str, Any] = {
    "study": {"name": "a", "objective": {"val_loss": "minimize"}, "trials": 1},
    "model": {"class_path": "tiny.TinyModel", "init_args": {"width": "~int(2, 8)"}},
    "data": {"class_path": "tiny.TinyData"},
    "trainer": {"max_epochs": 10},
}
SPEC = StudySpec.from_document({**PLAIN, "speed": "auto"})
LAID = {"channels_last": True}


@pytest.fixture
def database(tmp_path: Path) -> RDBStorage:
    return open_storage(f"sqlite:///{tmp_path / 'a.db'}")


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lists the studies that were measured, each with channels_last twice as fast."""
    measured: list[str] = []

    def measure(spec: StudySpec, *_: Any, compiling: bool) -> list[Measurement]:
        assert not compiling, "each trial would compile anew"
        measured.append(spec.name)
        config = {"trainer": {"max_epochs": 10, "precision": "bf16-mixed"}}
        found = {"takes_channels_last": True, "takes_onednn": False}
        (laid,) = possible_variants(config, found, gpu=False, compiling=False)
        common = {"steps_per_epoch": 100, "compile_seconds": 0.0}
        slow, fast = ([{"seconds_per_step": s, **common}] * 3 for s in (0.2, 0.1))
        return [Measurement(baseline(config), slow), Measurement(laid, fast)]

    monkeypatch.setattr(speed_choice, "measure_speed", measure)
    return measured


def test_a_study_keeps_what_it_took_when_it_began(
    database: RDBStorage, measuring: list[str], tmp_path: Path
) -> None:
    spec = decide_speed(SPEC, database, SLOTS)
    assert spec.document == {**PLAIN, "speed": LAID}
    choice = {
        "taken": {"speed": LAID},
        "line": "speed: {channels_last: true}",
        "why": "2.00 times as fast (2.00 to 2.00)",
    }
    assert spec.speed == choice
    study = create_study(spec, database, tmp_path / "runs")
    study.tell(study.ask(), 0.5)
    assert open_study(database, "a").record().speed == choice
    again = decide_speed(SPEC, database, SLOTS)
    assert (again.document, again.speed) == (spec.document, choice)
    assert measuring == ["a"]
    check_compatible(open_study(database, "a").spec, again)


def test_a_study_that_began_without_it_stays_as_it_was(
    database: RDBStorage, measuring: list[str], tmp_path: Path
) -> None:
    create_study(StudySpec.from_document(PLAIN), database, tmp_path / "runs")
    spec = decide_speed(SPEC, database, SLOTS)
    assert (spec.document, spec.speed, measuring) == (PLAIN, None, [])


def test_a_study_without_any_value_that_was_changed_is_measured_again(
    database: RDBStorage, measuring: list[str], tmp_path: Path
) -> None:
    create_study(decide_speed(SPEC, database, SLOTS), database, tmp_path / "runs")
    changed = StudySpec.from_document({**SPEC.document, "trainer": {"max_epochs": 3}})
    spec = decide_speed(changed, database, SLOTS)
    assert spec.document["trainer"] == {"max_epochs": 3}
    assert spec.speed
    assert spec.speed["taken"] == {"speed": LAID}
    assert measuring == ["a", "a"]


def test_a_file_without_it_is_left_alone(database: RDBStorage, measuring: list[str]) -> None:
    spec = StudySpec.from_document(PLAIN)
    assert decide_speed(spec, database, ()) == spec


def test_a_study_on_other_machines_is_not_measured_here(
    database: RDBStorage, measuring: list[str]
) -> None:
    with pytest.raises(InputError, match="auto measures on this machine, and the trials run on o"):
        decide_speed(SPEC, database, ())
