"""Two containers over one database: processes of one host name that cannot see each other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fault_score import FULL, Score

from hpsearch.search.store import open_storage, take_lease

pytestmark = pytest.mark.process

RIVAL = """
import sys
from hpsearch.errors import InputError
from hpsearch.search.store import open_storage, take_lease
storage = open_storage(sys.argv[1])
refused = 0
for _ in range(int(sys.argv[2])):
    try:
        take_lease(storage.engine, 1, "tiny")
    except InputError as error:
        assert "is being run by another process" in str(error), error
        refused += 1
print(refused)
"""
CONTAINER = ("unshare", "--pid", "--fork", "--mount-proc")


def has_namespaces() -> bool:
    return (
        shutil.which("unshare") is not None
        and os.geteuid() == 0
        and subprocess.run([*CONTAINER, "true"], capture_output=True).returncode == 0
    )


@pytest.mark.fault("20. a second container of the same host name", short=1, full=10)
@pytest.mark.skipif(not has_namespaces(), reason="pid namespaces need root")
def test_a_search_in_another_container_is_not_taken_over(
    tmp_path: Path, score: Score, repeat: int
) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    storage = open_storage(url)
    lease = take_lease(storage.engine, 1, "tiny")
    tries = 10 if FULL else 3

    rival = subprocess.run(
        [*CONTAINER, sys.executable, "-c", RIVAL, url, str(tries)], capture_output=True, text=True
    )

    assert rival.stdout.strip() == str(tries), rival.stderr
    score.struck(tries)
    with storage.engine.begin() as connection:
        assert lease.hold(connection) == "held"
