"""The same search on a real PostgreSQL and a real MariaDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
import sqlalchemy as sa
from coordinating import coordinator_of
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.storages import RDBStorage
from scripted import ScriptedEngine, Watcher, learns
from servers import KINDS, Kind, Servers
from sqlalchemy.dialects.mysql import DOUBLE

from hpsearch.engines.engine import Exited
from hpsearch.errors import InputError
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Message, Progress, Report
from hpsearch.search.coordinator import SearchSetup
from hpsearch.search.copy import copy_study
from hpsearch.search.store import list_studies, load_record, open_study
from hpsearch.search.store.create import create_study
from hpsearch.search.store.database import open_storage
from hpsearch.search.store.lease import Process, find_owner, take_lease
from hpsearch.search.store.schema import leases
from hpsearch.search.store.tables import read_trials, whole_trial, write
from hpsearch.search.store.write_behind import WriteBehindQueue, buffer_writes
from hpsearch.studyfile.study import StudySpec

pytestmark = pytest.mark.process
on_each_server = pytest.mark.parametrize("url", KINDS, indirect=True)
on_mariadb = pytest.mark.parametrize("url", KINDS[1:], indirect=True)


@pytest.fixture
def storages(url: str) -> Iterator[tuple[RDBStorage, RDBStorage]]:
    """The same database, opened twice, as two processes would."""
    both = open_storage(url), open_storage(url)
    yield both
    for storage in both:
        storage.engine.dispose()


def spec(name: str = "tiny") -> StudySpec:
    return StudySpec.from_document(
        {
            "study": {
                "name": name,
                "objective": {"score": "maximize"},
                "pruner": "none",
                "trials": 5,
            },
            "model": {"class_path": "a.Model", "init_args": {"x": "~float(0, 1)"}},
            "data": {"class_path": "a.Data"},
            "trainer": {"max_epochs": 3},
        }
    )


@on_each_server
def test_a_search_on_a_server_has_one_owner_and_an_exact_budget(
    storages: tuple[RDBStorage, RDBStorage], tmp_path: Path
) -> None:
    storage, other = storages
    stored = create_study(spec(), storage, tmp_path)
    lease = take_lease(storage.engine, stored._study_id, "tiny")
    with pytest.raises(InputError, match="the study tiny is being run by another process"):
        take_lease(other.engine, stored._study_id, "tiny")

    writes = WriteBehindQueue(storage.engine, lease)
    study = buffer_writes(stored, writes)
    watcher = Watcher()
    coordinator = coordinator_of(
        study, SearchSetup(spec(), tmp_path, budget=5), writes, ScriptedEngine(2, learns), watcher
    )
    with writes:
        coordinator.run()
    lease.release()

    record = load_record(other, "tiny")
    assert [trial.number for trial in record.trials] == [0, 1, 2, 3, 4]
    assert record.counts["complete"] + record.counts["pruned"] == 5
    assert record.owner is None
    assert open_study(storage, "tiny").spec.document == spec().document


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_goes_away_under_a_search_costs_no_report(
    servers: Servers, kind: Kind, tmp_path: Path
) -> None:
    server = servers(kind)
    storage = open_storage(server.make_database("away"))
    stored = create_study(spec(), storage, tmp_path)
    lease = take_lease(storage.engine, stored._study_id, "tiny")
    writes, watcher = WriteBehindQueue(storage.engine, lease), Watcher()

    def disturbed(job: Job) -> Iterator[Message | Exited]:
        for message in learns(job):
            yield message
            if job.number == 0 and isinstance(message, Report) and message.step == 1:
                server.cut()
            elif job.number == 0 and isinstance(message, Report) and message.step == 2:
                server.stop()
                while not writes.trouble:
                    yield Progress(3, 3, 0.5, 1.0)
                server.start()

    with writes:
        coordinator_of(
            buffer_writes(stored, writes),
            SearchSetup(spec(), tmp_path, budget=5),
            writes,
            ScriptedEngine(2, disturbed),
            watcher,
        ).run()

    assert "the database can be written again: nothing was lost" in watcher.notes
    record = load_record(storage, "tiny")
    assert [list(trial.values_by_epoch) for trial in record.trials] == [[1, 2, 3]] * 5
    assert record.counts["complete"] == 5
    storage.engine.dispose()


@on_each_server
def test_long_values_and_names_that_differ_in_little_are_kept_as_they_are(
    storages: tuple[RDBStorage, RDBStorage], tmp_path: Path
) -> None:
    storage, other = storages
    long = "x" * 300_000
    options = [f"{number:05d}" for number in range(9_000)]
    names = ["model.Width", "model.width", "model.größe", "model.grosse", "model.幅"]
    study = create_study(spec(), storage, tmp_path, {"long": long, "LONG": "short"})
    given = dict.fromkeys(names, "00001")
    trial = optuna.create_trial(
        params=given,
        distributions=dict.fromkeys(given, CategoricalDistribution(options)),
        user_attrs={"failure": long, "Failure": "another"},
        value=0.1 + 0.2,
        intermediate_values={1: 1 / 3, 2: 1e-300, 3: float("nan"), 4: float("-inf")},
    )
    with storage.engine.begin() as connection:
        write(connection, whole_trial(study._study_id, trial), {})

    stored = optuna.load_study(study_name="tiny", storage=other)
    assert (stored.user_attrs["long"], stored.user_attrs["LONG"]) == (long, "short")
    (found,) = read_trials(other.engine, study._study_id)
    assert found.params == given
    assert found.user_attrs == trial.user_attrs
    assert found.values == [0.1 + 0.2]
    assert repr(found.intermediate_values) == repr(trial.intermediate_values)


@on_each_server
def test_a_study_is_copied_to_a_server_and_back(url: str, tmp_path: Path) -> None:
    source, target = open_storage(f"sqlite:///{tmp_path}/a.db"), open_storage(url)
    back = open_storage(f"sqlite:///{tmp_path}/b.db")
    stored = create_study(spec(), source, tmp_path, {"note": "größe"})
    trials = [
        optuna.create_trial(
            params={"model.x": number / 7},
            distributions={"model.x": FloatDistribution(0, 1)},
            user_attrs={"failure": "x" * 100_000},
            value=number / 3,
            intermediate_values={1: 1 / 3, 2: float("nan"), 3: float("inf")},
        )
        for number in range(3)
    ]
    for number, trial in enumerate(trials):
        trial.number = number
    with source.engine.begin() as connection:
        write(connection, [row for t in trials for row in whole_trial(stored._study_id, t)], {})

    assert copy_study("tiny", source, target).trials == {"tiny": 3}
    assert copy_study("tiny", target, back).trials == {"tiny": 3}

    found = read_trials(back.engine, open_study(back, "tiny").study._study_id)
    assert [repr(trial.intermediate_values) for trial in found] == [
        repr(trial.intermediate_values) for trial in trials
    ]
    assert [trial.values for trial in found] == [trial.values for trial in trials]
    assert [trial.datetime_start for trial in found] == [t.datetime_start for t in trials]
    assert open_study(back, "tiny").study.user_attrs["note"] == "größe"
    with pytest.raises(
        InputError, match=r"the study tiny was copied to .*b.db and continues there"
    ):
        open_study(target, "tiny").own()
    for storage in (source, target, back):
        storage.engine.dispose()


@on_each_server
def test_studies_whose_names_differ_in_their_case_are_two(url: str, tmp_path: Path) -> None:
    storage = open_storage(url)
    create_study(spec(), storage, tmp_path)
    create_study(spec("Tiny"), storage, tmp_path)

    assert [study.name for study in list_studies(storage).studies] == ["Tiny", "tiny"]
    storage.engine.dispose()


@on_mariadb
def test_leases_of_an_earlier_version_get_room_for_their_times(url: str) -> None:
    """A FLOAT of MySQL has seven digits: its owner would seem dead for minutes, or alive."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "CREATE TABLE hpsearch_lease (study_id INTEGER PRIMARY KEY, token VARCHAR(64),"
                " host VARCHAR(255), boot VARCHAR(64), pid INTEGER, started FLOAT, until FLOAT)"
            )
        )
    lease = take_lease(engine, 1, "tiny")
    with engine.begin() as connection:
        assert lease.hold(connection) == "held"

    kinds = {
        column["name"]: column["type"] for column in sa.inspect(engine).get_columns(leases.name)
    }
    assert isinstance(kinds["until"], DOUBLE)
    owner = find_owner(engine, 1)
    assert owner is not None
    assert 59.0 < owner.left_s <= 60.0
    assert owner.process == Process.this()
    engine.dispose()
