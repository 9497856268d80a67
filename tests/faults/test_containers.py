"""Two containers, or two hosts, over one database: processes that cannot see each other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from fault_score import FULL, Score
from servers import KINDS, serve

from hpsearch.search.store import Lease, close_storage, open_storage, take_lease

pytestmark = pytest.mark.process

RIVAL = """
import socket, sys, time
import sqlalchemy as sa
from hpsearch.errors import InputError
from hpsearch.search.store import lease, open_storage, take_lease
url, tries, where = sys.argv[1], int(sys.argv[2]), sys.argv[3]
storage = open_storage(url)
if where != "another container":
    now = time.time
    time.time = lambda: now() + 90.0
    if storage.engine.dialect.name == "sqlite":
        @sa.event.listens_for(storage.engine, "connect")
        def set_clock(connection, _):
            connection.create_function("julianday", 1, lambda _: time.time() / 86400 + 2440587.5)
        storage.engine.dispose()
if where == "another host, 90 s ahead":
    socket.gethostname = lambda: "another"
    lease._boot_id = lambda: "another"
lease._WATCH_STEP_S = 0.1
refused = 0
for _ in range(tries):
    try:
        take_lease(storage.engine, 1, "tiny")
    except InputError as error:
        assert "is being run by another process" in str(error), error
        refused += 1
print(refused)
"""
CONTAINER = ("unshare", "--pid", "--fork", "--mount-proc")
WHERE = ("another container", "another container, 90 s ahead", "another host, 90 s ahead")
# The leases on the servers are asked of a process that cannot be seen by tests/search/store.
DATABASES = ["sqlite", *(KINDS if FULL else ())]


def has_namespaces() -> bool:
    return (
        shutil.which("unshare") is not None
        and os.geteuid() == 0
        and subprocess.run([*CONTAINER, "true"], capture_output=True).returncode == 0
    )


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with ExitStack() as stack:
        here = request.param == "sqlite"
        yield (
            f"sqlite:///{tmp_path}/study.db"
            if here
            else stack.enter_context(serve(request.param)).url
        )


@contextmanager
def searching(url: str) -> Iterator[Lease]:
    """Owns a study as a busy search does, which holds its lease with each batch of reports."""
    storage = open_storage(url)
    lease, over = take_lease(storage.engine, 1, "tiny"), threading.Event()
    answers: set[str] = set()

    def hold() -> None:
        while not over.wait(0.03):
            with storage.engine.begin() as connection:
                answers.add(lease.hold(connection))

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        yield lease
    finally:
        over.set()
        thread.join()
        close_storage(storage)
    assert answers == {"held"}


@pytest.mark.fault("25. a second search in another container, or on a host ahead", short=1, full=1)
@pytest.mark.skipif(not has_namespaces(), reason="pid namespaces need root")
def test_a_search_that_cannot_be_seen_from_here_is_not_taken_over(
    url: str, score: Score, repeat: int
) -> None:
    tries = 100 if FULL else 3
    with searching(url):
        rivals = [
            subprocess.Popen(
                [*CONTAINER, sys.executable, "-c", RIVAL, url, str(tries), where],
                stdout=subprocess.PIPE,
                text=True,
            )
            # The last has all that the others have, and takes as long to begin.
            for where in (WHERE if FULL else WHERE[1:2])
        ]
        assert [rival.communicate()[0].strip() for rival in rivals] == [str(tries)] * len(rivals)
    score.struck(tries * len(rivals))
