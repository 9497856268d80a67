"""Signals ask a search to stop, except those that it ignored before."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

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


def test_a_second_signal_adds_no_urgency_whenever_it_arrives() -> None:
    lines = interrupt_at_line(StopRequest(), 0)
    assert lines > 1
    for line in range(1, lines + 1):
        stop = StopRequest()
        interrupt_at_line(stop, line)
        assert stop.urgency == 1, f"SIGTERM before line {line} of what handles SIGUSR1"


def interrupt_at_line(stop: StopRequest, line: int) -> int:
    """Asks by SIGUSR1, and by SIGTERM before that line of its handling; returns the lines run."""
    seen = 0

    def trace(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        nonlocal seen
        if not frame.f_code.co_filename.endswith("stop.py"):
            return None
        if event == "line":
            seen += 1
            if seen == line:
                sys.settrace(None)
                os.kill(os.getpid(), signal.SIGTERM)
        return trace

    before = sys.gettrace()
    with stop_on_signals(stop):
        sys.settrace(trace)
        try:
            os.kill(os.getpid(), signal.SIGUSR1)
        finally:
            sys.settrace(before)
    return seen


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
            os.close(ours)
            assert not terminal.isatty(), "a closed one says that it is none"
            os.kill(os.getpid(), signal.SIGHUP)
            print("not an error", file=terminal, flush=True)
