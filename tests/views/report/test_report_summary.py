from __future__ import annotations

from typing import Any

from hpsearch.views.report.blocks import KeyValues, Paragraph, Table
from hpsearch.views.report.sections.summary import summary


def test_summary_says_what_was_searched_and_by_what(make_material: Any, make_searched: Any) -> None:
    words = summary(make_material(make_searched(0))).parts[0]
    assert isinstance(words, Paragraph)
    assert words.text == (
        "A search to maximize val_accuracy of Net: 2 parameters, too many configurations to count"
        " (a range without steps). Proposed by TPESampler, cut short by HyperbandPruner; at most 8"
        " epochs a trial. The study has ended: 1 done, 0 to go."
    )


def test_a_choice_of_models_is_named_in_full(make_material: Any) -> None:
    data = make_material(model={})
    data.spec.document["model"] = {
        "~choice": {"a": {"class_path": "x.Small"}, "b": {"class_path": "x.Large"}}
    }
    assert "of Small or Large:" in summary(data).parts[0].text


def test_facts_count_the_states_there_are(make_material: Any, make_searched: Any) -> None:
    trials = [make_searched(0), make_searched(1, "pruned"), make_searched(2, "pruned")]
    facts = next(p for p in summary(make_material(*trials)).parts if isinstance(p, KeyValues))
    assert facts.rows["best"] == "val_accuracy 0.9000 (trial 0)"
    assert (facts.rows["complete"], facts.rows["pruned"]) == ("1", "2")
    assert facts.rows["training time"] == "3m 45s"
    assert "failed" not in facts.rows


def test_parameters_stand_in_order_of_importance(make_material: Any, make_searched: Any) -> None:
    shares = {"val_accuracy": {"model.dropout": 0.75, "model.hidden": 0.25}}
    data = make_material(make_searched(0, hidden=32), importances=shares)
    table = next(part for part in summary(data).parts if isinstance(part, Table))
    assert table.rows == [
        ("model.dropout", "0 to 0.5", "0.25", "75%"),
        ("model.hidden", "8 to 512, whole, log", "32", "25%"),
    ]


def test_the_best_value_is_called_optimistic_until_it_is_confirmed(
    make_material: Any, make_searched: Any
) -> None:
    def texts(data: Any) -> str:
        return " ".join(p.text for p in summary(data).parts if isinstance(p, Paragraph))

    assert "`hpsearch confirm mnist`" in texts(make_material(make_searched(0)))
    record = {"chosen": 0, "finalists": [{"trial": 0, "confirmed": 0.875}], "test": None}
    assert "confirm" not in texts(make_material(make_searched(0), confirmation=record))
    assert "confirm" not in texts(make_material(make_searched(0, "failed")))


def test_confirmed_and_tested_figures_stand_beside_the_best(
    make_material: Any, make_searched: Any
) -> None:
    finalists = [{"trial": 1, "confirmed": 0.5}, {"trial": 0, "confirmed": 0.875}]
    test = {"metric": "test_accuracy", "value": 0.8125}
    record = {"chosen": 0, "finalists": finalists, "test": test}
    facts = summary(make_material(make_searched(0), confirmation=record)).parts[1]
    assert facts.rows["confirmed, trial 0"] == "0.8750"
    assert facts.rows["test_accuracy"] == "0.8125"


def test_study_without_trials_has_a_summary(make_material: Any) -> None:
    assert "The study has not begun" in summary(make_material(state="new")).parts[0].text
