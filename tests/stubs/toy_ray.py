"""A real Ray cluster of several nodes on this machine, in a network namespace of its own."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping

NODES = 3
MEMORY = 80_000_000


def can_run() -> bool:
    """Returns whether Ray is installed."""
    return importlib.util.find_spec("ray") is not None


class ToyRay:
    """Starts the cluster; `close` ends it.

    Args:
        environment: of its nodes.
        gpus: that each node pretends to have.

    Attributes:
        address: for `--ray`.
        prefix: the words before a command that runs where the cluster is.
    """

    def __init__(self, environment: Mapping[str, str], gpus: int = 0) -> None:
        self._process = subprocess.Popen(
            ["unshare", "--net", sys.executable, __file__, str(gpus)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=dict(environment),
        )
        self.prefix = ("nsenter", f"--target={self._process.pid}", "--net")
        self.address = self._answer()

    def kill_node(self) -> None:
        """Kills a node without notice."""
        self._say("kill")
        self._answer()

    def close(self) -> None:
        """Ends the cluster."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _say(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith('{"answer"'):
                return str(json.loads(line)["answer"])
        raise AssertionError("the Ray cluster ended")


def main() -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "object_store_memory": MEMORY, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    gpus = int(sys.argv[1])
    nodes = [
        cluster.add_node(num_cpus=1, num_gpus=gpus, object_store_memory=MEMORY)
        for _ in range(NODES)
    ]
    print(json.dumps({"answer": cluster.address}), flush=True)
    for _ in sys.stdin:
        cluster.remove_node(nodes.pop(), allow_graceful=False)
        print(json.dumps({"answer": "killed"}), flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
