"""Studies and trials made by hand, and a screen of fixed width to show them."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import AXE, Browser, browsing
from browser import NAMES as BROWSERS
from rich.console import Console, RenderableType
from servers import mariadb_programs

from hpsearch.engines.forkserver_client import environment
from hpsearch.engines.slots import count_gpus
from hpsearch.engines.warm_client import end_serving, start_serving

# Imported when needed: if a name of a library is missing, a test can then say so.
if TYPE_CHECKING:
    from hpsearch.search.store.records import StudyRecord, TrialRecord

# Variables set by a login shell, a cluster or a proxy must not decide how a test ends. Tests about
# such variables set them themselves: see test_elsewhere.py.
FOREIGN = re.compile(
    r"(SLURM|OMPI|PMI|PMIX|JSM|LSB|TORCHELASTIC)_\w+"
    r"|((LOCAL|GROUP|NODE|GLOBAL)_)?RANK|(LOCAL_)?WORLD_SIZE|MASTER_(ADDR|PORT)"
    r"|(https?|all|no)_proxy|XDG_RUNTIME_DIR|NO_COLOR|(FORCE|CLICOLOR|TTY)_\w+|HPSEARCH_(STORAGE|DATA|DASHBOARD_TOKEN)",
    re.IGNORECASE,
)
for name in filter(FOREIGN.fullmatch, [*os.environ]):
    del os.environ[name]
os.environ |= {"COLUMNS": "120", "TERM": "xterm"}
# Threads of OpenMP that wait would spin for milliseconds at each step, on cores that others need.
os.environ["OMP_WAIT_POLICY"] = "passive"
os.umask(0o022)
# `nohup` makes every process ignore it.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

Trials = Callable[..., "TrialRecord"]
Studies = Callable[..., "StudyRecord"]
Screen = Callable[..., str]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips tests that this machine cannot run, and says what would help."""
    if item.get_closest_marker("browser") and not any(map(shutil.which, BROWSERS)):
        pytest.skip("needs Chromium: apt-get install -y chromium")
    if item.get_closest_marker("axe") and not AXE.exists():
        pytest.skip("needs axe-core: npm ci --prefix tests/axe")
    if item.get_closest_marker("gpu") and not count_gpus():
        pytest.skip("needs a GPU that this process may use")
    if item.get_closest_marker("mariadb") and len(mariadb_programs()) < 2:
        pytest.skip("needs MariaDB: apt-get install -y mariadb-server")
    if item.get_closest_marker("postgresql") and has_little_shared_memory():
        pytest.skip("needs 16 MB of shared memory: mount -o remount,size=64m /dev/shm")


def has_little_shared_memory(place: Path = Path("/dev/shm")) -> bool:
    """Whether there is less of it than PostgreSQL begins with; without the place it needs none."""
    return place.exists() and shutil.disk_usage(place).free < 16 << 20


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: the tests wait for processes a sixth of their time."""
    return len(os.sched_getaffinity(0)) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with the longest tests, those of whole commands, so that no core waits at the end."""
    items.sort(key=lambda item: item.path.parent != Path(__file__).parent)


@pytest.fixture(scope="session")
def torch_in_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a process that has loaded torch, as `hpsearch serve` keeps one."""
    folder = tmp_path_factory.mktemp("serving")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        start_serving(600.0, environment())
    yield folder
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        end_serving()


@pytest.fixture
def warm(torch_in_memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Searches of this test fork from the process that has loaded torch: each starts 4 s sooner.

    For tests of what searches do; tests of how they start and end do not use it.
    """
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(torch_in_memory))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium, started once."""
    with browsing() as started:
        yield started


@pytest.fixture
def make_trial() -> Trials:
    from hpsearch.search.store.records import TrialRecord

    def make(number: int = 0, state: str = "complete", value: float = 0.9, **fields: Any) -> Any:
        known: dict[str, Any] = {
            "params": {"model.hidden": 32, "optimizer.lr": 0.001},
            "values": (value,) if state in ("complete", "pruned") else None,
            "values_by_epoch": {1: value / 2, 2: value} if state != "failed" else {},
            "seconds": 75.0,
            "device": "cpu",
            "checkpoint": f"runs/mnist/trial-{number:04d}/best.ckpt",
            "attempts": (),
            "attributes": {"failure": "out of memory"} if state == "failed" else {},
        }
        return TrialRecord(number=number, state=state, **(known | fields))  # type: ignore[arg-type]

    return make


@pytest.fixture
def make_study() -> Studies:
    from hpsearch.search.store.records import StudyRecord

    def make(*trials: TrialRecord, **fields: Any) -> StudyRecord:
        complete = [trial for trial in trials if trial.state == "complete" and trial.values]
        known: dict[str, Any] = {
            "name": "mnist",
            "state": "done",
            "objectives": {"val_accuracy": "maximize"},
            "budget": len(trials),
            "best": max(complete, key=lambda trial: trial.values or (), default=None),
            "pareto_front": (),
            "owner": None,
            "storage": "sqlite:///hpsearch.db",
            "runs": "runs",
        }
        return StudyRecord(trials=trials, **(known | fields))

    return make


@pytest.fixture
def on_screen() -> Screen:
    def render(thing: RenderableType, width: int = 120, height: int = 24) -> str:
        stream = io.StringIO()
        Console(file=stream, width=width, height=height, color_system=None).print(thing)
        return stream.getvalue()

    return render
