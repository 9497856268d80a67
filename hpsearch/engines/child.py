"""One trial's process: takes a job from its channel, sees only its devices, runs it, and ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast, get_args

from hpsearch.engines import bridge
from hpsearch.engines.linux import set_parent_death_signal
from hpsearch.engines.ranks import run_ranks
from hpsearch.engines.slots import visible_devices
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Decision, Ended, Message, Report, Started, to_line

RUN = "hpsearch.trial.run:run_trial"


class CoordinatorDisconnectedError(BaseException):
    """The coordinator is gone: the trial ends here and resumes from its last checkpoint.

    Not an `Exception`, so that no training code mistakes it for an error of the trial.
    """


def run_child(channel: socket.socket) -> NoReturn:
    """Runs the one job from the channel, or answers the one call of a function with a job."""
    lines = channel.makefile("rw", encoding="utf-8", newline="\n")
    code = 1
    try:
        line = lines.readline()
        order = json.loads(line)
        if "call" in order:
            code = _call(order["call"], Job.from_json(order["job"]), order["arguments"], lines)
        else:
            code = _train(Job.from_json(line), lines)
    except CoordinatorDisconnectedError:
        code = 3
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        _end(code)


def _call(function: str, job: Job, arguments: Sequence[Any], lines: TextIOWrapper) -> int:
    """Calls a function with a job and sends its result; returns this process's exit code."""
    isolate_process(job)
    lines.write(json.dumps(bridge.call(function, job, *arguments)) + "\n")
    lines.flush()
    return 0


def _train(job: Job, lines: TextIOWrapper) -> int:
    """Trains a trial; returns this process's exit code."""
    termination = TerminationFlag()
    termination.listen()
    isolate_process(job)
    if job.processes > 1:
        return train_together(job, lines, termination)
    bridge.call(RUN, job, lambda message: _send(lines, message, termination))
    return 0


def _end(code: int) -> NoReturn:
    """Ends this process with an exit code, or by a signal if it is negative."""
    if code < 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (-code,))
        with contextlib.suppress(OSError):  # SIGKILL has no handler to restore
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    # Not sys.exit: exit handlers belong to the server that this process was forked from.
    os._exit(code)


class TerminationFlag:
    """Whether this process was asked to terminate: a trial then ends its epoch and stops."""

    def __init__(self) -> None:
        self.is_set = False

    def listen(self) -> None:
        """Sets the flag on SIGTERM, and on SIGUSR1, which Slurm sends before a preemption."""
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, self._set)

    def _set(self, *_: object) -> None:
        self.is_set = True


def train_together(job: Job, lines: TextIOWrapper, termination: TerminationFlag) -> int:
    """Trains a trial in several processes; returns this one's exit code.

    The first of them talks to the coordinator. This process reports how the trial ended.
    """

    def run(rank: int, meeting: str, say: Callable[[str], None]) -> None:
        def send(message: Message) -> Decision | None:
            if isinstance(message, Ended):
                say(to_line(message))
                return None
            if rank == 0:
                return _send(lines, message, termination)
            if isinstance(message, Started):
                termination.listen()
            return None

        bridge.call(RUN, job, send, rank, meeting)

    ended, code = run_ranks(job.processes, run)
    if ended:
        lines.write(ended + "\n")
        lines.flush()
    return code


def _send(lines: TextIOWrapper, message: Message, termination: TerminationFlag) -> Decision | None:
    if isinstance(message, Started):
        # By now Lightning has its own SIGTERM handler, which drops the epoch and raises.
        termination.listen()
    try:
        lines.write(to_line(message) + "\n")
        lines.flush()
        if not isinstance(message, Started | Report):
            return None
        answer = lines.readline().strip()
    except OSError as error:
        raise CoordinatorDisconnectedError from error
    if answer not in get_args(Decision):
        raise CoordinatorDisconnectedError
    return "stop" if answer == "continue" and termination.is_set else cast(Decision, answer)


def isolate_process(job: Job) -> None:
    """Makes this process see only the job's devices, and print into the job's folder."""
    # Ctrl-C, and the end of a terminal, reach every process in it; only the coordinator decides
    # what they mean for a trial.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.environ["CUDA_VISIBLE_DEVICES"] = visible_devices(
        job.device, os.environ.get("CUDA_VISIBLE_DEVICES")
    )
    os.environ["OMP_NUM_THREADS"] = str(job.threads)
    with _output(Path(job.folder)) as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)


def _output(folder: Path) -> BinaryIO:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / "output.txt").open("ab")
    except OSError:
        # A full disk: the trial itself reports that to the coordinator.
        return Path(os.devnull).open("ab")


if __name__ == "__main__":
    set_parent_death_signal(int(sys.argv[2]))
    run_child(socket.socket(fileno=int(sys.argv[1])))
