"""How each carrier reaches an agent: the commands that it runs, and what it refuses."""

from __future__ import annotations

import json
import os
import shlex
import socket
import sys
import time
from pathlib import Path

import pytest

from hpsearch.engines.cluster.carriers.kubernetes import KubernetesCarrier, PodChoice
from hpsearch.engines.cluster.carriers.ray import RayChoice, require_answer
from hpsearch.engines.cluster.carriers.slurm import SlurmCarrier, SlurmRequest
from hpsearch.engines.cluster.carriers.ssh import SshCarrier, command_for
from hpsearch.engines.cluster.connection import CommandConnection
from hpsearch.engines.cluster.nodes_file import NodeEntry
from hpsearch.errors import InputError

AGENT = (
    *("-X", "utf8", "-P", "-m", "hpsearch"),
    *("agent", "--devices", "auto", "--per-device", "1"),
)


def test_ssh_never_asks_and_notices_a_host_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HPSEARCH_SSH", raising=False)

    *ssh, host, script = command_for(NodeEntry("gpu1", python="/opt/py", setup="module load cuda"))

    assert ssh == [
        *("ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"),
        *("-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"),
    ]
    assert host == "gpu1"
    shell, option, text = shlex.split(script)
    assert (shell, option) == ("sh", "-c")
    assert text.startswith(f"cd {shlex.quote(str(Path.cwd()))} 2>/dev/null; ")
    assert "{ module load cuda\n} </dev/null || exit;" in text
    assert text.endswith(f" exec /opt/py {' '.join(AGENT)}")


@pytest.mark.process
@pytest.mark.parametrize(
    ("setup", "words"),
    [
        ("true; (exit 3)", "its setup failed (true; (exit 3)): exit code 3"),
        ("cd /\nexit 4", "its setup failed (cd /; exit 4): exit code 4"),
        ("echo no license >&2; false", "no license"),
        ("echo 'is 50%'; cat; X=done", "began done with []"),
    ],
)
def test_a_setup_that_fails_says_so_unless_it_said_why(setup: str, words: str) -> None:
    entry = NodeEntry("local", name="a", python="/bin/sh", setup=setup)
    *shell, script = command_for(entry)
    agent = """echo '{}'; exec sh -c 'echo "began $X with [$(cat)]" >&2'"""
    script = f"{script[: script.rindex('exec ')]}export X; {agent}"
    connection = CommandConnection((*shell, script))
    if words.startswith("began"):
        os.set_blocking(connection.stream.reader, True)
        while not connection.stream.receive():
            pass
        assert connection.stream.noise == "is 50%"
        connection.hang_up()
    connection._process.wait(20)
    assert connection.last_words() == words
    connection.kill()


@pytest.mark.process
def test_a_setup_ends_with_its_connection() -> None:
    entry = NodeEntry("local", name="a", setup="echo '{}'; sleep 600")
    connection = CommandConnection(command_for(entry))
    os.set_blocking(connection.stream.reader, True)
    assert connection.stream.receive() == [{}]
    connection.hang_up()
    assert os.read(connection.stream.reader, 1) == b"", "sleep is gone, which would hold it open"
    connection.kill()


def test_a_home_is_that_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shlex.split(command_for(NodeEntry("gpu1", python="~/my hp/bin/python"))[-1])[-1]
    assert text.endswith(f"""exec "$HOME"/'my hp/bin/python' {" ".join(AGENT)}""")
    monkeypatch.setenv("HOME", "/home/me")
    assert command_for(NodeEntry("local", python="~/hp/python")) == ("/home/me/hp/python", *AGENT)


def test_words_for_ssh_that_no_shell_could_read_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HPSEARCH_SSH", "ssh -F 'my lab")
    message = r"\$HPSEARCH_SSH ssh -F 'my lab: a quote is not closed; write for instance ssh -F lab"
    with pytest.raises(InputError, match=message):
        SshCarrier([])


def test_this_machine_needs_no_ssh() -> None:
    assert command_for(NodeEntry("local")) == (sys.executable, *AGENT)


