"""Asks the process that keeps torch loaded between commands to start the trials' server at once.

It listens on a Unix socket in a folder that only this user may enter. The socket's name is a digest
of everything that a process inherits: a command that would inherit anything else finds no socket
and loads torch itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, final

import hpsearch
from hpsearch.engines.interpreter import python_command
from hpsearch.errors import InputError, SearchError

ANSWER_S = 5.0

# The environment variables that are read once, while Python, torch and their libraries are loaded.
# All others are this command's own.
_READ_AT_LOADING = (
    *("PYTHON", "LD_", "GLIBC_", "MALLOC_", "LC_", "LANG", "TZ", "TMP", "TEMP", "XDG_CACHE", "MPL"),
    *("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "TORCH", "PYTORCH_", "PL_", "LIGHTNING_"),
    *("CUDA", "NVIDIA_", "HIP_", "ROCR_"),
)
# Loading torch or Lightning sets these in the process's own environment.
_SET_BY_LOADING = {"PYTORCH_NVML_BASED_CUDA_CHECK", "TORCHINDUCTOR_CACHE_DIR"}
_NAMESPACES = ("ipc", "mnt", "net", "pid", "user", "uts")


def socket_path() -> Path:
    """Returns where a warm process with this environment listens, if there is one."""
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    folder = Path(base) / f"hpsearch-{os.getuid()}"
    return folder / f"{_inheritance() if folder.exists() else 'none'}.sock"


@contextlib.contextmanager
def address_of(path: Path) -> Iterator[str]:
    """Yields the address of a socket, which must be shorter than a path may be."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def is_private(folder: Path) -> bool:
    """Returns whether a folder is this user's and nobody else may enter it."""
    with contextlib.suppress(OSError):
        found = folder.lstat()
        return found.st_uid == os.getuid() and not found.st_mode & 0o077 and folder.is_dir()
    return False


def _inheritance() -> str:
    facts = {
        "code": [sys.executable, *_code()],
        "environment": {
            name: value
            for name, value in os.environ.items()
            if name.startswith(_READ_AT_LOADING) and name not in _SET_BY_LOADING
        },
        "limits": _of_process("limits"),
        "cores": sorted(os.sched_getaffinity(0)),
        "priority": os.getpriority(os.PRIO_PROCESS, 0),
        "user": [os.getuid(), os.getgid(), *os.getgroups()],
        "groups": _of_process("cgroup"),
        "namespaces": [str(Path(f"/proc/self/ns/{name}").readlink()) for name in _NAMESPACES],
        "umask": [line for line in _of_process("status").splitlines() if "Umask" in line],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:20]


def _code() -> Iterator[str]:
    """Yields which files of hpsearch a process has loaded, with their times."""
    package = Path(hpsearch.__file__).parent
    yield str(package)
    yield str(max(file.stat().st_mtime_ns for file in package.rglob("*.py")))


def _of_process(name: str) -> str:
    return Path("/proc/self", name).read_text(encoding="utf-8")


@final
class AdoptedProcess:
    """A process that another one started for this one; it can be killed and waited for."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._handle: int | None = os.pidfd_open(pid)

    def kill(self) -> None:
        """Ends it by SIGKILL, if it has not ended."""
        with contextlib.suppress(ProcessLookupError):
            if self._handle is not None:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def wait(self) -> None:
        """Waits until it has ended."""
        if self._handle is None:
            return
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        poll.poll()
        os.close(self._handle)
        self._handle = None


def adopt(
    control: socket.socket, output: BinaryIO | None, environment: Mapping[str, str]
) -> AdoptedProcess | None:
    """Makes a warm process start the server of this command's trials.

    Args:
        control: the server's end of the socket for its orders.
        output: file for its output; none if not given.
        environment: of the server.

    Returns:
        The server; None if there is no warm process with the same environment.
    """
    if sys.platform != "linux":
        return None
    with contextlib.suppress(OSError, ValueError, KeyError), Path(os.devnull).open("ab") as nowhere:
        order = {"environment": dict(environment), "folder": str(Path.cwd())}
        answer = _ask(order, control.fileno(), (output or nowhere).fileno())
        return AdoptedProcess(answer["pid"])
    return None


def end_serving() -> bool:
    """Ends the warm process for this environment; returns whether there was one."""
    with contextlib.suppress(OSError, ValueError):
        return bool(_ask({"end": True}))
    return False


def start_serving(idle_s: float, environment: Mapping[str, str]) -> None:
    """Starts a warm process for this environment, and waits until it has loaded torch.

    Args:
        idle_s: seconds without a search after which it ends.
        environment: of the process.

    Raises:
        InputError: others may enter the folder for its socket, or this is not Linux.
        SearchError: the process has ended.
    """
    if sys.platform != "linux":
        raise InputError(
            "only Linux can fork a process that has loaded torch; searches here start without one"
        )
    folder = socket_path().parent
    folder.mkdir(mode=0o700, exist_ok=True)
    if not is_private(folder):
        raise InputError(
            f"others may write to {folder}; remove it, or set $XDG_RUNTIME_DIR to a"
            " folder of your own"
        )
    path = socket_path()
    log = path.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            python_command("hpsearch.engines.warm_server", path, idle_s),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,
            env=dict(environment),
            cwd="/",
        )
    with process.stdout or output as answers:
        if not answers.readline():
            code = process.wait()
            raise SearchError(f"the process that loads torch exited with {code}; see {log}")
    # It outlives this command, which must not wait for it.
    process.returncode = 0


def _ask(order: Mapping[str, Any], *descriptors: int) -> Any:
    """Sends an order and returns the answer.

    Raises:
        OSError: nobody listens.
    """
    path = socket_path()
    if not is_private(path.parent):
        raise FileNotFoundError(path)
    with socket.socket(socket.AF_UNIX) as channel, address_of(path) as address:
        channel.settimeout(ANSWER_S)
        channel.connect(address)
        socket.send_fds(channel, [json.dumps(order).encode() + b"\n"], descriptors)
        with channel.makefile("rb") as answers:
            return json.loads(answers.readline())
