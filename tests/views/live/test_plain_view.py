from __future__ import annotations

import io
from typing import Any

from hpsearch.protocol.messages import Progress
from hpsearch.views.live.plain import PlainView


class Exited(io.StringIO):
    """A pipe whose reader went away."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_one_line_for_what_matters_and_no_control_codes(make_study: Any, make_trial: Any) -> None:
    stream = io.StringIO()
    view = PlainView(stream)
    view.opened(make_study(make_trial(0), budget=3), ["cpu:0", "cpu:1"])
    view.started(1, "cpu:0", {}, 0)
    view.progressed(1, Progress(1, 2, 0.5, 1.0))
    view.reported(1, 1, {"val_accuracy": 0.5})
    view.refresh()
    view.ended(make_trial(1, value=0.9876))
    view.started(2, "cpu:1", {}, 4)
    view.ended(make_trial(2, "failed"))
    view.note("stopping")
    view.closed(make_study())
    view.stop()
    assert stream.getvalue().splitlines() == [
        "mnist: 1 done, 2 to go; slots: cpu:0, cpu:1",
        "trial 1 complete  val_accuracy 0.9876  2 epochs  1m 15s  hidden=32 lr=0.001",
        "trial 2 continues after epoch 4 on cpu:1",
        "trial 2 failed  0 epochs  1m 15s  hidden=32 lr=0.001  failure: out of memory",
        "stopping",
    ]


def test_what_reports_validations_is_counted_in_these(make_study: Any, make_trial: Any) -> None:
    stream = io.StringIO()
    view = PlainView(stream)
    view.opened(make_study(budget=3, unit="validation"), ["cpu:0"])
    view.started(1, "cpu:0", {}, 4)
    view.ended(make_trial(1, value=0.9876))
    assert stream.getvalue().splitlines()[1:] == [
        "trial 1 continues after validation 4 on cpu:0",
        "trial 1 complete  val_accuracy 0.9876  2 validations  1m 15s  hidden=32 lr=0.001",
    ]


def test_study_that_is_done_says_so(make_study: Any, make_trial: Any) -> None:
    stream = io.StringIO()
    PlainView(stream).opened(make_study(make_trial(0)), ["cpu:0"])
    assert "1 done, 0 to go; nothing to train (--add N asks for more)" in stream.getvalue()


def test_search_continues_when_nobody_reads_any_more() -> None:
    view = PlainView(Exited())
    view.note("one")
    view.note("two")


def test_many_slots_are_named_by_the_first_and_the_last(make_study: Any) -> None:
    stream = io.StringIO()
    PlainView(stream).opened(make_study(budget=3), [f"cpu:{n}" for n in range(32)])
    assert stream.getvalue().endswith("slots: cpu:0 to cpu:31 (32 in all)\n")
