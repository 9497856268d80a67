"""Rungs counted, and how they are shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from hpsearch.measure.rungs import RungAudit, audit_rungs, count_rungs, epochs_trained
from hpsearch.search.store.records import StudyRecord, TrialRecord
from hpsearch.views.ranking import epochs_words
from hpsearch.views.tables.study import study_status


def at(trial: TrialRecord, epochs: int, **attributes: Any) -> TrialRecord:
    return replace(
        trial, values_by_epoch=dict.fromkeys(range(1, epochs + 1), 0.5), attributes=attributes
    )


def promoting(make_study: Any, make_trial: Any) -> StudyRecord:
    study: StudyRecord = make_study(
        at(make_trial(0), 9, promoted=[1, 3]),
        at(make_trial(1, "paused"), 3, promoted=[1], paused_at=3),
        at(make_trial(2, "paused"), 1, paused_at=1),
        at(make_trial(3, "pruned"), 1, pruned_at=1, paused_at=0),
    )
    return replace(study, epochs=500)


def test_each_rung_says_how_many_met_it_and_what_became_of_them(
    make_study: Any, make_trial: Any
) -> None:
    study = promoting(make_study, make_trial)
    assert [str(rung) for rung in count_rungs(study.trials)] == [
        "after 1: 4 met, 2 continued, 1 paused",
        "after 3: 2 met, 1 continued, 1 paused",
    ]
    assert epochs_trained(study.trials) == 14


def test_where_nothing_pauses_there_are_no_rungs(make_trial: Any) -> None:
    assert count_rungs([make_trial(0), at(make_trial(1, "pruned"), 2, pruned_at=2)]) == []


def ended(trial: TrialRecord, at_rung: float, end: float, **attributes: Any) -> TrialRecord:
    """A whole trial with one value after the first epoch and another one at its end."""
    curve = {1: at_rung, 2: end}
    return replace(trial, values=(end,), values_by_epoch=curve, attributes=attributes)


def test_audited_trials_say_how_often_a_rung_was_wrong(make_trial: Any) -> None:
    trials = [
        ended(make_trial(0), 0.8, 0.90, promoted=[1]),
        ended(make_trial(1), 0.7, 0.80, promoted=[1]),
        ended(make_trial(2), 0.3, 0.95, audited_at=1, promoted=[1]),
        ended(make_trial(3), 0.2, 0.30, audited_at=1, promoted=[1]),
        at(make_trial(4, "pruned"), 1, pruned_at=1),
    ]
    (audit,) = audit_rungs(trials, "maximize")
    assert audit.correlation is not None
    assert round(audit.correlation, 3) == 0.4
    assert audit == RungAudit(1, 2, 1, 1, 4, audit.correlation)
    assert audit_rungs(trials[:2], "maximize") == []


def test_a_loss_is_audited_the_other_way_round(make_trial: Any) -> None:
    trials = [
        ended(make_trial(0), 0.8, 0.5, promoted=[1]),
        ended(make_trial(1), 0.9, 0.4, audited_at=1, promoted=[1]),
    ]
    (audit,) = audit_rungs(trials, "minimize")
    assert (audit.audited, audit.wrong, audit.winners, audit.correlation) == (1, 1, 1, None)


@pytest.mark.parametrize(("kept", "words"), [(500, "500"), (None, "no limit")])
def test_a_budget_in_epochs_that_was_changed_for_the_run_is_shown_beside_the_studys(
    make_study: Any, make_trial: Any, kept: int | None, words: str
) -> None:
    study = replace(promoting(make_study, make_trial), epochs=kept, run_epochs=60)
    found = f"14 of 60 trained (changed for this run; the study keeps {words})"
    assert epochs_words(study) == found


def test_status_shows_rungs_paused_trials_and_the_budget_in_epochs(
    make_study: Any, make_trial: Any
) -> None:
    console = Console(width=100, record=True)
    console.print(study_status(promoting(make_study, make_trial), width=100))
    text = console.export_text()
    assert "14 of 500 trained\n" in text
    assert "after 3: 2 met, 1 continued, 1 paused" in text
    assert "1 complete, 1 pruned, 2 paused" in text
