"""Which nodes `--nodes` names."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.engines.cluster.nodes_file import NodeEntry, read_nodes
from hpsearch.errors import InputError


def test_hosts_between_commas() -> None:
    assert read_nodes("gpu1, me@gpu2,local") == (
        *(NodeEntry("gpu1"), NodeEntry("me@gpu2"), NodeEntry("local")),
    )


@pytest.mark.parametrize("host", ["", "-oProxyCommand=x", "a b", "a;b"])
def test_what_is_not_a_host_is_refused(host: str) -> None:
    with pytest.raises(InputError, match=r"is not a host name\. Write hosts between commas"):
        read_nodes(f"gpu1,{host}")


def test_a_host_twice_is_refused() -> None:
    with pytest.raises(InputError, match="a is there twice; give one of them another name"):
        read_nodes("a,a")


def test_a_file_says_how_each_node_is_used(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(
        "nodes:\n"
        "  - gpu1\n"
        "  - host: gpu2\n"
        "    name: big\n"
        "    devices: cuda:0,1\n"
        "    per_device: 2\n"
        "    python: /opt/venv/bin/python\n"
        "    setup: module load cuda\n"
    )

    assert read_nodes(str(path)) == (
        NodeEntry("gpu1"),
        NodeEntry("gpu2", "big", "cuda:0,1", 2, "/opt/venv/bin/python", "module load cuda"),
    )


def test_all_errors_of_a_file_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(
        "nodes:\n"
        "  - {devices: cpu}\n"
        "  - {host: a, per_device: 0, gpus: 2}\n"
        "  - {host: b, devices: 3}\n"
        "  - 5\n"
        "  - c\n"
        "  - c\n"
        "hosts: []\n"
    )

    with pytest.raises(InputError) as error:
        read_nodes(str(path))

    assert str(error.value).splitlines() == [
        f"{path}: node 1: host is missing",
        f"{path}: node 2: there is no key 'gpus'; a node has host, name, devices, per_device,"
        " python, setup, command",
        f"{path}: node 2: per_device: 0 is not a whole number from 1 on",
        f"{path}: node 3: devices: 3 is not text; put it in quotes",
        f"{path}: node 4: 5 is not a node; write `nodes:` and under it `- host: gpu1`, one entry"
        " per node",
        f"{path}: c is there twice; give one of them another name",
        f"{path}: there is no key 'hosts' beside nodes",
    ]


def test_texts_that_no_node_could_be_reached_by_are_named_before_the_search(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(
        "nodes:\n"
        '  - {host: a, command: "docker exec \'x"}\n'
        "  - {host: b, command: ' '}\n"
        "  - {host: c, devices: gpu0}\n"
        "  - {host: local, python: ~nobody-here/bin/python}\n"
        "  - {host: d, name: d/1}\n"
        "  - {host: e, name: f, name: g}\n"
    )

    with pytest.raises(InputError) as error:
        read_nodes(str(path))

    assert str(error.value).splitlines() == [
        f"{path}: node 1: command: docker exec 'x: a quote is not closed",
        f"{path}: node 2: command: it is empty; leave it out for ssh",
        f"{path}: node 3: devices gpu0: not a list of devices; write auto, cpu, cpu:2, cuda,"
        " cuda:0,1, or mps",
        f"{path}: node 4: python ~nobody-here/bin/python: there is no user nobody-here here",
        f"{path}: node 5: name: 'd/1' is not a name; write one without /, such as gpu1",
        f"{path}: line 7: name is there twice",
    ]


def test_a_second_list_of_nodes_does_not_replace_the_first(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text("nodes: [a]\nnodes: [b]\n")

    with pytest.raises(InputError, match="line 1: nodes is there twice"):
        read_nodes(str(path))


@pytest.mark.parametrize(
    ("text", "reason"),
    [("nodes: []", "no list of nodes"), ("[", "not YAML"), ("- a", "no list of nodes")],
)
def test_a_file_without_nodes_is_refused(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(text)

    with pytest.raises(InputError, match=reason):
        read_nodes(str(path))


def test_a_file_that_is_not_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as error:
        read_nodes("lab.yml")
    assert str(error.value) == (
        f"--nodes lab.yml: there is no file {tmp_path}/lab.yml; write one: `nodes:` and under it"
        " `- host: gpu1`, one entry per node"
    )

    (tmp_path / "lab.yaml").write_text("nodes: [gpu1]")
    with pytest.raises(InputError, match=r"there is no file \S+/lab\.yml; lab\.yaml is there$"):
        read_nodes("lab.yml")
