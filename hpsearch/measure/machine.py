"""The state of this machine and its database, ready to paste into a question."""

from __future__ import annotations

import platform
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path

import psutil

from hpsearch.engines.slots import count_cpus
from hpsearch.errors import InputError
from hpsearch.search.store import database_file, keeps_log, read_storage, redact

_PACKAGES = ("hpsearch", "torch", "torchvision", "pytorch-lightning", "optuna")
_MIN_DISK_GB = 5
_MIN_MEMORY_GB = 2
_LONG_AGO = 1_735_689_600  # the first second of 2025: a clock before it was never set


@dataclass(frozen=True)
class Finding:
    """One fact about the machine.

    Attributes:
        ok: False if it will cause problems; the text then says what to do.
    """

    name: str
    text: str
    ok: bool = True


def examine(storage: str, runs: Path) -> list[Finding]:
    """Returns the facts about this machine, this database and this folder of runs."""
    return [
        Finding(
            "python", f"{platform.python_version()} on {platform.platform()}", _python_is_new()
        ),
        *(_package(name) for name in _PACKAGES),
        Finding("cpu", _cores(count_cpus())),
        _memory(),
        *_gpus(),
        _database(storage),
        _disk(runs),
        _clock(),
    ]


def _python_is_new() -> bool:
    return sys.version_info >= (3, 11)


def _package(name: str) -> Finding:
    try:
        return Finding(name, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Finding(name, f"is not installed; pip install {name}", ok=False)


def _cores(count: int) -> str:
    return f"{count} cores may be used" if count > 1 else "1 core may be used"


def _memory() -> Finding:
    memory = psutil.virtual_memory()
    free, total = memory.available / 1e9, memory.total / 1e9
    text = f"{free:.1f} of {total:.1f} GB free"
    if free < _MIN_MEMORY_GB:
        return Finding("memory", f"{text}: run few trials at once (--devices cpu:1)", ok=False)
    return Finding("memory", text)


def _gpus() -> Iterator[Finding]:
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        yield Finding("gpu", "no NVIDIA GPU: trials run on the CPU")
        return
    try:
        driver = pynvml.nvmlSystemGetDriverVersion()
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
            text = (
                f"{pynvml.nvmlDeviceGetName(handle)}, {int(memory.free) / 1e9:.0f} of"
                f" {int(memory.total) / 1e9:.0f} GB free, driver {driver}"
            )
            yield Finding(f"cuda:{index}", text)
    except pynvml.NVMLError as error:
        yield Finding("gpu", f"the driver does not answer ({error})", ok=False)
    finally:
        pynvml.nvmlShutdown()


def _database(url: str) -> Finding:
    shown = redact(url)
    try:
        storage = read_storage(url)
    except InputError as error:
        if str(error).startswith("there is no database"):
            return Finding("database", f"none yet: a first search makes {shown}")
        return Finding("database", str(error), ok=False)
    details = f"schema {storage.get_current_version()}"
    file = database_file(url)
    if file is not None:
        details += ", WAL" if keeps_log(file) else ", no write-ahead log"
    old = storage.get_current_version() != storage.get_head_version()
    advice = f"; bring it up to date: optuna storage upgrade --storage {shown}" if old else ""
    return Finding("database", f"{shown} opens ({details}){advice}", ok=not old)


def _disk(runs: Path) -> Finding:
    folder = next(path for path in (runs.absolute(), *runs.absolute().parents) if path.exists())
    free = shutil.disk_usage(folder).free / 1e9
    text = f"{free:.1f} GB free for {runs}"
    if free < _MIN_DISK_GB:
        return Finding("disk", f"{text}: make room, or name another folder with --runs", ok=False)
    return Finding("disk", text)


def _clock() -> Finding:
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    if time.time() < _LONG_AGO:
        return Finding(
            "clock", f"{now} is wrong: set it, or the database gets wrong dates", ok=False
        )
    return Finding("clock", now)
