"""A warm process that makes studies: each order is done by a fork, which may be killed at a write.

It reads orders, a line of JSON each: the task, the folder to do it in, and at which of its writes
it is to be killed (0: never). It answers with the fork's exit code, -9 where it was killed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import torch
from inline import resume_inline, run_inline

from hpsearch.search.confirm.finalists import choose_finalists
from hpsearch.search.confirm.study import enqueue_finalists
from hpsearch.search.store import open_storage, open_study
from hpsearch.studyfile.study import StudySpec

# Whatever changes a disk; what a process says on a pipe is among them and does no harm.
WRITES = (
    "write,writev,pwrite64,pwritev,ftruncate,fsync,fdatasync,mkdir,mkdirat,rename,renameat,"
    "renameat2,unlink,unlinkat,link,linkat,symlink,symlinkat"
)


def spec(name: str = "tiny", trials: int = 2) -> StudySpec:
    return StudySpec.from_document(
        {
            "study": {
                "name": name,
                "objective": {"val_loss": "minimize"},
                "sampler": "random",
                "pruner": "none",
                "trials": trials,
            },
            "model": {"class_path": "tiny.TinyModel", "init_args": {"width": "~int(2, 16)"}},
            "data": {"class_path": "tiny.TinyData"},
            "trainer": {"max_epochs": 1},
        }
    )


def url(folder: Path) -> str:
    return f"sqlite:///{folder}/study.db"


def make_study(folder: Path) -> None:
    """Makes a study, and has no time for a trial."""
    run_inline(spec(), url(folder), folder / "runs", timeout_s=1e-6)


def search(folder: Path) -> None:
    """Begins or continues a study, to its end."""
    run_inline(spec(), url(folder), folder / "runs")


def make_confirmation(folder: Path) -> None:
    """Makes the confirmation of a study, and has no time for a trial."""
    stored = open_study(open_storage(url(folder)), "tiny")
    finalists = choose_finalists(stored.record(), 1)
    again = enqueue_finalists(stored, finalists, 2, folder / "runs")
    resume_inline(again.name, url(folder), folder / "runs", timeout_s=1e-6)


TASKS: dict[str, Callable[[Path], None]] = {
    task.__name__: task for task in (make_study, search, make_confirmation)
}


def do(task: str, folder: Path, kill_at: int) -> int:
    """Does a task in a fork; returns its exit code."""
    child = os.fork()
    if not child:
        _work(TASKS[task], folder, traced=bool(kill_at))
    if kill_at:
        how = f"inject={WRITES}:signal=SIGKILL:when={kill_at}"
        options = ["-f", "-qq", "-o", "/dev/null", "-e", f"trace={WRITES}", "-e", how]
        with subprocess.Popen(["strace", *options, "-p", str(child)]):
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _work(task: Callable[[Path], None], folder: Path, *, traced: bool) -> NoReturn:
    while traced and "TracerPid:\t0\n" in Path("/proc/self/status").read_text():
        time.sleep(0.001)
    time.sleep(0.05 * traced)  # until the tracer has had its first stop
    try:
        torch.set_num_threads(1)
        task(folder)
    except BaseException as error:
        print(repr(error), file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    for line in sys.stdin:
        task, folder, kill_at = json.loads(line)
        print(do(task, Path(folder), kill_at), flush=True)
