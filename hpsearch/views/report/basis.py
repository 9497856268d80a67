"""How a figure says after how many epochs it compares the trials."""

from __future__ import annotations

from hpsearch.measure.report import ReportData, value_of
from hpsearch.search.store import TrialRecord
from hpsearch.views import formatting
from hpsearch.views.ranking import epochs_done


def basis_words(data: ReportData) -> str:
    """Returns where trials are compared, in a sentence; empty if all of them are complete."""
    count, before = len(data.compared), len(data.stopped_before)
    if not data.basis.epoch:
        return f"Complete trials ({count:,}) are compared; {before:,} stopped before." * bool(
            before
        )
    where = after(data.basis.epoch, data.study.unit)
    have = "has" if count == 1 else "have"
    only = f"only {len(data.complete):,}" if data.complete else "none"
    are = "is" if len(data.complete) < 2 else "are"
    return (
        f"Trials are compared {where}, by their best value until then: {count:,} of"
        f" {count + before:,} {have} trained as long, and {only} {are} complete."
    )


def basis_label(data: ReportData, name: str) -> str:
    """Returns an axis's title for a value there, such as `val/acc (3 epochs)`."""
    epoch = data.basis.epoch
    return f"{name} ({formatting.counted(epoch, data.study.unit)})" if epoch else name


def after(epochs: int, unit: str) -> str:
    """Returns `after 3 epochs`."""
    return f"after {formatting.counted(epochs, unit)}"


def how_far(trial: TrialRecord, unit: str) -> str:
    """Returns a trial and how far it has come: `trial 7, paused after 3 epochs`, or `trial 7`."""
    if trial.state == "complete":
        return f"trial {trial.number}"
    return f"trial {trial.number}, {trial.state} {after(epochs_done(trial), unit)}"


def value_words(data: ReportData, trial: TrialRecord, objective: int = 0) -> str:
    """Returns the value that a figure shows, and that of the end if it is another."""
    shown = formatting.metric(data.compared_value(trial, objective))
    if data.basis.epoch and trial.state == "complete":
        return f"{shown}; {formatting.metric(value_of(trial, objective))} at its end"
    return shown
