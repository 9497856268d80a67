"""Searches that are killed: forked from a process that has loaded torch already.

A study's callback `Killed` kills the whole search in the first batch after its first report.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

ARMED = "HPSEARCH_TEST_KILLED"


class Killed(pl.Callback):
    """Kills its process, as the kernel would, once its trial has a report; where that is wanted."""

    def on_train_batch_start(self, trainer: Any, *_: Any) -> None:
        events = Path(trainer.default_root_dir) / "events.jsonl"
        if os.environ.get(ARMED) and events.exists() and '"Report"' in events.read_text():
            os.kill(os.getpid(), signal.SIGKILL)


class Striker:
    """Runs commands in processes of their own, in which `Killed` kills."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "striking"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, ARMED: "yes", "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def run(self, *words: str) -> int:
        """Runs a command in the current folder; returns its exit code, or minus its signal."""
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.write(json.dumps([str(Path.cwd()), sys.path, words]) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())

    def close(self) -> None:
        self._server.communicate()


def serve() -> None:
    from hpsearch.trial.warm import warm

    warm()
    for line in sys.stdin:
        if pid := os.fork():
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
            continue
        folder, sys.path, words = json.loads(line)
        os.chdir(folder)
        output = os.open("killed.txt", os.O_CREAT | os.O_WRONLY)
        os.dup2(output, 1)
        os.dup2(output, 2)
        from hpsearch.cli import main

        os._exit(main(words))


if __name__ == "__main__":
    serve()
