"""`agent`: what a search starts on each of its nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hpsearch.commands.options import Devices, PerDevice

Scratch = Annotated[
    Path | None,
    Parameter(metavar="DIR", help="Folder for the agent's files. [default: $TMPDIR]"),
]


def agent(*, devices: Devices = "auto", per_device: PerDevice = 1, scratch: Scratch = None) -> None:
    """Train trials for a search on another machine, which starts this command itself."""
    from hpsearch.engines.cluster import AgentOptions, serve

    serve(AgentOptions(devices, per_device, scratch))
