"""A running command whose standard input and output connect to a node's agent."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import Protocol

from hpsearch.engines.cluster.stream import Stream
from hpsearch.engines.linux import dying_with_this

WORDS_BYTES = 4096
# Where a program's help is, and how a node's setup, srun and kubectl sum up what was said before.
NO_CAUSE = re.compile(
    r"(Try|See|Run) ['\"`]|its setup failed"
    r"|srun: error: .*: Exited with exit code|command terminated with exit code"
)


class Connection(Protocol):
    """A connection to one agent, open until it is closed.

    Attributes:
        stream: messages to the agent and from it.
    """

    stream: Stream

    @property
    def ended(self) -> bool:
        """Whether nothing of it remains on this machine."""

    def last_words(self) -> str:
        """Returns the last line on its standard error, such as why ssh gave up; may be empty."""

    def hang_up(self) -> None:
        """Closes the agent's input, upon which it ends; does not wait."""

    def terminate(self) -> None:
        """Asks its process on this machine to end, and cancels its request."""

    def kill(self) -> None:
        """Ends its process on this machine now, and releases it."""


class CommandConnection:
    """Starts the command; it is terminated when this process dies.

    Args:
        command: program and arguments.
        environment: its environment; this process's if not given.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            dying_with_this(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
            env=environment,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.stream = Stream(self._process.stdout.fileno(), self._process.stdin.fileno())

    @property
    def ended(self) -> bool:
        """Whether the command has ended."""
        return self._process.poll() is not None

    def last_words(self) -> str:
        """Returns the last line the command wrote to its standard error; may be empty.

        Lines that do not say why, such as one that names a program's help, are passed over if
        there are others.
        """
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - WORDS_BYTES))
        lines = map(str.strip, self._errors.read().decode(errors="replace").split("\n"))
        said = [line for line in lines if line]
        causes = [line for line in said if not NO_CAUSE.match(line)]
        return (causes or said or [""])[-1]

    def hang_up(self) -> None:
        """Closes the command's standard input."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self.stream.closed = True

    def terminate(self) -> None:
        """Sends the command SIGTERM, which has `srun` cancel what it waits for."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kills the command if it still runs, reaps it, and closes its files."""
        self._signal(signal.SIGKILL)
        self.hang_up()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.close()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
