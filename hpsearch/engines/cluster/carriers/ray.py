"""Nodes of a Ray cluster: one actor each, which starts the agent as its child.

Ray core only; no Tune, no jobs. The agent is a child process because an actor has many threads, and
a process with threads cannot fork trials safely.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpsearch.engines.cluster.carriers.command import agent_arguments
from hpsearch.engines.cluster.connection import Connection
from hpsearch.engines.cluster.stream import READ_BYTES, Stream
from hpsearch.engines.cluster.words import device_errors, read_pairs, split_words
from hpsearch.engines.linux import dying_with_this
from hpsearch.errors import InputError

OWN_KEYS = ("gpus", "cpus", "devices", "per_device")
LOOK_S = 5.0
EXAMPLE = "write --ray auto, or an address such as --ray ray-head:6379"
START = "start Ray here with `ray start --head`, or write where it runs, as in --ray ray-head:6379"
CLIENT = "ray://"
CONNECT_S = 10.0


@dataclass(frozen=True)
class RayChoice:
    """Which Ray cluster, and what an agent takes of each node.

    Attributes:
        address: of the cluster; `auto` for the one that this machine belongs to.
        gpus: of each node, for Ray's accounts, and fractions of one GPU too; all if None.
        cpus: the same for CPU cores; all if None, none in Ray's accounts if 0.
        devices: as `--devices`, on each node.
        per_device: trials at once on each device.
    """

    address: str
    gpus: float | None = None
    cpus: float | None = None
    devices: str = ""
    per_device: int = 1

    @classmethod
    def parse(cls, text: str) -> RayChoice:
        """Returns what `ADDRESS key=value ...` says.

        Raises:
            InputError: there is no address, or a word is not one of the keys and a value.
        """
        address, *words = split_words(f"--ray {text}", text, EXAMPLE) or [""]
        pairs, errors = read_pairs(words, OWN_KEYS)
        for key in ("gpus", "cpus"):
            if key in pairs and not re.fullmatch(r"\d{1,4}(\.\d{1,4})?", pairs[key]):
                errors.append(f"{key}={pairs[key]}: not a number from 0 on")
        if not re.fullmatch(r"[1-9]\d{0,3}", pairs.get("per_device", "1")):
            errors.append(f"per_device={pairs['per_device']}: not a whole number from 1 on")
        errors += device_errors(pairs.get("devices", "auto"))
        if not address or "=" in address:
            errors.append("the address is missing")
        if errors:
            raise InputError(f"--ray {text}: {'; '.join(errors)}; {EXAMPLE}")
        return cls(
            address,
            gpus=float(pairs["gpus"]) if "gpus" in pairs else None,
            cpus=float(pairs["cpus"]) if "cpus" in pairs else None,
            devices=pairs.get("devices", ""),
            per_device=int(pairs.get("per_device", 1)),
        )


def require_answer(address: str) -> None:
    """Checks that something answers at an address, for which Ray itself would wait for minutes.

    Raises:
        InputError: nothing does, or the address of a Ray client has no port.
    """
    host, _, port = address.removeprefix(CLIENT).rpartition(":")
    if not host or not port.isdecimal():
        if address.startswith(CLIENT):
            said = f"{address}: the address of a Ray client has a port"
            raise InputError(f"--ray {said}; write {CLIENT}{host or port}:10001")
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"--ray {address}: nothing answers there ({reason}); {START}") from None


class RayCarrier:
    """Keeps an actor on every live node of a cluster, including those that autoscaling adds.

    Args:
        choice: which cluster, and what of it.

    Raises:
        InputError: Ray is not installed, or the cluster does not answer.
    """

    patience_s: float | None = 180.0
    where_to_look = "`ray status` shows the cluster"

    def __init__(self, choice: RayChoice) -> None:
        try:
            import ray
        except ImportError:
            raise InputError("--ray needs Ray: pip install 'hpsearch[ray]'") from None
        require_answer(choice.address)
        self._ray = ray
        self._choice = choice
        try:
            ray.init(address=choice.address, log_to_driver=False, logging_level="ERROR")
        except Exception as error:
            # Its first sentence: the next ones are about options of Ray's own.
            reason = next(iter(str(error).splitlines()), type(error).__name__).partition(". ")[0]
            raise InputError(f"--ray {choice.address}: {reason.rstrip('.')}; {START}") from error
        self._actor = ray.remote(max_restarts=0, max_task_retries=0, max_concurrency=4)(_AgentActor)
        self._found: dict[str, dict[str, Any]] = {}
        self._closed = threading.Event()
        self._look()
        self._watch = threading.Thread(target=self._keep_looking, daemon=True)
        self._watch.start()

    def nodes(self) -> Sequence[str]:
        """Returns a name for each node that was alive at the last look."""
        return list(self._found)

    def connect(self, name: str) -> Connection:
        """Starts an actor on a node, and the agent as its child."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        node, choice = self._found[name], self._choice
        has = node["Resources"]
        gpus = has.get("GPU", 0.0) if choice.gpus is None else choice.gpus
        cpus = has.get("CPU", 0.0) if choice.cpus is None else choice.cpus
        devices = choice.devices or ("auto" if gpus else f"cpu:{max(1, int(cpus))}")
        actor = self._actor.options(
            num_cpus=cpus,
            num_gpus=gpus,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
        ).remote(agent_arguments(devices, choice.per_device), gpus > 0, str(Path.cwd()))
        return _ActorConnection(self._ray, actor)

    def advice(self, words: str) -> str:
        """Ray's own messages are enough."""
        return ""

    def close(self) -> None:
        """Leaves the cluster."""
        self._closed.set()
        self._watch.join(LOOK_S)
        self._ray.shutdown()

    def _keep_looking(self) -> None:
        while not self._closed.wait(LOOK_S):
            with contextlib.suppress(Exception):
                self._look()

    def _look(self) -> None:
        living = [node for node in self._ray.nodes() if node["Alive"]]
        self._found = {
            f"{node['NodeManagerHostname']}-{node['NodeID'][:8]}": node
            for node in living
            if node["Resources"].get("CPU") or node["Resources"].get("GPU")
        }


