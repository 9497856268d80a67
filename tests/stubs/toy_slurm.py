"""A real Slurm of one node, in a network namespace of its own, for as long as a test needs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PROGRAMS = ("slurmctld", "slurmd", "srun", "munged", "unshare", "nsenter", "ip")
PATIENCE_S = 30.0
ADDRESS = "10.9.0.1"

CONF = """
ClusterName=toy
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=2,bf_interval=2
KillWait=5
JobRequeue=1
PreemptMode=REQUEUE
PreemptType=preempt/partition_prio
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=4000 Gres=gpu:2 State=UNKNOWN
PartitionName=low Nodes={host} Default=YES MaxTime=60 State=UP PriorityTier=1 PreemptMode=REQUEUE
PartitionName=high Nodes={host} MaxTime=60 State=UP PriorityTier=10
"""


def missing() -> list[str]:
    """Returns the programs that are not here."""
    paths = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    return [name for name in PROGRAMS if shutil.which(name, path=paths) is None]


class ToySlurm:
    """Starts the daemons; `close` ends them, and with them every job.

    Args:
        folder: for their files; Unix sockets in it need a short path.

    Attributes:
        variables: what the environment of its commands must have.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        host = os.uname().nodename.partition(".")[0]
        for name in ("state", "spool"):
            (folder / name).mkdir(parents=True)
        (folder / "slurm.conf").write_text(CONF.format(folder=folder, host=host))
        (folder / "gres.conf").write_text(f"NodeName={host} Name=gpu File={folder}/gpu[0-1]\n")
        (folder / "cgroup.conf").write_text("CgroupAutomount=no\nCgroupPlugin=cgroup/v1\n")
        for number in (0, 1):
            os.mknod(folder / f"gpu{number}", 0o20666, os.makedev(195, number))
        key = folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        folder.chmod(0o755)
        self.variables = {
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
        }
        self._daemons: list[subprocess.Popen[bytes]] = []
        self._space = self._start("unshare", "--net", "sleep", "infinity")
        self._await_namespace()
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "address", "add", f"{ADDRESS}/32", "dev", "lo")
        socket = f"--socket={folder}/munge.socket"
        files = (
            f"--key-file={key}",
            f"--pid-file={folder}/munge.pid",
            f"--log-file={folder}/munge",
        )
        self._start(*self.prefix, "munged", "--foreground", "--force", socket, *files)
        self._await((folder / "munge.socket").exists)
        self._start(*self.prefix, "slurmctld", "-D", "-c")
        self._start(*self.prefix, "slurmd", "-D")
        self._await(lambda: b"idle" in self.run("sinfo", "--noheader", check=False).stdout)

    @property
    def prefix(self) -> tuple[str, ...]:
        """Returns the words before a command that runs where the daemons are."""
        return ("nsenter", f"--target={self._space.pid}", "--net")

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        """Runs a command among the daemons."""
        return subprocess.run(
            (*self.prefix, *command),
            env={**os.environ, **self.variables},
            capture_output=True,
            check=check,
        )

    def jobs(self) -> list[str]:
        """Returns the ids of the jobs that run or wait."""
        return self.run("squeue", "--noheader", "--format=%i").stdout.decode().split()

    def close(self) -> None:
        """Ends all jobs and daemons."""
        for job in self.jobs():
            self.run("scancel", job, check=False)
        self._await(lambda: not self.jobs())
        for daemon in reversed(self._daemons):
            daemon.terminate()
            daemon.wait()

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        with (self._folder / "daemons.log").open("ab") as log:
            daemon = subprocess.Popen(
                command, env={**os.environ, **self.variables}, stdout=log, stderr=log
            )
        self._daemons.append(daemon)
        return daemon

    def _await_namespace(self) -> None:
        outside, inside = Path("/proc/self/ns/net"), Path(f"/proc/{self._space.pid}/ns/net")
        self._await(lambda: inside.readlink() != outside.readlink())

    def _await(self, seen: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not seen():
            assert time.monotonic() < deadline, (self._folder / "daemons.log").read_text()
            time.sleep(0.05)
