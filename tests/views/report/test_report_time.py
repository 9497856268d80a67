"""The slots over time, and what to do next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from hpsearch.studyfile.study import StudySpec
from hpsearch.views.report.sections.advice import advice, at_boundaries, next_words
from hpsearch.views.report.sections.intervals import idle_seconds, trial_intervals, wall_seconds
from hpsearch.views.report.sections.reproduce import reproduce
from hpsearch.views.report.sections.timeline import timeline

NOW = datetime(2026, 3, 4, 13, 0, tzinfo=UTC)


def at(minute: int) -> str:
    return datetime(2026, 3, 4, 12, minute, tzinfo=UTC).isoformat()


def attempt(slot: str, start: int, end: int | None, how: str | None = "complete") -> dict[str, Any]:
    return {
        "slot": slot,
        "started": at(start),
        "ended": None if end is None else at(end),
        "how": how,
    }


def test_pauses_between_sessions_are_neither_time_nor_idle(
    make_study: Any, make_searched: Any
) -> None:
    study = make_study(
        make_searched(0, attempts=(attempt("cpu:0", 0, 10),)),
        make_searched(1, attempts=(attempt("cpu:1", 0, 4),)),
        make_searched(2, attempts=(attempt("cpu:0", 40, 50),)),
        make_searched(3, attempts=(attempt("cpu:1", 40, 50),)),
    )
    found = trial_intervals(study, NOW)
    assert wall_seconds(found) == 20 * 60
    assert idle_seconds(found, "cpu:0") == 0
    assert idle_seconds(found, "cpu:1") == 6 * 60


def test_a_running_trial_lasts_until_now(make_study: Any, make_searched: Any) -> None:
    study = make_study(make_searched(0, "running", attempts=(attempt("cpu:0", 30, None, None),)))
    assert wall_seconds(trial_intervals(study, NOW)) == 30 * 60


def test_a_killed_trial_lasted_as_long_as_it_trained(make_study: Any, make_searched: Any) -> None:
    killed = make_searched(0, "waiting", seconds=90.0, attempts=(attempt("cpu:0", 30, None, None),))
    assert wall_seconds(trial_intervals(make_study(killed), NOW)) == 90


def test_an_attempt_without_a_start_is_left_out(make_study: Any, make_searched: Any) -> None:
    assert trial_intervals(make_study(make_searched(0, attempts=({"device": "cpu"},))), NOW) == []


def test_timeline_shows_each_slot_and_how_its_trials_ended(
    make_material: Any, make_searched: Any
) -> None:
    trials = [
        make_searched(0, attempts=(attempt("cpu:0", 0, 5, "interrupted"), attempt("cpu:1", 5, 9))),
        make_searched(1, "pruned", attempts=(attempt("cpu:0", 5, 7, "pruned"),)),
    ]
    _, figure, table = timeline(make_material(*trials)).parts
    assert {trace["name"] for trace in figure.traces} == {"complete", "pruned", "interrupted"}
    assert table.rows == [
        ("cpu:0", "2", "7m 00s", "2m 00s", "22%"),
        ("cpu:1", "1", "4m 00s", "5m 00s", "56%"),
    ]


def test_nothing_started_no_timeline(make_material: Any, make_searched: Any) -> None:
    assert timeline(make_material(make_searched(0, "waiting"))) is None


def test_a_range_is_at_its_boundary_where_most_of_the_best_lie_at_its_end(
    make_material: Any, make_searched: Any
) -> None:
    trials = [
        make_searched(n, value=0.99 - n / 100, hidden=500 - 60 * n, dropout=(0.1, 0.3)[n % 2])
        for n in range(8)
    ]
    (one,) = at_boundaries(make_material(*trials))
    assert (one.name, one.side, one.end, one.at_end, one.of) == ("model.hidden", "high", 512, 3, 3)


def test_a_dropout_of_0_cannot_go_lower(make_material: Any, make_searched: Any) -> None:
    trials = [make_searched(n, value=0.99 - n / 100, dropout=0.06 * n / 3) for n in range(8)]
    table = advice(make_material(*trials)).parts[1]
    assert table.rows == [
        ("model.dropout", "low, 0", "3 of 3", "0 itself: this may not be needed at all")
    ]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
            "more trials may find better: `hpsearch resume mnist --add 10`",
        ),
        (
            [0.6, 0.5, 0.4, 0.3, 0.2, 0.1],
            "The best value is that of trial 0; no later one of 6 trials is",
        ),
    ],
)
def test_whether_to_continue_depends_on_when_the_best_came(
    make_material: Any, make_searched: Any, values: list[float], said: str
) -> None:
    trials = [make_searched(n, value=value) for n, value in enumerate(values)]
    assert said in advice(make_material(*trials)).parts[-1].text


def test_a_few_trials_give_no_advice(make_material: Any, make_searched: Any) -> None:
    (words,) = advice(make_material(make_searched(0))).parts
    assert words.text == "1 complete trial is too few to say where to look: run at least 6."
    assert advice(make_material(make_searched(0, "failed"))) is None


@pytest.mark.parametrize("count", [2, 8])
def test_no_trials_are_advised_where_the_grid_has_no_more(
    make_material: Any, make_searched: Any, count: int
) -> None:
    trials = [make_searched(number, hidden=number) for number in range(count)]
    data = make_material(*trials, model={"hidden": f"~int(0, {count - 1})"})
    document = data.spec.document
    gridded = {**document, "study": {**document["study"], "sampler": "grid"}}
    data = replace(data, spec=StudySpec.from_document(gridded))
    text = advice(data).parts[-1].text
    assert text.lower().endswith(
        "all settings of the grid are tried, and a wider one is another study."
    )
    assert "resume" not in next_words(data)
    assert "resume" not in reproduce(data).parts[0].text


def test_commands_files_and_versions_to_reproduce(make_material: Any, make_searched: Any) -> None:
    data = make_material(make_searched(3, hidden=32), versions={"torch": "2.14.1"}, split="abcdef")
    commands, facts, _, study_file, best_file = reproduce(data).parts
    assert commands.text.splitlines()[0].startswith("hpsearch run mnist.yaml")
    assert "hpsearch best mnist --yaml best.yaml" in commands.text
    assert (facts.rows["seed"], facts.rows["split"], facts.rows["torch"]) == (
        "3",
        "abcdef",
        "2.14.1",
    )
    assert "hidden: ~int(8, 512, log=True)" in study_file.text
    assert "hidden: 32" in best_file.text


def test_without_a_best_trial_the_search_can_still_be_repeated(make_material: Any) -> None:
    parts = reproduce(make_material()).parts
    assert "best.yaml" not in "".join(getattr(part, "text", "") for part in parts)
