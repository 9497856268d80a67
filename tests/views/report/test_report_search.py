"""The sections on the search: history, Pareto front, importance, slices, parallel, cost."""

from __future__ import annotations

from typing import Any

import pytest

from hpsearch.studyfile.distributions import Choice, FloatRange, IntRange
from hpsearch.views.report.sections.cost import cost
from hpsearch.views.report.sections.history import best_so_far, history
from hpsearch.views.report.sections.importance import importance
from hpsearch.views.report.sections.parallel import height_of, parallel
from hpsearch.views.report.sections.pareto_front import pareto_front
from hpsearch.views.report.sections.slices import slices

TWO = {"val_accuracy": "maximize", "parameters": "minimize"}


@pytest.mark.parametrize(("direction", "places"), [("maximize", [0, 2]), ("minimize", [0, 1, 3])])
def test_a_record_beats_all_before_it(direction: Any, places: list[int]) -> None:
    assert best_so_far([3.0, 2.0, 4.0, 1.0, 1.0], direction) == places


def test_history_shows_every_trial_and_the_best_so_far_of_those_compared(
    make_material: Any, make_searched: Any
) -> None:
    trials = [make_searched(0, value=0.5), make_searched(1, "pruned"), make_searched(2, value=0.4)]
    (figure,) = history(make_material(*trials)).parts
    before, cloud, best = figure.traces
    assert (cloud["x"], cloud["y"]) == ((0, 2), (0.5, 0.4))
    assert (best["x"], best["y"]) == ((0, 2), (0.5, 0.5))
    assert (before["x"], before["y"]) == ((1,), (0.9,))
    assert before["marker"]["symbol"] == "circle-open"
    assert figure.note == (
        "Complete trials (2) are compared; 1 stopped before. Those that stopped before have their"
        " best value until then."
    )


def paused_early(make_searched: Any) -> list[Any]:
    """One trial in four is complete; the others are paused after an epoch or two."""
    curves = [{1: 0.3, 2: 0.5, 3: 0.8}, {1: 0.4, 2: 0.2}, {1: 0.2}, {1: 0.3, 2: 0.6}]
    states = ["complete", "paused", "pruned", "paused"]
    return [
        make_searched(n, state, value=0.8, dropout=n / 10, values_by_epoch=curve)
        for n, (state, curve) in enumerate(zip(states, curves, strict=True))
    ]


AT_TWO = (
    "Trials are compared after 2 epochs, by their best value until then: 3 of 4 have trained as"
    " long, and only 1 is complete."
)


def test_where_few_are_complete_every_section_compares_after_the_same_epoch(
    make_material: Any, make_searched: Any
) -> None:
    shares = {"val_accuracy": {"model.hidden": 0.9, "model.dropout": 0.1}}
    data = make_material(*paused_early(make_searched), importance=shares)
    (figure,) = history(data).parts
    before, cloud, best = figure.traces
    assert (before["x"], cloud["x"]) == ((2,), (0, 1, 3))
    assert (cloud["y"], best["y"]) == ((0.5, 0.4, 0.6), (0.5, 0.6, 0.6))
    assert cloud["text"][:2] == (
        "trial 0\n0.5000; 0.8000 at its end",
        "trial 1, paused after 2 epochs\n0.4000",
    )
    assert figure.layout["yaxis"]["title"] == {"text": "val_accuracy (2 epochs)"}
    (lines,) = parallel(data).parts
    assert lines.layout["xaxis"]["ticktext"][-1] == "val_accuracy (2 epochs)"
    assert sum(trace["x"].count(0) for trace in lines.traces) == 3
    words, _, dropout = slices(data).parts
    assert [one["name"] for one in dropout.traces] == ["after 1 epoch", "after 2 epochs"]
    assert dropout.traces[1]["y"] == (0.5, 0.4, 0.6)
    said = [figure.note, lines.note, words.text, importance(data).parts[0].text]
    assert all(AT_TWO in text for text in said)


