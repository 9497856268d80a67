"""Runs contestants one at a time, as processes with all their children, and times them."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from threading import Event
from typing import Any

import psutil

HERE = Path(__file__).parent
PEERS = HERE / ".venv" / "bin" / "python"
OURS = ("hpsearch", "torch", "torchvision", "pytorch-lightning", "optuna", "SQLAlchemy", "numpy")
THEIRS = (
    *("optuna", "lightning", "torch", "torchvision", "ray", "keras", "keras-tuner", "kornia"),
    *("SQLAlchemy", "psycopg", "numpy"),
)
LEFTOVERS_S = 10.0
WATCH_S = 0.2
COUNT_S = 0.5
LONGEST_S = 4 * 3600.0
BECOME_SUBREAPER = 36  # Linux's PR_SET_CHILD_SUBREAPER


@dataclass(frozen=True)
class Setting:
    """How much to run, and where.

    Attributes:
        scale: share of the work to do; 1 is the full race.
        folder: for data and the contestants' files.
        only: cases and contestants to run; all if empty.
        versions: of the packages in the peers' environment; empty without one.
    """

    scale: float
    folder: Path
    only: tuple[str, ...]
    versions: Mapping[str, str]

    def sized(self, whole: int, minimum: int = 1) -> int:
        """Returns the share of a number to run."""
        return max(minimum, round(whole * self.scale))

    def wanted(self, case: str, contestant: str) -> bool:
        """Returns whether this contestant runs in this case."""
        cases = [name for name in self.only if name[:1] != "@"]
        contestants = [name[1:] for name in self.only if name[:1] == "@"]
        return (not cases or case in cases) and (not contestants or contestant in contestants)

    def missing(self, *packages: str) -> str:
        """Returns why a contestant with these packages is left out; empty if it is not."""
        absent = [package for package in packages if package not in self.versions]
        return f"{', '.join(absent)} not installed in benchmarks/.venv" if absent else ""

    def new_folder(self) -> Path:
        """Returns an empty folder."""
        return Path(tempfile.mkdtemp(dir=self.folder))


@dataclass(frozen=True)
class Run:
    """The measurements of a command.

    Attributes:
        wall_s: from its start to its end.
        cpu_s: of all its processes.
        said: the last line of each process, parsed as JSON; empty if it printed nothing.
    """

    wall_s: float
    cpu_s: float
    said: tuple[dict[str, Any], ...]


def run(commands: Sequence[Sequence[str]], cwd: Path, **environment: str) -> Run:
    """Runs commands at the same time until all have ended.

    Raises:
        SystemExit: one of them failed, or has not ended after `LONGEST_S`.
    """
    own, others = set(psutil.Process().children()), everybody()
    before, start, ended = _children_cpu_s(), time.perf_counter(), Event()
    running = _start_all(commands, cwd, environment)
    with ThreadPoolExecutor(1) as pool:
        seen = pool.submit(_seen_cpu_s, ended, others)
        try:
            codes = [process.wait(LONGEST_S) for process in running]
        except subprocess.TimeoutExpired as error:
            raise SystemExit(f"{error.cmd} is not done after {LONGEST_S / 3600:g} hours") from None
        finally:
            wall_s = time.perf_counter() - start
            ended.set()
            _end(running, own)
    texts = [(cwd / f"output-{i}").read_text(errors="replace") for i in range(len(running))]
    for command, code, text in zip(commands, codes, texts, strict=True):
        if code:
            raise SystemExit(f"{' '.join(command)} ended with {code}:\n{text[-3000:]}")
    cpu_s = max(_children_cpu_s() - before, seen.result())
    return Run(wall_s, cpu_s, tuple(map(_last_said, texts)))


def time_until(
    reached: Callable[[], bool],
    commands: Sequence[Sequence[str]],
    cwd: Path,
    timeout_s: float,
    **environment: str,
) -> float | None:
    """Runs commands at the same time until a goal is reached, then ends them; returns the seconds.

    None if the time was up before.

    Raises:
        SystemExit: they ended before the goal was reached.
    """
    own, start = set(psutil.Process().children()), time.perf_counter()
    running = _start_all(commands, cwd, environment)
    try:
        while (seconds := time.perf_counter() - start) <= timeout_s:
            ended = all(process.poll() is not None for process in running)
            if reached():
                return seconds
            if ended:
                text = (cwd / "output-0").read_text(errors="replace")[-3000:]
                raise SystemExit(f"{commands[0]} did not reach its goal:\n{text}")
            time.sleep(WATCH_S)
        return None
    finally:
        _end(running, own)


def everybody() -> set[psutil.Process]:
    """Returns the child processes of this one, with all their descendants."""
    return set(psutil.Process().children(recursive=True))


def moments(
    ended: Event, every_s: float, others: set[psutil.Process]
) -> Iterator[set[psutil.Process]]:
    """Yields the processes that run now, except the given others, repeatedly until the end."""
    while not ended.wait(every_s):
        yield everybody() - others


def peer(program: str, *arguments: str) -> list[str]:
    """Returns the command that runs a program of benchmarks/peers in the peers' environment."""
    return [str(PEERS), str(HERE / "peers" / f"{program}.py"), *arguments]


