from __future__ import annotations

from dataclasses import replace
from typing import Any

from hpsearch.views.report.blocks import Answers, KeyValues, Table
from hpsearch.views.report.sections.summary import summary


def answers(data: Any) -> dict[str, str]:
    """The first screen's questions and answers."""
    found = summary(data).parts[0]
    assert isinstance(found, Answers)
    return {**found.rows}


def test_summary_says_what_was_searched_and_by_what(make_material: Any, make_searched: Any) -> None:
    assert answers(make_material(make_searched(0))) == {
        "Asked": "To maximize val_accuracy of Net: 2 parameters, too many configurations to count"
        " (a range without steps). Proposed by the sampler tpe, cut short by the pruner"
        " hyperband; at most 8 epochs per trial.",
        "Found": "val_accuracy 0.9000 (trial 0), with hidden=64, dropout=0.25. The study has ended:"
        " 1 done, 0 to go.",
        "How sure": "The best value was chosen for being the best of many, so it flatters the model"
        " a little: `hpsearch confirm mnist` trains the finalists again with several seeds and"
        " gives an honest figure.",
        "What next": "1 complete trial is too few to say where to look: `hpsearch resume mnist"
        " --add 10`.",
    }


def test_before_any_trial_is_complete_the_summary_has_what_leads_or_that_all_failed(
    make_material: Any, make_searched: Any
) -> None:
    paused = make_searched(3, "paused", values=None, values_by_epoch={1: 0.45})
    found = answers(make_material(paused))["Found"]
    assert found.startswith("So far val_accuracy 0.4500 (trial 3, epoch 1, paused). The study")
    failed = make_searched(0, "failed", values=None, values_by_epoch={})
    found = answers(make_material(failed))["Found"]
    assert found.startswith("No trial has succeeded, see Failures. The study")
    searched = summary(make_material(failed)).parts[2]
    assert isinstance(searched, Table)
    assert searched.head == ("parameter", "searched")


def test_a_share_of_images_is_as_sure_as_they_are_many(
    make_material: Any, make_searched: Any
) -> None:
    sure = answers(make_material(make_searched(0), inspection={"images": 1000}))["How sure"]
    assert sure.startswith("Other validation images would give 0.8798 to 0.9171 (95 %). And the")


def test_a_choice_of_models_is_named_in_full(make_material: Any) -> None:
    data = make_material(model={})
    data.spec.document["model"] = {
        "~choice": {"a": {"class_path": "x.Small"}, "b": {"class_path": "x.Large"}}
    }
    assert "of Small or Large:" in answers(data)["Asked"]


def test_facts_count_the_states_there_are(make_material: Any, make_searched: Any) -> None:
    trials = [make_searched(0), make_searched(1, "pruned"), make_searched(2, "pruned")]
    facts = next(p for p in summary(make_material(*trials)).parts if isinstance(p, KeyValues))
    assert facts.rows["best"] == "val_accuracy 0.9000 (trial 0)"
    assert (facts.rows["complete"], facts.rows["pruned"]) == ("1", "2")
    assert facts.rows["training time"] == "3m 45s"
    assert "failed" not in facts.rows


def test_what_speed_auto_took_is_among_the_facts(make_material: Any, make_searched: Any) -> None:
    choice = {"taken": {}, "line": "trainer.precision: bf16-mixed", "why": "1.80 times as fast"}
    data = make_material(make_searched(0))
    data = replace(data, study=replace(data.study, speed=choice))
    facts = next(p for p in summary(data).parts if isinstance(p, KeyValues))
    assert facts.rows["speed"] == "auto took trainer.precision: bf16-mixed: 1.80 times as fast"


def test_parameters_stand_in_order_of_importance(make_material: Any, make_searched: Any) -> None:
    shares = {"val_accuracy": {"model.dropout": 0.75, "model.hidden": 0.25}}
    data = make_material(make_searched(0, hidden=32), importance=shares)
    table = next(part for part in summary(data).parts if isinstance(part, Table))
    assert table.rows == [
        ("model.dropout", "0 to 0.5", "0.25", "75%"),
        ("model.hidden", "8 to 512, whole, log", "32", "25%"),
    ]


def test_the_best_value_is_called_optimistic_until_it_is_confirmed(
    make_material: Any, make_searched: Any
) -> None:
    assert "`hpsearch confirm mnist`" in answers(make_material(make_searched(0)))["How sure"]
    record = {"chosen": 0, "finalists": [{"trial": 0, "confirmed": 0.875}], "test": None}
    record |= {"seeds": 3, "comparison": None}
    sure = answers(make_material(make_searched(0), confirmation=record))["How sure"]
    assert sure == (
        "Confirmed over 3 seeds. Trial 0 is the only finalist: there is nothing to compare it with."
    )
    assert "How sure" not in answers(make_material(make_searched(0, "failed")))


def test_confirmed_and_tested_figures_stand_beside_the_best(
    make_material: Any, make_searched: Any
) -> None:
    finalists = [{"trial": 1, "confirmed": 0.5}, {"trial": 0, "confirmed": 0.875}]
    test = {"metric": "test_accuracy", "value": 0.8125}
    record = {"chosen": 0, "finalists": finalists, "test": test, "seeds": 3, "comparison": None}
    facts = summary(make_material(make_searched(0), confirmation=record)).parts[1]
    assert facts.rows["confirmed, trial 0"] == "0.8750"
    assert facts.rows["test_accuracy"] == "0.8125"


def test_study_without_trials_has_a_summary(make_material: Any) -> None:
    assert (
        answers(make_material(state="new"))["Found"] == "The study has not begun: 0 done, 0 to go."
    )
