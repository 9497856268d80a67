"""A real sshd on the loopback, with keys of its own, for as long as a test needs it."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import time
from pathlib import Path

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin:" + os.environ.get("PATH", ""))
PATIENCE_S = 30.0

SSHD_CONF = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/known.pub
PasswordAuthentication yes
KbdInteractiveAuthentication no
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile {folder}/sshd.pid
"""

SSH_CONF = """
Host box* stranger
  HostName 127.0.0.1
  Port {port}
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
  IdentitiesOnly yes
Host box*
  IdentityFile {folder}/known
Host stranger
  IdentityFile {folder}/unknown
Host nowhere
  HostName 127.0.0.1
  Port 1
"""


def can_run() -> bool:
    """Returns whether there is an sshd that this user may start."""
    return SSHD is not None and shutil.which("ssh") is not None


class ToySshd:
    """Lets `box0`, `box1` and so on in by key, and asks `stranger` for a password.

    Args:
        folder: for keys and configuration.

    Attributes:
        ssh: the command to put into `$HPSEARCH_SSH`.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("host", "known", "unknown"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)],
                check=True,
            )
        Path("/run/sshd").mkdir(exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        for name, text in (("sshd.conf", SSHD_CONF), ("ssh.conf", SSH_CONF)):
            (folder / name).write_text(text.format(port=port, folder=folder))
        self._log = (folder / "sshd.log").open("wb")
        assert SSHD is not None
        self._daemon = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(folder / "sshd.conf")], stderr=self._log
        )
        self.ssh = shlex.join(("ssh", "-F", str(folder / "ssh.conf")))
        self._await(port)

    def close(self) -> None:
        """Ends the daemon; connections that are open stay."""
        self._daemon.terminate()
        self._daemon.wait()
        self._log.close()

    def _await(self, port: int) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except ConnectionRefusedError:
                time.sleep(0.02)
        raise AssertionError("sshd does not answer")