def test_a_node_may_be_reached_by_any_command() -> None:
    entry = NodeEntry("box", command="docker exec -i box hpsearch agent")

    assert command_for(entry) == ("docker", "exec", "-i", "box", "hpsearch", "agent")


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("me@b: Permission denied (publickey).", "ssh must log in there without a password"),
        ("Host key verification failed.", "its key is new or has changed; log in once by hand"),
        ("ssh: Could not resolve hostname gpu", "write a host's name as for ssh, or the path"),
        (
            "ssh: connect to host b port 22: Connection refused",
            "see whether this works: ssh {name}",
        ),
        ("Connection to 10.0.0.1 port 22 timed out", "see whether this works: ssh {name}"),
        ("Connection closed by 10.0.0.1 port 22", "see whether this works: ssh {name}"),
        ("ssh cannot be started: No such file or directory", "that program must be installed"),
        ("/usr/bin/python: No module named hpsearch", "install hpsearch there under the same path"),
        ("sh: 1: exec: /root/hp/bin/python: Permission denied", "install hpsearch there under"),
        ("sh: 1: module: not found", "`setup:` is run by sh; `. /etc/profile` in front of"),
        ("Out of memory", ""),
    ],
)
def test_what_ssh_says_comes_with_what_to_do(words: str, advice: str) -> None:
    said = SshCarrier([]).advice(words)

    assert said.startswith(advice)
    assert bool(said) == bool(advice)


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("srun: unrecognized option '--parttion=low'", "`srun --help` lists what --slurm can say"),
        ("Unable to allocate resources: Invalid partition name specified", "`sinfo` lists"),
        ("srun: error: Invalid generic resource (gres) specification", "`sinfo --format='%N %G'`"),
        ("Unable to confirm allocation for job 7: Invalid job id", "that allocation is over"),
        ("execve(): /no/python: No such file or directory", "the nodes must see that Python"),
        ("Unable to allocate resources: Job violates accounting/QOS policy", ""),
    ],
)
def test_what_slurm_says_comes_with_what_to_do(words: str, advice: str) -> None:
    said = SlurmCarrier(SlurmRequest.parse("time=1"), {}).advice(words)

    assert said.startswith(advice)
    assert bool(said) == bool(advice)


@pytest.mark.parametrize(
    ("cause", "after"),
    [
        ("srun: unrecognized option '--x'", 'Try "srun --help" for more information'),
        (
            "slurmstepd: error: execve(): /no/python: No such file or directory",
            "srun: error: n1: task 0: Exited with exit code 2",
        ),
        ("python: No module named hpsearch", "command terminated with exit code 1"),
    ],
)
def test_the_last_words_of_a_command_are_its_cause(cause: str, after: str) -> None:
    words = f"first\n{cause}\n{after}"
    connection = CommandConnection(("sh", "-c", 'echo "$1" >&2', "sh", words))
    while not connection.stream.closed:
        connection.stream.receive()
    assert connection.last_words() == cause
    connection.kill()


def test_slurm_is_asked_for_a_step_a_node() -> None:
    request = SlurmRequest.parse(
        "partition=gpu nodes=2 gres=gpu:4 time=30 exclusive c=8 per_device=2"
    )
    carrier = SlurmCarrier(request, {"SLURM_CONF": "/etc/slurm.conf", "SLURM_JOB_ID": "1"})

    assert carrier.nodes() == ["slurm-1", "slurm-2"]
    assert carrier.command("slurm-2") == (
        *(
            "srun",
            "--quiet",
            "--unbuffered",
            "--nodes=1",
            "--ntasks=1",
            "--job-name=hpsearch",
        ),
        *("--signal=USR1@60", "--partition=gpu", "--gres=gpu:4", "--time=30", "--exclusive", "-c8"),
        *(sys.executable, *AGENT[:-1], "2"),
    )
    assert carrier._own_environment() == {"SLURM_CONF": "/etc/slurm.conf"}, (
        "an allocation of its own"
    )


def test_within_an_allocation_each_of_its_nodes_gets_a_step() -> None:
    here = {"SLURM_JOB_ID": "1", "SLURM_JOB_NUM_NODES": "3"}
    carrier = SlurmCarrier(SlurmRequest.parse(""), here)

    assert carrier.nodes() == ["slurm-1", "slurm-2", "slurm-3"]
    assert "--relative=2" in carrier.command("slurm-3")
    assert carrier._own_environment() == here


def test_slurm_without_options_needs_an_allocation() -> None:
    with pytest.raises(InputError, match=r"there is none here: run it within salloc or sbatch"):
        SlurmCarrier(SlurmRequest.parse(""), {})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("nodes=0", "nodes=0: not a whole number from 1 on"),
        ("ntasks=4", "ntasks is set by hpsearch"),
        ("=5", "'=5' is not key=value"),
        ("; rm", "';' is not key=value"),
        ("gres='gpu:1", "a quote is not closed"),
        ("time=1 time=2", "time is there twice"),
        ("devices=gpu0", "devices gpu0: not a list of devices; write auto, cpu, cpu:2, cuda"),
        ("python=~nobody-here/python", "python ~nobody-here/python: there is no user nobody-here"),
    ],
)
def test_what_slurm_cannot_be_asked_is_refused(text: str, fault: str) -> None:
    with pytest.raises(InputError) as error:
        SlurmRequest.parse(text)

    assert str(error.value).startswith(f"--slurm {text}: {fault}")
    assert "; write for instance --slurm" in str(error.value)


