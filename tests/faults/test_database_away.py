"""A real server stops during a search: training continues and nothing is lost."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from fault_score import FULL, Score
from searching import EPOCHS, TRIALS, Search, check_budget, study_of
from servers import KINDS, Server, Servers, serve_on_demand

pytestmark = pytest.mark.process


on_postgresql = pytest.mark.parametrize("server", KINDS[:1], indirect=True)
on_mariadb = pytest.mark.parametrize("server", KINDS[1:], indirect=True)
_numbers = count(1)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    with serve_on_demand() as servers:
        yield servers


@pytest.fixture
def server(request: pytest.FixtureRequest, servers: Servers) -> Server:
    return servers(request.param)


@pytest.fixture
def search(tmp_path: Path, server: Server) -> Iterator[Search]:
    storage = server.make_database(f"fault{next(_numbers)}")
    search = Search(tmp_path, study_of(TRIALS, EPOCHS), storage=storage)
    yield search
    search.close()


def check_that_nobody_died(search: Search, trials: int = TRIALS, epochs: int = EPOCHS) -> None:
    record = check_budget(search, trials, epochs)
    assert all(len(trial.attempts) == 1 for trial in record.trials), "somebody died"


@pytest.fixture(scope="session")
def undisturbed_s(tmp_path_factory: pytest.TempPathFactory) -> float:
    """How long the same search takes when nothing happens to its database."""
    search = Search(tmp_path_factory.mktemp("undisturbed"), study_of(TRIALS, EPOCHS))
    began = time.monotonic()
    search.begin()
    assert search.wait_for_end() == 0, search.output
    return time.monotonic() - began


def strike(
    server: Server, search: Search, score: Score, *, seconds: float, usual_s: float, repeat: int
) -> None:
    """Stops the server at a random moment for a while, and checks how the search ends."""
    began = time.monotonic()
    search.begin()
    search.wait_for_reports(random.Random(repeat).randint(1, 100))
    gone = time.monotonic()
    server.stop()
    threading.Event().wait(seconds)
    server.start()
    downtime = time.monotonic() - gone
    score.struck()

    assert search.wait_for_end() == 0, search.output
    late = time.monotonic() - began - usual_s - downtime
    print(f"{usual_s=} {downtime=} {late=}\n{search.output}")
    score.worst("s later than without it, less the downtime", late)
    check_that_nobody_died(search)
    # Next to other work, the times of two equal searches differ.
    assert late <= max(10.0, usual_s)


@on_postgresql
@pytest.mark.fault("10. PostgreSQL is down for 0.25 s", short=1, full=10)
def test_a_server_that_is_gone_for_a_moment_costs_its_downtime_at_most(
    server: Server, search: Search, score: Score, undisturbed_s: float, repeat: int
) -> None:
    strike(server, search, score, seconds=0.25, usual_s=undisturbed_s, repeat=repeat)


@on_postgresql
@pytest.mark.fault("10. PostgreSQL is down for 1 s", short=0, full=10)
def test_a_server_that_is_gone_for_a_second_costs_its_downtime_at_most(
    server: Server, search: Search, score: Score, undisturbed_s: float, repeat: int
) -> None:
    strike(server, search, score, seconds=1.0, usual_s=undisturbed_s, repeat=repeat)


@on_postgresql
@pytest.mark.fault("10. PostgreSQL is down for 10 s", short=0, full=5)
def test_a_server_that_is_gone_for_a_while_costs_its_downtime_at_most(
    server: Server, search: Search, score: Score, undisturbed_s: float, repeat: int
) -> None:
    strike(server, search, score, seconds=10.0, usual_s=undisturbed_s, repeat=repeat)


@on_postgresql
@pytest.mark.fault("10. PostgreSQL is down for 60 s", short=0, full=2)
def test_a_server_that_is_gone_for_a_minute_costs_its_downtime_at_most(
    server: Server, search: Search, score: Score, undisturbed_s: float, repeat: int
) -> None:
    strike(server, search, score, seconds=60.0, usual_s=undisturbed_s, repeat=repeat)


@on_mariadb
@pytest.mark.fault("10. MariaDB is down for 1 s", short=0, full=10)
def test_a_mariadb_that_is_gone_for_a_second_costs_its_downtime_at_most(
    server: Server, search: Search, score: Score, undisturbed_s: float, repeat: int
) -> None:
    strike(server, search, score, seconds=1.0, usual_s=undisturbed_s, repeat=repeat)


@on_postgresql
@pytest.mark.fault("11. every connection is cut every 2 s, for a minute", short=1, full=2)
def test_connections_that_are_cut_again_and_again_cost_nothing(
    tmp_path: Path, server: Server, score: Score, repeat: int
) -> None:
    cut_again_and_again(tmp_path, server, score)


@on_mariadb
@pytest.mark.fault(
    "11. every connection of MariaDB is cut every 2 s, for a minute", short=0, full=2
)
def test_connections_to_mariadb_that_are_cut_again_and_again_cost_nothing(
    tmp_path: Path, server: Server, score: Score, repeat: int
) -> None:
    cut_again_and_again(tmp_path, server, score)


def cut_again_and_again(folder: Path, server: Server, score: Score) -> None:
    """Cuts every connection of a search, and checks that it ends as if nothing had happened."""
    cuts = 30 if FULL else 3
    epochs = 20 * cuts
    study = study_of(2, epochs)
    study["model"]["init_args"]["pause"] = 0.1
    search = Search(folder, study, storage=server.make_database(f"fault{next(_numbers)}"))
    search.begin()
    search.wait_for_reports(1)
    for _ in range(cuts):
        server.cut()
        threading.Event().wait(2.0 if FULL else 0.5)
        score.struck()

    assert search.wait_for_end() == 0, search.output
    check_that_nobody_died(search, 2, epochs)