def test_where_all_have_come_to_their_end_nothing_is_said_about_it(
    make_material: Any, make_searched: Any
) -> None:
    data = make_material(make_searched(0), make_searched(1))
    assert history(data).parts[0].note == ""
    assert "compared" not in slices(data).parts[0].text + parallel(data).parts[0].note
    (figure,) = history(make_material(make_searched(0, "paused"))).parts
    assert figure.note.endswith(": 1 of 1 has trained as long, and none is complete.")


def test_history_has_a_drawing_for_each_objective(make_material: Any, make_searched: Any) -> None:
    trial = make_searched(0, values=(0.9, 50.0))
    first, second = history(make_material(trial, objectives=TWO)).parts
    assert first.traces[0]["y"] == (0.9,)
    assert second.traces[0]["y"] == (50.0,)


def test_front_separates_the_unbeaten(make_material: Any, make_searched: Any) -> None:
    trials = [make_searched(n, values=values) for n, values in enumerate([(0.9, 50), (0.8, 60)])]
    words, figure = pareto_front(
        make_material(*trials, objectives=TWO, pareto_front=(trials[0],))
    ).parts
    assert "trials 0." in words.text
    assert "Only complete trials" not in words.text
    beaten, unbeaten = figure.traces
    assert (beaten["x"], beaten["y"]) == ((0.8,), (60.0,))
    assert (unbeaten["x"], unbeaten["y"]) == ((0.9,), (50.0,))


def test_front_says_how_many_trials_are_complete(make_material: Any, make_searched: Any) -> None:
    trials = [make_searched(0, values=(0.9, 50)), make_searched(1, "pruned", values=None)]
    data = make_material(*trials, objectives=TWO, pareto_front=(trials[0],))
    words, _ = pareto_front(data).parts
    assert words.text.endswith(" Only complete trials are shown: 1 of 2.")


def test_one_objective_has_no_front(make_material: Any, make_searched: Any) -> None:
    assert pareto_front(make_material(make_searched(0))) is None


def test_importance_says_from_how_many_trials_it_comes(
    make_material: Any, make_searched: Any
) -> None:
    shares = {"val_accuracy": {"model.hidden": 0.9, "model.dropout": 0.1}}
    data = make_material(make_searched(0), make_searched(1), importance=shares)
    words, figure = importance(data).parts
    assert words.text.startswith("From 2 trials, by PED-ANOVA")
    assert "a hint, not a finding" in words.text
    assert figure.traces[0]["y"] == ["dropout", "hidden"]  # the greatest on top
    many = make_material(*map(make_searched, range(30)), importance=shares)
    assert "hint" not in importance(many).parts[0].text


def test_nothing_is_important_before_it_can_be_measured(make_material: Any) -> None:
    assert importance(make_material()) is None


def test_a_slice_has_the_scale_of_its_parameter(make_material: Any, make_searched: Any) -> None:
    trials = [make_searched(0, hidden=16), make_searched(1, hidden=256)]
    _, hidden, dropout = slices(make_material(*trials)).parts
    assert hidden.traces[0]["x"] == (16, 256)
    assert hidden.layout["xaxis"]["type"] == "log"
    assert "type" not in dropout.layout["xaxis"]


def test_a_slice_leaves_out_trials_of_other_branches(make_material: Any, make_trial: Any) -> None:
    trials = [make_trial(0, params={"model.hidden": 8}), make_trial(1, params={})]
    _, only = slices(make_material(*trials)).parts
    assert only.title == "hidden"
    assert only.traces[0]["x"] == (8,)


def test_a_slice_shows_trials_that_stopped_hollow_and_by_when(
    make_material: Any, make_searched: Any
) -> None:
    first = {"values_by_epoch": {1: 0.7}}
    trials = [
        make_searched(0, hidden=16),
        make_searched(1, "paused", hidden=32, **first),
        make_searched(2, "pruned", hidden=64, values_by_epoch={1: 0.6, 2: 0.8, 3: 0.75}),
        make_searched(3, "paused", hidden=128, **first),
        make_searched(4, "failed", hidden=256),
        *(make_searched(n, hidden=16) for n in (5, 6)),
    ]
    words, hidden, _ = slices(make_material(*trials)).parts
    early, late, whole = hidden.traces
    assert [one["name"] for one in hidden.traces] == ["after 1 epoch", "after 3 epochs", "complete"]
    assert (early["x"], early["y"]) == ((32, 128), (0.7, 0.7))
    assert (late["x"], late["y"]) == ((64,), (0.8,)), "the best until then"
    assert late["text"] == ("trial 2, pruned after 3 epochs\nhidden 64\n0.8000",)
    assert (whole["x"], "symbol" in whole["marker"]) == ((16, 16, 16), False)
    assert early["marker"]["symbol"] == late["marker"]["symbol"] == "circle-open"
    assert early["marker"]["size"] < late["marker"]["size"]
    assert words.text.endswith(
        " Complete trials (3) are compared; 3 stopped before. Hollow points are trials that stopped"
        " before, with their best value until then: the smaller, the earlier."
    )


