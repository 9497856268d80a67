from __future__ import annotations

import math
from pathlib import Path

import pytest

from hpsearch.engines.slots import (
    Slot,
    count_cpus,
    cpu_limit,
    join_slots,
    lay_out,
    parse_devices,
    visible_devices,
)
from hpsearch.errors import InputError


@pytest.mark.parametrize(
    ("text", "gpus", "expected"),
    [
        ("auto", 0, ("cpu", "cpu")),
        ("auto", 2, ("cuda:0", "cuda:1")),
        ("cpu", 2, ("cpu", "cpu")),
        ("cpu:3", 0, ("cpu", "cpu", "cpu")),
        ("cuda", 2, ("cuda:0", "cuda:1")),
        ("cuda:1", 2, ("cuda:1",)),
        ("cuda:1,0", 2, ("cuda:1", "cuda:0")),
    ],
)
def test_devices_are_named_as_people_write_them(
    text: str, gpus: int, expected: tuple[str, ...]
) -> None:
    assert parse_devices(text, gpus, cpus=2) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "gpu",
            r"--devices gpu: not a list of devices; write auto, cpu, cpu:2, cuda, cuda:0,1, or mps",
        ),
        ("cpu:0", r"--devices cpu:0: the number after cpu: counts cores, .* write cpu:1"),
        ("cpu:0,1", r"--devices cpu:0,1: the number after cpu: counts cores, .* write cpu:2"),
        ("cpu:9999", r"this machine has 2 cores, enough for \d+ trials at once; write cpu:2"),
        ("cpu:two", r"--devices cpu:two: not a list of devices"),
        ("cuda:a", r"--devices cuda:a: not a list of devices"),
        ("cuda:0,2", r"there is no cuda:2; this machine has 2 GPUs"),
        (
            "mps",
            r"--devices mps: this machine has no GPU of Apple's \(macOS on Apple silicon\); write",
        ),
        ("mps:0", r"--devices mps:0: not a list of devices"),
        ("cuda:0,0", r"a GPU is named twice; for several trials on one, write --per-device"),
    ],
)
def test_an_unavailable_device_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_devices(text, gpus=2, cpus=2)


def test_the_gpu_of_a_mac_is_one_device_and_auto_leaves_it_alone() -> None:
    assert parse_devices("mps", gpus=0, cpus=8, apple=True) == ("mps",)
    assert parse_devices("auto", gpus=0, cpus=2, apple=True) == ("cpu", "cpu")
    assert lay_out(("mps",), per_device=1, cpus=8) == (Slot("mps", "mps", 8),)
    assert visible_devices("mps", "0,1") == ""


def test_cuda_is_refused_with_a_message_without_a_gpu() -> None:
    with pytest.raises(
        InputError, match="there is no cuda:0; this machine has no usable GPU; write"
    ):
        parse_devices("cuda", gpus=0, cpus=2)


def test_cpu_threads_are_divided_among_the_slots() -> None:
    slots = lay_out(("cuda:0", "cuda:1"), per_device=2, cpus=16)

    assert {slot.threads for slot in slots} == {4}
    assert [slot.name for slot in slots] == ["cuda:0/0", "cuda:1/0", "cuda:0/1", "cuda:1/1"]
    assert lay_out(("cpu", "cpu", "cpu"), 1, cpus=2)[2] == Slot("cpu:2", "cpu", 1)


@pytest.mark.parametrize(
    ("devices", "per_device", "count", "expected"),
    [
        (("cpu",) * 2, 1, 2, [("cpu:0,1", "cpu", 2)]),
        (("cuda:0", "cuda:1"), 1, 1, [("cuda:0", "cuda:0", 1), ("cuda:1", "cuda:1", 1)]),
        (
            ("cuda:0", "cuda:1", "cuda:2", "cuda:3", "cuda:5"),
            1,
            2,
            [("cuda:0,1", "cuda:0,1", 2), ("cuda:2,3", "cuda:2,3", 2)],
        ),
        (
            ("cuda:1", "cuda:3"),
            2,
            2,
            [("cuda:1,3/0", "cuda:1,3", 2), ("cuda:1,3/1", "cuda:1,3", 2)],
        ),
    ],
)
def test_neighbours_are_joined_for_trials_on_several_devices(
    devices: tuple[str, ...], per_device: int, count: int, expected: list[tuple[str, str, int]]
) -> None:
    slots = join_slots(lay_out(devices, per_device, cpus=8), count)

    assert [(slot.name, slot.device, slot.processes) for slot in slots] == expected


def test_a_trial_cannot_take_more_devices_than_the_machine_has() -> None:
    said = r"a trial takes 3 devices \(study.devices_per_trial\), and there are 2$"
    with pytest.raises(InputError, match=said):
        join_slots(lay_out(("cpu", "cpu"), 1, cpus=2), 3)


def test_slots_of_one_device_are_filled_after_every_device_has_a_trial() -> None:
    devices = [slot.device for slot in lay_out(("cuda:0", "cuda:1"), per_device=2, cpus=4)]

    assert devices[:2] == ["cuda:0", "cuda:1"]


def test_no_more_trials_than_a_machine_has_room_for_are_trained_at_once() -> None:
    with pytest.raises(InputError) as error:
        lay_out(("cpu", "cpu"), per_device=1000, cpus=2)
    assert str(error.value) == (
        "--per-device 1000: this machine has 2 cores, enough for 64 trials at once; write 32 or"
        " less, or name other machines with --nodes"
    )


def test_per_device_must_be_positive() -> None:
    with pytest.raises(InputError, match="--per-device 0: write 1 or more trials a device"):
        lay_out(("cpu",), per_device=0, cpus=2)


@pytest.mark.parametrize(
    ("device", "outer", "expected"),
    [
        ("cpu", None, ""),
        ("cpu", "0,1", ""),
        ("cuda:1", None, "1"),
        ("cuda:0", "2,3", "2"),
        ("cuda:1", "GPU-aa, GPU-bb", "GPU-bb"),
        ("cuda:0,1", None, "0,1"),
        ("cuda:1,2", "4,5,6", "5,6"),
    ],
)
def test_a_trial_sees_its_own_device_only(device: str, outer: str | None, expected: str) -> None:
    assert visible_devices(device, outer) == expected


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "max 100000\n"}, math.inf),
        ({"cpu.max": "250000 100000\n"}, 2.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, math.inf),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.5),
        ({"cpu.max": "nonsense"}, math.inf),
        ({}, math.inf),
    ],
)
def test_a_containers_limit_is_read_from_either_kind_of_control_group(
    tmp_path: Path, files: dict[str, str], cores: float
) -> None:
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert cpu_limit(tmp_path) == cores


def test_a_step_of_slurm_has_the_cores_that_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "1")

    assert count_cpus() == 1
