"""Trials are forked where that is safe, and spawned elsewhere."""

from __future__ import annotations

import pytest

from hpsearch.engines.start_method import VARIABLE, start_method
from hpsearch.errors import InputError


@pytest.mark.parametrize(
    ("platform", "chosen", "method"),
    [
        ("linux", None, "fork"),
        ("linux", "", "fork"),
        ("linux", "spawn", "spawn"),
        ("darwin", None, "spawn"),
        ("darwin", "fork", "fork"),
    ],
)
def test_trials_are_forked_on_linux_unless_the_user_says_otherwise(
    platform: str, chosen: str | None, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if chosen is not None:
        monkeypatch.setenv(VARIABLE, chosen)
    assert start_method(platform) == method


def test_another_start_method_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "forkserver")
    with pytest.raises(InputError, match=r"^\$HPSEARCH_START is 'forkserver'; write fork or spawn"):
        start_method()