def peers_versions() -> dict[str, str]:
    """Returns the versions of the packages in the peers' environment; empty if there is none."""
    if not PEERS.exists():
        return {}
    code = (
        "import importlib.metadata as m, json\n"
        "print(json.dumps({d.metadata['Name'].lower(): d.version for d in m.distributions()}))"
    )
    found = json.loads(subprocess.run([PEERS, "-c", code], check=True, capture_output=True).stdout)
    return {name: found[name.lower()] for name in THEIRS if name.lower() in found}


def own_versions() -> dict[str, str]:
    """Returns the versions of the packages that hpsearch runs on."""
    return {name: version(name) for name in OURS}


def machine() -> str:
    """Returns a description of this machine."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    python = ".".join(map(str, sys.version_info[:3]))
    return f"{os.cpu_count()} x {model or 'CPU'}, {memory:.0f} GiB, Python {python}"


def _start_all(
    commands: Sequence[Sequence[str]], cwd: Path, environment: Mapping[str, str]
) -> list[subprocess.Popen[bytes]]:
    # Processes that they leave behind become children of this one, which can wait for and end them.
    ctypes.CDLL(None).prctl(BECOME_SUBREAPER, 1)
    return [
        _start(command, cwd / f"output-{i}", cwd, environment) for i, command in enumerate(commands)
    ]


def _start(
    command: Sequence[str], output: Path, cwd: Path, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    with output.open("wb") as file:
        return subprocess.Popen(
            command,
            cwd=cwd,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,
        )


def _end(running: Sequence[subprocess.Popen[bytes]], own: set[psutil.Process]) -> None:
    """Ends the remaining processes and counts their time, so that the next contestant runs alone.

    Processes that a contestant has left behind are children of this process now.
    """
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    deadline = time.monotonic() + LEFTOVERS_S
    while left := set(psutil.Process().children()) - own:
        for process in left:
            with suppress(psutil.Error):
                if time.monotonic() > deadline:
                    process.kill()
                process.wait(0.05)


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _seen_cpu_s(ended: Event, others: set[psutil.Process]) -> float:
    """Returns the time of all processes seen: Ray's workers are not in any parent's sum."""
    seen: dict[psutil.Process, float] = {}
    for processes in moments(ended, COUNT_S, others):
        for process in processes:
            with suppress(psutil.Error):
                taken = process.cpu_times()
                seen[process] = taken.user + taken.system
    return sum(seen.values())


def _last_said(text: str) -> dict[str, Any]:
    last = text.strip().rpartition("\n")[2]
    try:
        said = json.loads(last)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
