"""How far one command takes a search, and where its trials run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunOptions:
    """What `run`, `resume` and `Study.run` may be asked for beside the study itself.

    Attributes:
        trials: trials in all; None for what the study file says.
        add: this many more trials than there are; None for none.
        timeout_s: seconds after which no more epochs begin; None for what the study file says.
        devices: `auto`, `cpu`, `cpu:2`, `cuda` or `cuda:0,1`.
        per_device: trials at once on each device.
        engine: where the trials run; `local` for processes of their own, `inline` for this process,
            one trial at a time, to debug.
        accept_changes: whether to continue under other code, data or versions than before.
        runs: folder of the trials' files; None for where they are, or `runs`.
    """

    trials: int | None = None
    add: int | None = None
    timeout_s: float | None = None
    devices: str = "auto"
    per_device: int = 1
    engine: str = "local"
    accept_changes: bool = False
    runs: Path | None = None