class _AgentActor:
    """Starts the agent and relays its bytes; runs on a node of the cluster."""

    def __init__(self, arguments: Sequence[str], sees_gpus: bool, folder: str) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
        if not sees_gpus:
            # An actor without a GPU has the variable unset, and would see all of them.
            environment["CUDA_VISIBLE_DEVICES"] = ""
        self._process = subprocess.Popen(
            dying_with_this((sys.executable, *arguments)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            # Where a file system is shared, relative paths of data hold there.
            cwd=folder if Path(folder).is_dir() else None,
            bufsize=0,
        )

    def send(self, data: bytes) -> None:
        """Passes bytes on to the agent."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(data)

    def close(self) -> None:
        """Closes the agent's input, which ends it."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def bytes(self) -> Iterator[bytes]:
        """Yields the agent's output."""
        assert self._process.stdout is not None
        while data := os.read(self._process.stdout.fileno(), READ_BYTES):
            yield data


class _ActorConnection:
    """Relays between an actor and a stream, in two threads."""

    def __init__(self, ray: Any, actor: Any) -> None:
        self._ray = ray
        self._actor = actor
        self._words = ""
        self._near, self._relay = socket.socketpair()
        self.stream = Stream(self._near.fileno(), self._near.fileno())
        self._threads = [
            threading.Thread(target=target, daemon=True) for target in (self._bring, self._take)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def ended(self) -> bool:
        """Whether both directions are done."""
        return not any(thread.is_alive() for thread in self._threads)

    def last_words(self) -> str:
        """Returns why Ray says that the actor is gone; may be empty."""
        return self._words

    def hang_up(self) -> None:
        """Closes the agent's input."""
        with contextlib.suppress(OSError):
            self._near.shutdown(socket.SHUT_WR)
        self.stream.closed = True

    def terminate(self) -> None:
        """Ends the actor, and the agent with it."""
        with contextlib.suppress(Exception):
            self._ray.kill(self._actor)

    def kill(self) -> None:
        """Ends the actor and closes the sockets."""
        self.terminate()
        for end in (self._near, self._relay):
            with contextlib.suppress(OSError):
                end.close()

    def _bring(self) -> None:
        """Takes the agent's output."""
        try:
            for part in self._actor.bytes.options(num_returns="streaming").remote():
                self._relay.sendall(self._ray.get(part))
        except Exception as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            self._words = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
        with contextlib.suppress(OSError):
            self._relay.shutdown(socket.SHUT_WR)

    def _take(self) -> None:
        """Passes input to the agent, in order: each part waits for the one before."""
        with contextlib.suppress(Exception):
            while data := self._relay.recv(READ_BYTES):
                self._ray.get(self._actor.send.remote(data))
            self._ray.get(self._actor.close.remote())
