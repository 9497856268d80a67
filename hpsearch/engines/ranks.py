"""The processes that train one trial on several devices: they start and end together.

They are forked from the trial's process, which only waits for them. If one dies without a message,
the trial ends as if its only process had died, and is resumed. If one fails, the others lose their
connections to it and fail as well, so its message counts and not theirs.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from hpsearch.engines.linux import set_parent_death_signal

# Time for the others to end by themselves, once one has failed or the first has ended.
GRACE_S = 10.0
LONGEST_WORDS = 1 << 17
_LEAVE = (signal.SIGTERM, signal.SIGUSR1)

Say = Callable[[str], None]


@dataclass
class _Outcome:
    """The last message of each process, and the exit codes of those without one.

    Attributes:
        words: the last line of each process that sent one, by rank, in the order of sending.
        codes: the exit codes by rank.
    """

    words: dict[int, str] = field(default_factory=dict)
    codes: dict[int, int] = field(default_factory=dict)

    @property
    def died(self) -> int:
        """The exit code of the first process that ended without a message; 0 if none did."""
        mute = (code for rank, code in self.codes.items() if rank not in self.words)
        return next(mute, 0)

    @property
    def is_bad(self) -> bool:
        """Whether a process has failed or died."""
        return bool(self.died) or any(map(_is_failure, self.words.values()))

    def sum_up(self) -> tuple[str, int]:
        """Returns how the trial ended, as a line and an exit code; the line is empty if it died."""
        first = self.words.get(0, "")
        if first and not _is_failure(first):
            return first, 0
        if self.died:
            return "", self.died
        return next(filter(_is_failure, self.words.values()), first), 0


def run_ranks(count: int, run: Callable[[int, str, Say], None]) -> tuple[str, int]:
    """Runs a function in this many processes, and waits for all of them.

    A request to leave (SIGTERM, SIGUSR1) is passed on to the first one.

    Args:
        count: number of processes.
        run: called with its rank, the path of a file by which the processes find each other, and a
            function that takes its last line.

    Returns:
        The line that says how they ended, empty if one died without a message; and an exit code,
        negative for a signal.
    """
    # In memory and private: another program cannot take its port, and no file is left behind.
    meeting = os.memfd_create("hpsearch-ranks", 0)
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sys.stdout.flush()
    parent, pids = os.getpid(), dict[int, int]()
    signal.pthread_sigmask(signal.SIG_BLOCK, (*_LEAVE, signal.SIGCHLD))
    for rank in range(count):
        pid = os.fork()
        if not pid:
            near.close()
            set_parent_death_signal(parent)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, (*_LEAVE, signal.SIGCHLD))
            _run_one(rank, f"/proc/self/fd/{meeting}", far, run)
        pids[pid] = rank
    far.close()
    try:
        return _wait(pids, near).sum_up()
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _run_one(
    rank: int, meeting: str, far: socket.socket, run: Callable[[int, str, Say], None]
) -> NoReturn:
    code = 1
    try:
        run(rank, meeting, lambda line: far.sendall(json.dumps([rank, line]).encode()))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(pids: dict[int, int], near: socket.socket) -> _Outcome:
    """Waits until all have ended or their time is up; removes the ended ones from `pids`."""
    outcome, deadline = _Outcome(), float("inf")
    first = next(iter(pids))
    while pids and (left := deadline - time.monotonic()) > 0:
        heard = signal.sigtimedwait((*_LEAVE, signal.SIGCHLD), min(left, 1.0))
        if heard is not None and heard.si_signo in _LEAVE and first in pids:
            os.kill(first, heard.si_signo)
        for pid in list(pids):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                outcome.codes[pids.pop(pid)] = os.waitstatus_to_exitcode(status)
        _listen(near, outcome)
        if deadline == float("inf") and (outcome.is_bad or first not in pids):
            deadline = time.monotonic() + GRACE_S
    return outcome


def _listen(near: socket.socket, outcome: _Outcome) -> None:
    with contextlib.suppress(BlockingIOError):
        while data := near.recv(LONGEST_WORDS, socket.MSG_DONTWAIT):
            rank, line = json.loads(data)
            outcome.words.setdefault(rank, line)


def _is_failure(line: str) -> bool:
    return bool(json.loads(line)["how"] == "failed")