def fake_kubectl(folder: Path, pods: dict[str, str]) -> None:
    """Puts a kubectl first on the path that lists these pods and runs commands here."""
    items = [
        {"metadata": {"name": name}, "status": {"phase": phase}} for name, phase in pods.items()
    ]
    (folder / "pods.json").write_text(json.dumps({"items": items}))
    program = folder / "kubectl"
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {folder}/calls\n'
        f'case "$*" in *"get pods"*) cat {folder}/pods.json; exit;; esac\n'
        'while [ "$1" != "--" ]; do shift; done; shift; exec "$@"\n'
    )
    program.chmod(0o755)


def test_running_pods_are_reached_by_kubectl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_kubectl(tmp_path, {"a": "Running", "b": "Pending", "c": "Running"})
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    choice = PodChoice.parse("app=trainer namespace=lab container=main python=echo")

    carrier = KubernetesCarrier(choice)
    assert carrier.nodes() == ["a", "c"]
    connection = carrier.connect("c")
    deadline = time.monotonic() + 30
    while not connection.ended and time.monotonic() < deadline:
        time.sleep(0.01)
    connection.stream.receive()
    connection.kill()
    carrier.close()

    assert connection.stream.noise == " ".join(AGENT)
    assert (tmp_path / "calls").read_text().splitlines() == [
        "--namespace=lab get pods --output=json --selector=app=trainer",
        f"--namespace=lab exec --stdin --container=main pod/c -- echo {' '.join(AGENT)}",
    ]


def test_a_cluster_that_cannot_list_its_pods_is_reported_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kubectl").write_text(
        "#!/bin/sh\necho 'E: no'; echo 'The connection to the server b was refused' >&2; exit 1"
    )
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    with pytest.raises(InputError) as error:
        KubernetesCarrier(PodChoice.parse("app=trainer"))
    assert str(error.value) == (
        "kubectl cannot list pods: The connection to the server b was refused; see whether this"
        " works: kubectl get pods"
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "'' is not a label selector"),
        ("--all", "'--all' is not a label selector"),
        (
            "app=a pods=3",
            "there is no key 'pods'; the keys are namespace, container, context, devices",
        ),
        ("app=a per_device=x", "per_device=x: not a whole number from 1 on"),
        ("app=a\\", r"nothing follows its last \\"),
        ("app=a namespace=b namespace=c", "namespace is there twice"),
        ("app=a devices=gpu0", "devices gpu0: not a list of devices"),
    ],
)
def test_what_is_not_a_choice_of_pods_is_refused(text: str, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        PodChoice.parse(text)


def test_ray_is_reported_where_it_is_and_what_an_agent_takes() -> None:
    assert RayChoice.parse("auto") == RayChoice("auto")
    assert RayChoice.parse("head:6379 gpus=0.5 cpus=0 per_device=2") == RayChoice(
        "head:6379", gpus=0.5, cpus=0.0, per_device=2
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "the address is missing"),
        ("auto gpu=1", "there is no key 'gpu'; the keys are gpus, cpus, devices, per_device"),
        ("auto gpus=-1", "gpus=-1: not a number from 0 on"),
        ("'auto", "a quote is not closed"),
        ("auto gpus=1 gpus=2", "gpus is there twice"),
        ("auto devices=gpu0", "devices gpu0: not a list of devices"),
    ],
)
def test_what_is_not_a_ray_cluster_is_refused(text: str, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        RayChoice.parse(text)


def test_an_address_of_ray_where_nothing_answers_is_refused_at_once() -> None:
    for address in ("auto", "ray-head"):
        require_answer(address)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        addresses = [f"{before}127.0.0.1:{listening.getsockname()[1]}" for before in ("", "ray://")]
        for address in addresses:
            require_answer(address)
    for address in addresses:
        with pytest.raises(InputError) as error:
            require_answer(address)
        assert str(error.value) == (
            f"--ray {address}: nothing answers there (Connection refused); start Ray here with"
            " `ray start --head`, or write where it runs, as in --ray ray-head:6379"
        )


@pytest.mark.parametrize("written", ["ray://head", "ray://head:"])
def test_the_address_of_a_ray_client_has_a_port(written: str) -> None:
    with pytest.raises(InputError, match=r"has a port; write ray://head:10001"):
        require_answer(written)