def test_trials_that_stopped_at_many_epochs_are_hollow_together(
    make_material: Any, make_searched: Any
) -> None:
    curves = [dict.fromkeys(range(1, last + 1), 0.5) for last in range(1, 9)]
    trials = [make_searched(n, "pruned", values_by_epoch=curve) for n, curve in enumerate(curves)]
    _, hidden, _ = slices(make_material(*trials, *map(make_searched, range(9, 17)))).parts
    assert [one["name"] for one in hidden.traces] == ["stopped early", "complete"]
    assert hidden.traces[0]["text"][6].startswith("trial 6, pruned after 7 epochs\n")


def test_sixteen_slices_are_enough(make_material: Any, make_trial: Any) -> None:
    model = {f"p{i}": "~float(0, 1)" for i in range(20)}
    trial = make_trial(0, params={f"model.p{i}": 0.5 for i in range(20)})
    words, *figures = slices(make_material(trial, model=model)).parts
    assert len(figures) == 16
    assert "The 16 most important of 20 parameters are drawn." in words.text


@pytest.mark.parametrize(
    ("value", "distribution", "height"),
    [
        (0.25, FloatRange(0, 0.5), 0.5),
        (1e-2, FloatRange(1e-4, 1, log=True), 0.5),
        (8, IntRange(8, 8), 0.5),
        ("b", Choice(("a", "b", "c")), 0.5),
        ("a", Choice(("a",)), 0.5),
    ],
)
def test_height_on_a_parallel_axis(value: Any, distribution: Any, height: float) -> None:
    assert height_of(value, distribution) == pytest.approx(height)


def test_a_parallel_line_goes_through_the_parameters_to_the_value(
    make_material: Any, make_searched: Any
) -> None:
    trials = [
        make_searched(0, value=0.1, hidden=8, dropout=0.5),
        make_searched(1, value=0.9, hidden=512, dropout=0.0),
    ]
    (figure,) = parallel(make_material(*trials)).parts
    best = next(trace for trace in figure.traces if trace["name"] == "best fifth")
    assert best["y"] == (1.0, 0.0, 1.0)
    assert figure.layout["xaxis"]["ticktext"] == ["hidden", "dropout", "val_accuracy"]


def test_parallel_needs_two_trials_and_two_parameters(
    make_material: Any, make_searched: Any
) -> None:
    assert parallel(make_material(make_searched(0))) is None
    two = [make_searched(0), make_searched(1)]
    assert parallel(make_material(*two, model={"hidden": "~int(1, 64)"})) is None
    assert parallel(make_material(*two)) is not None


def test_cost_shows_the_best_for_so_many_weights_or_fewer(
    make_material: Any, make_searched: Any
) -> None:
    weights = [(0, 0.9, 1000), (1, 0.8, 2000), (2, 0.95, 4000)]
    trials = [make_searched(n, value=v, attributes={"parameters": w}) for n, v, w in weights]
    by_weights, by_time = cost(make_material(*trials)).parts
    assert by_weights.traces[1]["x"] == (1000, 4000, 4000)
    assert by_weights.traces[1]["y"] == (0.9, 0.95, 0.95)
    assert by_time.title == "val_accuracy against training time (s)"


def test_unknown_weights_leave_only_the_time(make_material: Any, make_searched: Any) -> None:
    assert len(cost(make_material(make_searched(0))).parts) == 1
    assert cost(make_material(make_searched(0, seconds=None))) is None
