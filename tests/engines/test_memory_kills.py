"""Kills for memory are attributed by control group, as the kernel counts them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.engines.linux import count_memory_kills

GROUPS = {
    "memory.events": "oom 9\noom_kill 1\n",
    "user/search/memory.events": "low 0\noom_kill 2\n",
    "memory/batch/7/memory.oom_control": "under_oom 0\noom_kill 3\n",
}
EXAMPLES = {
    "a group of version 2": ("0::/user/search\n", 2),
    "a group of version 1": ("4:memory:/batch/7\n1:cpu:/\n0::/\n", 3),
    "a container, which sees its group as the root": ("0::/docker/abc\n", 1),
}


@pytest.mark.parametrize(("own", "kills"), EXAMPLES.values(), ids=EXAMPLES)
def test_kills_are_counted_in_the_processs_own_control_group(
    tmp_path: Path, own: str, kills: int
) -> None:
    for name, text in GROUPS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "cgroup").write_text(own)
    assert count_memory_kills(tmp_path / "cgroup", tmp_path) == kills


def test_nothing_is_counted_without_an_own_control_group(tmp_path: Path) -> None:
    (tmp_path / "cgroup").write_text("4:memory:/\n0::/\n")
    assert count_memory_kills(tmp_path / "cgroup", tmp_path) is None
    assert count_memory_kills(tmp_path / "none", tmp_path) is None
