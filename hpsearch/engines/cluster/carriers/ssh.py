"""Nodes reached over ssh: one connection per node, which never prompts."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from hpsearch.engines.cluster.carriers.command import agent_arguments, local_python
from hpsearch.engines.cluster.connection import CommandConnection, Connection
from hpsearch.engines.cluster.nodes_file import LOCAL, NodeEntry
from hpsearch.engines.cluster.words import split_words

SSH = "HPSEARCH_SSH"
SSH_EXAMPLE = "write for instance ssh -F lab.conf"
OPTIONS = (
    *("-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"),
    # Both sides notice after 15 s that the other has disappeared.
    *("-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"),
)
NO_PYTHON = (
    "install hpsearch there under the same path, or list the host in a file for --nodes, with its"
    " Python under `python:`"
)
LOG_IN = "see whether this works: ssh {name}"
ADVICE = {
    "cannot be started": "that program must be installed on this machine",
    "Could not resolve hostname": "write a host's name as for ssh, or the path of a file of nodes",
    "Permission denied (": "ssh must log in there without a password: ssh-copy-id {name}",
    "Host key verification failed": (
        "its key is new or has changed; log in once by hand to see which, and to accept it: ssh"
        " {name}"
    ),
    "connect to host": LOG_IN,
    "timed out": LOG_IN,
    "Connection closed by": LOG_IN,
    "No module named": NO_PYTHON,
    "exec: ": NO_PYTHON,
    "not found": "`setup:` is run by sh; `. /etc/profile` in front of `module load` may be missing",
}


class SshCarrier:
    """Starts agents by ssh.

    `$HPSEARCH_SSH` replaces `ssh`, for your own options.

    Args:
        entries: the nodes.
    """

    patience_s: float | None = 120.0
    where_to_look = ""

    def __init__(self, entries: Iterable[NodeEntry]) -> None:
        self._entries = {entry.label: entry for entry in entries}
        _ssh()

    def add(self, entry: NodeEntry) -> None:
        """Adds a node, or replaces the one of this name."""
        self._entries[entry.label] = entry

    def nodes(self) -> Sequence[str]:
        """Returns the names of the list."""
        return list(self._entries)

    def connect(self, name: str) -> Connection:
        """Starts the agent on a host; what the host must know goes into one shell command."""
        return CommandConnection(command_for(self._entries[name]))

    def advice(self, words: str) -> str:
        """Returns what to do about an error of ssh or the host's shell."""
        return next((advice for part, advice in ADVICE.items() if part in words), "")

    def close(self) -> None:
        """Holds nothing."""


def command_for(entry: NodeEntry) -> tuple[str, ...]:
    """Returns the command that starts a node's agent."""
    if entry.command:
        return tuple(shlex.split(entry.command))
    words = agent_arguments(entry.devices, entry.per_device)
    if entry.host in LOCAL and not entry.setup:
        return (local_python(entry.python), *words)
    start = _in_shell(entry.python or sys.executable, words)
    here = shlex.quote(str(Path.cwd()))
    # The folder is the same where a file system is shared: relative paths of data hold there.
    setup = _set_up(entry.setup) if entry.setup else ""
    script = f"cd {here} 2>/dev/null; {setup}exec {start}"
    if entry.host in LOCAL:
        return ("sh", "-c", script)
    # The script is for sh, whatever the login shell.
    return (*_ssh(), *OPTIONS, entry.host, shlex.join(("sh", "-c", script)))


def _set_up(commands: str) -> str:
    """Returns the beginning of a script: it ends if these commands fail, or nobody is left to hear.

    Until the agent starts, nothing is sent to it, so its input has an end only when this machine
    has hung up. sshd leaves what it has started alone then.
    """
    failed = f"its setup failed ({'; '.join(commands.strip().splitlines())}): exit code"
    quiet = "{ kill $listening; wait $listening; } 2>/dev/null"
    said = f"code=$?; {quiet}; printf '%s %s\\n' {shlex.quote(failed)} $code >&2; exit $code"
    return (
        "exec 3<&0; { read -r _ <&3 || kill 0; } >/dev/null 2>&1 & listening=$!;"
        f" trap {shlex.quote(said)} EXIT; {{ {commands}\n}} </dev/null || exit;"
        f" trap - EXIT; {quiet}; exec 3<&-; "
    )


def _ssh() -> list[str]:
    """Returns the words that start ssh.

    Raises:
        InputError: `$HPSEARCH_SSH` has none, or a quote in it is not closed.
    """
    text = os.environ.get(SSH, "ssh")
    return split_words(f"${SSH} {text}", text, SSH_EXAMPLE) or ["ssh"]


def _in_shell(python: str, words: Sequence[str]) -> str:
    """Returns a command for a shell, in which `~/` is the home over there."""
    home, _, path = python.partition("/")
    if home != "~":
        return shlex.join((python, *words))
    return f'"$HOME"/{shlex.join((path, *words))}'
