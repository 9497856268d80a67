"""What a running search tells other processes about its nodes, and what they request.

Both are files in the study's run folder, so that `hpsearch nodes` works from any machine that sees
the folder: `nodes.json`, and one file per request in `nodes.requests`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hpsearch.engines.cluster.fleet import Fleet

FILE = "nodes.json"
REQUESTS = "nodes.requests"
NONCE = "nodes.nonce"
EVERY_S = 2.0


class Notices:
    """Writes the nodes' file and obeys requests, in the process that runs the search.

    Args:
        folder: the study's run folder.
        add: gives a node of this name to a carrier.
    """

    def __init__(self, folder: Path, add: Callable[[str], None]) -> None:
        self._folder = folder
        self._add = add
        self._noticed_at = 0.0

    def tell(self, fleet: Fleet) -> None:
        """Writes which nodes are in, every two seconds; others report it if the disk is full."""
        if time.monotonic() - self._noticed_at < EVERY_S:
            return
        self._noticed_at = time.monotonic()
        content = {"pid": os.getpid(), "nodes": fleet.rows()}
        beside = self._folder / f"{FILE}.tmp"
        with contextlib.suppress(OSError):
            beside.write_text(json.dumps(content), encoding="utf-8")
            beside.replace(self._folder / FILE)

    def obey(self, fleet: Fleet) -> None:
        """Adds and drains nodes as requested."""
        for path in sorted((self._folder / REQUESTS).glob("*.json")):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                request = json.loads(path.read_text(encoding="utf-8"))
                for name in request["add"]:
                    self._add(name)
                    fleet.roster.admit(name)
                for name in request["drain"]:
                    fleet.drain(name)
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Removes the files: no node is in any more."""
        for name in (FILE, NONCE):
            (self._folder / name).unlink(missing_ok=True)
        shutil.rmtree(self._folder / REQUESTS, ignore_errors=True)


def read_rows(folder: Path, pid: int) -> list[dict[str, Any]] | None:
    """Returns the rows that the process with this number wrote; None if it wrote none.

    A search that was killed leaves its file behind, and its age would be by another machine's
    clock.
    """
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        rows: list[dict[str, Any]] = content["nodes"]
        return rows if content["pid"] == pid else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def request(folder: Path, add: Sequence[str], drain: Sequence[str]) -> None:
    """Asks the running search of a study to add and to drain nodes."""
    requests = folder / REQUESTS
    requests.mkdir(exist_ok=True)
    name = f"{time.time_ns()}-{uuid.uuid4().hex}"
    beside = requests / f"{name}.tmp"
    beside.write_text(json.dumps({"add": list(add), "drain": list(drain)}), encoding="utf-8")
    beside.replace(requests / f"{name}.json")
