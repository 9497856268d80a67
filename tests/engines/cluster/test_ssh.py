"""Nodes over a real ssh on the loopback: one that lets us in, and those that do not."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

import psutil
import pytest
import toy_sshd
import yaml
from nodes import DATA, STUBS
from test_local import Desk, job

from hpsearch.engines.cluster import Cluster
from hpsearch.engines.cluster.carriers.ssh import NO_PYTHON
from hpsearch.engines.engine import Exited
from hpsearch.engines.place import Place
from hpsearch.protocol.messages import Ended

pytestmark = pytest.mark.process


@pytest.mark.skipif(
    not toy_sshd.can_run(), reason="needs an ssh server: apt-get install -y openssh-server"
)
def test_a_search_uses_the_hosts_that_let_it_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sshd = toy_sshd.ToySshd(tmp_path / "sshd")
    monkeypatch.setenv("HPSEARCH_SSH", sshd.ssh)
    path = f"export PYTHONPATH={os.environ.get('PYTHONPATH', '')}"
    hosts = [
        {"host": "box0", "devices": "cpu:1", "setup": path},
        {"host": "box1", "python": "/no/python"},
        "stranger",
        "nowhere",
    ]
    (tmp_path / "cluster.yaml").write_text(yaml.safe_dump({"nodes": hosts}))
    runs, notes, desk = tmp_path / "runs", list[str](), Desk()
    runs.mkdir()

    def note(line: str) -> None:
        if line.startswith("node "):  # a slow machine says in between that the search waits
            notes.append(line)

    with Cluster(Place(nodes=str(tmp_path / "cluster.yaml"))) as cluster:
        engine = cluster.start(["tiny"], {"data": DATA}, [STUBS], runs, note)
        while not engine.slots or len(notes) < 4:
            engine.poll(desk, 0.2)
        (slot,) = engine.slots
        engine.start(job(runs, 0, slot), slot)
        desk.wait(engine, 1, Exited)
        agent = engine.fleet.nodes["box0"].hello
        engine.close()
    sshd.close()

    assert desk.of(0, Ended)[0].how == "complete"
    assert slot.name == "box0/cpu:0"
    assert agent is not None
    assert not psutil.pid_exists(agent.pid)
    assert sorted(notes) == [
        "node box0 is in, with 1 slot",
        f"node box1 is left out: sh: 1: exec: /no/python: not found; {NO_PYTHON}",
        "node nowhere is left out: ssh: connect to host 127.0.0.1 port 1: Connection refused;"
        " see whether this works: ssh nowhere",
        f"node stranger is left out: {getpass.getuser()}@127.0.0.1: Permission denied"
        " (publickey,password); ssh must log in there without a password: ssh-copy-id stranger",
    ]
