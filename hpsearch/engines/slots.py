"""The devices a search may use, and the slots on them."""

from __future__ import annotations

import contextlib
import math
import os
import platform
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from hpsearch.errors import InputError

# More trials at once than this are a typing error: each is a process with torch in it.
_MOST_SLOTS = 64
_MOST_A_CORE = 16
SYNTAX = "write auto, cpu, cpu:2, cuda, cuda:0,1, or mps"
_DEVICES = re.compile(r"auto|cpu(:[1-9]\d*)?|cuda(:\d+(,\d+)*)?|mps")


@dataclass(frozen=True)
class Slot:
    """Room for one trial at a time.

    Attributes:
        name: what people see, such as `cpu:0` or `cuda:1/0` (the first slot on GPU 1).
        device: `cpu`, `cuda:N`, `cuda:N,M` for a trial on several, as this machine numbers them, or
            `mps`.
        threads: CPU threads of each process of a trial in this slot.
        host: its machine; empty for the machine that the search runs on.
        processes: number of processes of a trial in this slot, one per device.
    """

    name: str
    device: str
    threads: int
    host: str = ""
    processes: int = 1


def are_devices(text: str) -> bool:
    """Returns whether a text names devices, which a machine may have or not."""
    return _DEVICES.fullmatch(text.strip()) is not None


def parse_devices(text: str, gpus: int, cpus: int, apple: bool = False) -> tuple[str, ...]:
    """Returns the devices that `--devices` names, one entry per device.

    Args:
        text: `auto` (every NVIDIA GPU, else one CPU device per core), `cpu`, `cpu:K`, `cuda`,
            `cuda:I,J`, `mps`.
        gpus: NVIDIA GPUs of this machine.
        cpus: CPU cores that this process may use.
        apple: whether it has Apple's GPU.

    Raises:
        InputError: it is not such a text, or names a device that this machine does not have.
    """
    if not are_devices(text):
        if cores := re.fullmatch(r"cpu:(\d+(?:,\d+)*)", text.strip()):
            count = len(cores[1].split(","))
            rule = f"the number after cpu: counts cores, and names none: write cpu:{count}"
            raise InputError(f"--devices {text}: {rule}")
        raise InputError(f"--devices {text}: not a list of devices; {SYNTAX}")
    kind, _, rest = text.strip().partition(":")
    if kind == "auto":
        return tuple(f"cuda:{i}" for i in range(gpus)) or ("cpu",) * cpus
    if kind == "cpu":
        count = int(rest or cpus)
        _require_room(f"--devices {text}", count, cpus, f"cpu:{cpus}")
        return ("cpu",) * count
    if kind == "mps":
        return _apple_gpu(text, apple)
    if gpus and not rest:
        return tuple(f"cuda:{i}" for i in range(gpus))
    return _chosen_gpus(text, rest, gpus)


def _require_room(option: str, count: int, cpus: int, instead: str) -> None:
    if count > (most := _most_slots(cpus)):
        cores = f"{cpus} core{'' if cpus == 1 else 's'}"
        raise InputError(
            f"{option}: this machine has {cores}, enough for {most} trials at once; write"
            f" {instead}, or name other machines with --nodes"
        )


def _most_slots(cpus: int) -> int:
    return max(_MOST_SLOTS, _MOST_A_CORE * cpus)


def _apple_gpu(text: str, there: bool) -> tuple[str, ...]:
    if not there:
        raise InputError(
            f"--devices {text}: this machine has no GPU of Apple's (macOS on Apple silicon);"
            f" {SYNTAX}"
        )
    return ("mps",)


def _chosen_gpus(text: str, rest: str, gpus: int) -> tuple[str, ...]:
    wanted = [int(index) for index in rest.split(",")] if rest else [0]
    missing = [index for index in wanted if index >= gpus]
    if missing:
        have = f"has {gpus} GPU{'s' * (gpus != 1)}" if gpus else "has no usable GPU"
        raise InputError(
            f"--devices {text}: there is no cuda:{missing[0]}; this machine {have}; {SYNTAX}"
        )
    if len(set(wanted)) < len(wanted):
        raise InputError(
            f"--devices {text}: a GPU is named twice; for several trials on one, write --per-device"
        )
    return tuple(f"cuda:{index}" for index in wanted)


