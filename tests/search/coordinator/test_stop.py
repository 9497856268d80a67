"""Signals ask a search to stop, except those that it ignored before."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from hpsearch.search.coordinator.stop import StopRequest, stop_on_signals


@pytest.mark.parametrize(
    ("numbers", "urgency", "reason"),
    [
        ([signal.SIGINT], 1, "Ctrl-C"),
        ([signal.SIGINT, signal.SIGINT], 2, "Ctrl-C"),
        ([signal.SIGHUP], 1, "SIGHUP"),
        ([signal.SIGHUP, signal.SIGHUP], 1, "SIGHUP"),
        ([signal.SIGHUP, signal.SIGTERM], 1, "SIGHUP"),
        ([signal.SIGUSR1, signal.SIGTERM], 1, "SIGUSR1"),
        ([signal.SIGTERM, signal.SIGINT], 2, "SIGTERM"),
    ],
)
def test_how_urgently_signals_ask(numbers: list[signal.Signals], urgency: int, reason: str) -> None:
    stop = StopRequest()
    with stop_on_signals(stop):
        for number in numbers:
            os.kill(os.getpid(), number)
    assert (stop.urgency, stop.reason) == (urgency, reason)


def test_a_search_that_was_started_with_nohup_continues_without_its_terminal() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        stop = StopRequest()
        with stop_on_signals(stop):
            os.kill(os.getpid(), signal.SIGHUP)
        assert stop.urgency == 0
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_nothing_is_printed_to_a_terminal_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "__stdout__", terminal)
        with stop_on_signals(StopRequest()):
            os.kill(os.getpid(), signal.SIGHUP)
            os.close(ours)
            print("not an error", file=terminal, flush=True)
