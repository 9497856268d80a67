"""Studies and confirmations are created completely: after a kill at any write they start over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import making
import optuna
import pytest
import sqlalchemy as sa
from fault_score import FULL
from inline import run_inline
from killing import killed_at
from optuna.distributions import IntDistribution

from hpsearch.errors import InputError
from hpsearch.search.confirm.study import enqueue_finalists
from hpsearch.search.store import (
    close_all,
    create_study,
    find_confirmation,
    list_studies,
    load_record,
    open_storage,
    open_study,
    read_storage,
)
from hpsearch.studyfile.study import StudySpec

ENOUGH = 300
STEP = 1 if FULL else 13


def spec(name: str = "tiny") -> StudySpec:
    return making.spec(name, trials=6)


def run(folder: Path) -> Any:
    """A search without time for a trial: all that is made before the first one."""
    return run_inline(spec(), f"sqlite:///{folder}/study.db", folder / "runs", timeout_s=1e-6)


def bury(file: Path) -> None:
    """Makes the recorded owner a dead process; it was this one."""
    if file.exists():
        storage = open_storage(f"sqlite:///{file}")
        with storage.engine.begin() as connection:
            connection.execute(sa.text("UPDATE hpsearch_lease SET pid = 4194305"))


def test_a_search_killed_while_it_creates_its_study_starts_over(tmp_path: Path) -> None:
    (tmp_path / "count").mkdir()
    with killed_at(None) as writes:
        run(tmp_path / "count")
    assert writes.count > 30

    for write in range(1, min(writes.count, ENOUGH) + 1, STEP):
        folder = tmp_path / str(write)
        folder.mkdir()
        with killed_at(write):
            run(folder)
        bury(folder / "study.db")
        close_all()
        file = folder / "study.db"
        if file.exists():
            found = list_studies(read_storage(f"sqlite:///{file}"))
            assert found.unreadable == {}, f"killed at write {write}"

        assert run(folder).study.state == "new", f"killed at write {write}"


@pytest.fixture
def searched(tmp_path: Path) -> optuna.Study:
    """A study with three finished trials, in a database."""
    storage = open_storage(f"sqlite:///{tmp_path}/study.db")
    study = create_study(spec(), storage, tmp_path / "runs")
    for width in (2, 3, 4):
        study.add_trial(
            optuna.create_trial(
                params={"model.width": width},
                distributions={"model.width": IntDistribution(2, 16)},
                value=float(width),
            )
        )
    return study


def test_a_confirmation_killed_while_it_is_created_starts_over(
    tmp_path: Path, searched: optuna.Study
) -> None:
    storage = open_storage(f"sqlite:///{tmp_path}/study.db")
    finalists = load_record(storage, "tiny").trials[:2]

    def enqueue(seeds: int) -> None:
        enqueue_finalists(open_study(storage, "tiny"), finalists, seeds, tmp_path / "runs")

    for seeds in (2, 3):
        for write in range(1, ENOUGH, STEP):
            with killed_at(write) as writes:
                enqueue(seeds)
            storage.remove_session()
            if writes.count < write:
                break
            assert list_studies(storage).unreadable == {}
        enqueue(seeds)
        trials = open_study(storage, "tiny.confirm").study.trials
        pairs = [(t.user_attrs["repeat"], t.user_attrs["finalist"]) for t in trials]
        assert pairs == [(r, f) for r in range(1, seeds + 1) for f in (0, 1)]
        assert load_record(storage, "tiny.confirm").budget == 2 * seeds


def test_a_search_that_has_the_name_of_a_confirmation_is_left_alone(
    tmp_path: Path, searched: optuna.Study
) -> None:
    storage = open_storage(f"sqlite:///{tmp_path}/study.db")
    create_study(spec("tiny.confirm"), storage, tmp_path / "runs")
    finalists = load_record(storage, "tiny").trials[:1]

    found = enqueue_finalists(open_study(storage, "tiny"), finalists, 2, tmp_path / "runs")
    name = found.name

    assert name.startswith("tiny-")
    assert name.endswith(".confirm")
    assert find_confirmation(storage, "tiny") == (name, True)
    assert open_study(storage, "tiny.confirm").study.trials == []
    assert len(open_study(storage, name).study.trials) == 2


def test_an_unfinished_study_of_an_earlier_version_starts_over_and_is_named(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path}/study.db")
    half = optuna.create_study(storage=storage, study_name="tiny", direction="maximize")
    half.set_user_attr("hpsearch:id", "half")

    assert list_studies(storage).unreadable == {
        "tiny": "its creation was interrupted; `run` creates it again"
    }
    assert run(tmp_path).study.state == "new"
    assert [study.name for study in list_studies(storage).studies] == ["tiny"]


def test_two_studies_of_one_name_are_not_created(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path}/study.db")
    create_study(spec(), storage, tmp_path / "runs")

    with pytest.raises(InputError, match="another process has just created the study tiny"):
        create_study(spec(), storage, tmp_path / "runs")
