"""How often the kernel has killed a process for lack of memory: a signal alone does not say why."""

from __future__ import annotations

from pathlib import Path

VMSTAT = Path("/proc/vmstat")


def count_memory_kills(vmstat: Path = VMSTAT) -> int:
    """Returns the kernel's count since it started, containers included; 0 where it keeps none."""
    try:
        fields = dict(line.split() for line in vmstat.read_text().splitlines())
        return int(fields["oom_kill"])
    except (OSError, KeyError, ValueError):
        return 0