def lay_out(devices: tuple[str, ...], per_device: int, cpus: int) -> tuple[Slot, ...]:
    """Returns the slots on these devices, with the CPU's threads divided among them.

    Raises:
        InputError: `per_device` is not positive, or too large.
    """
    if per_device < 1:
        raise InputError(f"--per-device {per_device}: write 1 or more trials a device")
    if per_device > 1:
        count = len(devices) * per_device
        most = max(1, _most_slots(cpus) // len(devices))
        _require_room(f"--per-device {per_device}", count, cpus, f"{most} or less")
    threads = max(1, cpus // (len(devices) * per_device))
    numbered = [
        (f"cpu:{index}" if device == "cpu" else device, device)
        for index, device in enumerate(devices)
    ]
    return tuple(
        Slot(name if per_device == 1 else f"{name}/{part}", device, threads)
        for part in range(per_device)
        for name, device in numbered
    )


def join_slots(slots: Sequence[Slot], devices: int) -> tuple[Slot, ...]:
    """Returns slots for trials that take several devices each, by joining neighbours.

    Devices that are left over stay idle.

    Args:
        slots: with one device each.
        devices: of each trial.

    Raises:
        InputError: there are fewer devices.
    """
    by_part: dict[str, list[Slot]] = {}
    for slot in slots:
        by_part.setdefault(slot.name.partition("/")[2], []).append(slot)
    joined = tuple(
        _joined(group[first : first + devices], part)
        for part, group in by_part.items()
        for first in range(0, len(group) - devices + 1, devices)
    )
    if slots and not joined:
        have = len(next(iter(by_part.values())))
        raise InputError(
            f"a trial takes {devices} devices (study.devices_per_trial), and there"
            f" {'is' if have == 1 else 'are'} {have}"
        )
    return joined


def _joined(slots: Sequence[Slot], part: str) -> Slot:
    first, *others = slots
    if not others:
        return first
    numbers = [slot.name.partition("/")[0].partition(":")[2] for slot in slots]
    kind = first.name.partition(":")[0]
    name = f"{kind}:{','.join(numbers)}" + (f"/{part}" if part else "")
    device = "cpu" if first.device == "cpu" else f"{kind}:{','.join(numbers)}"
    return replace(first, name=name, device=device, processes=len(slots))


def find_slots(devices: str, per_device: int) -> tuple[Slot, ...]:
    """Returns the slots of this machine that `--devices` and `--per-device` ask for.

    Raises:
        InputError: they are not available.
    """
    cpus = count_cpus()
    apple = (sys.platform, platform.machine()) == ("darwin", "arm64")
    return lay_out(parse_devices(devices, count_gpus(), cpus, apple), per_device, cpus)


def count_cpus() -> int:
    """Returns the CPU cores this process may use: its affinity, within a container's limit.

    Within a Slurm step, its share of the node: not every cluster restricts steps to it.
    """
    affinity = psutil.Process().cpu_affinity() if hasattr(psutil.Process, "cpu_affinity") else None
    cores = len(affinity) if affinity else (os.cpu_count() or 1)
    granted = os.environ.get("SLURM_CPUS_ON_NODE", "")
    cores = min(cores, int(granted)) if granted.isdecimal() else cores
    return max(1, int(min(cores, cpu_limit())))


def cpu_limit(cgroup: Path = Path("/sys/fs/cgroup")) -> float:
    """Returns the CPU limit of a container, in cores; infinite without one.

    `docker run --cpus 2` and a Kubernetes limit leave every core visible.

    Args:
        cgroup: the container's control group, of either version.
    """
    unified, divided = cgroup / "cpu.max", cgroup / "cpu"
    with contextlib.suppress(OSError, ValueError):
        if unified.exists():
            quota, period = unified.read_text(encoding="utf-8").split()
        else:
            quota = (divided / "cpu.cfs_quota_us").read_text(encoding="utf-8")
            period = (divided / "cpu.cfs_period_us").read_text(encoding="utf-8")
        if quota != "max" and int(quota) > 0:
            return int(quota) / int(period)
    return math.inf


def count_gpus() -> int:
    """Returns the GPUs that this process may use, without touching CUDA.

    A process that has touched CUDA cannot fork trials, so this asks NVML, not torch.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([entry for entry in visible.split(",") if entry.strip() not in ("", "-1")])
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return 0
    try:
        return int(pynvml.nvmlDeviceGetCount())
    finally:
        pynvml.nvmlShutdown()


def visible_devices(device: str, outer: str | None) -> str:
    """Returns the CUDA_VISIBLE_DEVICES under which a process sees only these devices.

    Args:
        device: `cpu`, `mps`, `cuda:N` or `cuda:N,M`, counted within `outer`.
        outer: the CUDA_VISIBLE_DEVICES of the search itself, such as a cluster sets; or None.
    """
    if not device.startswith("cuda"):
        return ""
    numbers = device.removeprefix("cuda:").split(",")
    listed = [entry.strip() for entry in (outer or "").split(",") if entry.strip()]
    return ",".join(listed[int(n)] if int(n) < len(listed) else n for n in numbers)
