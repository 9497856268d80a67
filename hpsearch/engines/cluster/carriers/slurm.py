"""Nodes from Slurm: each is an agent in its own step, started by `srun`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hpsearch.engines.cluster.carriers.command import agent_arguments, local_python
from hpsearch.engines.cluster.connection import CommandConnection, Connection
from hpsearch.engines.cluster.words import device_errors, home_errors, repeated_errors, split_words
from hpsearch.errors import InputError

# Our own keys; every other key is an option of srun, without its dashes.
OWN_KEYS = ("nodes", "devices", "per_device", "python")
# The user may not change where a job runs and how an agent is started there.
TAKEN = ("ntasks", "n", "nodelist", "w", "input", "output", "error", "job-name", "J", "exact")
OPTION = re.compile(r"[a-z][a-z0-9-]*|[A-Za-z]")
SIGNAL = "USR1@60"
EXAMPLE = 'write for instance --slurm "partition=gpu nodes=2 gres=gpu:4 time=8:00:00"'
ADVICE = {
    "cannot be started": "type the command where Slurm is installed, such as on a login node",
    "configuration source": "type the command on a machine of the cluster, such as a login node",
    "Unable to confirm allocation": "that allocation is over: make another with salloc or sbatch",
    "unrecognized option": "`srun --help` lists what --slurm can say",
    "Invalid partition": "`sinfo` lists the partitions",
    "(gres)": "`sinfo --format='%N %G'` lists what the nodes have",
    "configuration is not available": "`sinfo --Node --long` lists what the nodes have",
    "No such file or directory": "the nodes must see that Python; name another with python=PATH",
}


@dataclass(frozen=True)
class SlurmRequest:
    """What `--slurm` asks for.

    Attributes:
        options: of `srun`, by name without dashes; empty for steps of the allocation that the
            search itself runs in.
        nodes: agents, each on its own node.
        devices: as `--devices`, on each node.
        per_device: trials at once on each device.
        python: how Python is started there; the Python that runs here if not given.
    """

    options: Mapping[str, str] = field(default_factory=dict)
    nodes: int = 1
    devices: str = "auto"
    per_device: int = 1
    python: str = ""

    @classmethod
    def parse(cls, text: str) -> SlurmRequest:
        """Returns what `key=value ...` says.

        Raises:
            InputError: a word is not a key and a value, or the key or the value is not allowed.
        """
        pairs, errors = dict[str, str](), []
        for word in split_words(f"--slurm {text}", text, EXAMPLE):
            key, sign, value = word.partition("=")
            key = key.lstrip("-")
            if not sign and key not in OWN_KEYS:
                value = ""
            if not OPTION.fullmatch(key) and key not in OWN_KEYS:
                errors.append(f"{word!r} is not key=value")
            elif key in pairs:
                errors += repeated_errors([key, key])
            elif key in TAKEN:
                errors.append(f"{key} is set by hpsearch")
            elif key in ("nodes", "per_device") and not re.fullmatch(r"[1-9]\d{0,4}", value):
                errors.append(f"{key}={value}: not a whole number from 1 on")
            else:
                pairs[key] = value
        errors += device_errors(pairs.get("devices", "auto")) + home_errors(pairs.get("python", ""))
        if errors:
            raise InputError(f"--slurm {text}: {'; '.join(errors)}; {EXAMPLE}")
        own = {key: pairs.pop(key) for key in OWN_KEYS if key in pairs}
        return cls(
            pairs,
            int(own.get("nodes", 1)),
            own.get("devices", "auto"),
            int(own.get("per_device", 1)),
            own.get("python", ""),
        )


class SlurmCarrier:
    """Keeps the requested number of agents queued or running, each in its own step.

    Without options of `srun`, within an allocation, the agents are steps of it, one per node. With
    options each is its own allocation, even if the search itself runs as a job. A step that reaches
    its time limit or is preempted tells its agent, which leaves; another step is requested at once.

    Args:
        request: what is asked for.
        environment: of this process.
    """

    # A step may wait in the queue for days.
    patience_s: float | None = None
    where_to_look = "`squeue --me` shows what it has requested"

    def __init__(self, request: SlurmRequest, environment: Mapping[str, str] | None = None) -> None:
        self._request = request
        self._environment = dict(os.environ if environment is None else environment)
        inside = "SLURM_JOB_ID" in self._environment
        if not request.options and not inside:
            raise InputError(
                "--slurm without options takes the allocation that the search runs in, and there is"
                f" none here: run it within salloc or sbatch, or {EXAMPLE}"
            )
        self._within = inside and not request.options
        count = self._allocated if self._within else request.nodes
        self._names = [f"slurm-{number}" for number in range(1, count + 1)]

    def nodes(self) -> Sequence[str]:
        """Returns a name for each agent; which host it gets, Slurm decides."""
        return self._names

    def connect(self, name: str) -> Connection:
        """Asks Slurm for a step with an agent."""
        return CommandConnection(self.command(name), self._own_environment())

    def command(self, name: str) -> tuple[str, ...]:
        """Returns the `srun` command of an agent."""
        request = self._request
        options = {"signal": SIGNAL, **request.options}
        where = [f"--relative={self._names.index(name)}", "--overlap"] if self._within else []
        agent = agent_arguments(request.devices, request.per_device)
        return (
            *("srun", "--quiet", "--unbuffered", "--nodes=1", "--ntasks=1"),
            *("--job-name=hpsearch", *where),
            *(_option(key, value) for key, value in options.items()),
            *(local_python(request.python), *agent),
        )

    def advice(self, words: str) -> str:
        """Returns what to do about an error of Slurm."""
        return next((advice for part, advice in ADVICE.items() if part in words), "")

    def close(self) -> None:
        """Holds nothing: a step ends with its agent."""

    @property
    def _allocated(self) -> int:
        return int(self._environment.get("SLURM_JOB_NUM_NODES", "1"))

    def _own_environment(self) -> dict[str, str]:
        """Returns the environment of `srun`: outside of any allocation unless it is to be within.

        Where to find Slurm's own configuration is kept.
        """
        if self._within:
            return self._environment
        return {
            name: value
            for name, value in self._environment.items()
            if not name.startswith(("SLURM_", "SLURMD_", "SBATCH_", "SRUN_", "SALLOC_"))
            or name == "SLURM_CONF"
        }


def _option(key: str, value: str) -> str:
    dashes = "-" if len(key) == 1 else "--"
    joint = "" if len(key) == 1 else "="
    return f"{dashes}{key}{joint}{value}" if value else f"{dashes}{key}"
