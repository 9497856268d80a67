"""A node with its own command, such as a container on this machine."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from hpsearch.engines.cluster.connection import CommandConnection, Connection
from hpsearch.engines.interpreter import python_command


def agent_arguments(devices: str, per_device: int) -> tuple[str, ...]:
    """Returns the words that start an agent, after the name of Python."""
    words = ("agent", "--devices", devices, "--per-device", str(per_device))
    return (*python_command("hpsearch")[1:], *words)


def local_python(named: str) -> str:
    """Returns the Python to start on this machine: the one that is named, or the one that runs."""
    return str(Path(named or sys.executable).expanduser())


def local_agent(devices: str, per_device: int) -> tuple[str, ...]:
    """Returns the command of an agent on this machine."""
    return (sys.executable, *agent_arguments(devices, per_device))


class CommandCarrier:
    """Reaches each node by a command whose input and output are the agent's: a pipe.

    Args:
        commands: by node name.
        environment: of the commands; this process's if not given.
    """

    patience_s: float | None = 120.0
    where_to_look = ""

    def __init__(
        self,
        commands: Mapping[str, Sequence[str]],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._commands = dict(commands)
        self._environment = environment

    def nodes(self) -> Sequence[str]:
        """Returns the names that have a command."""
        return list(self._commands)

    def connect(self, name: str) -> Connection:
        """Runs the node's command."""
        return CommandConnection(self._commands[name], self._environment)

    def advice(self, words: str) -> str:
        """Knows no advice for a command of the user."""
        return ""

    def close(self) -> None:
        """Holds nothing."""
