"""Why a trial was pruned, continued or paused: in words that its values bear out, and once."""

from __future__ import annotations

import random
import warnings
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import IntDistribution
from optuna.trial import Trial

from hpsearch.protocol.messages import Report
from hpsearch.search.pruners import KeptPruner
from hpsearch.search.rungs import RungDecision
from hpsearch.search.store.decisions import Decisions, read_decisions, why_pruned
from hpsearch.search.store.sampling import keep_pruner
from hpsearch.search.store.writer import StudyWriter
from hpsearch.studyfile.study import StudySpec

CURVES = [[0.5, 0.55], [0.6, 0.65], [0.7, 0.75]]


def spec_of(
    pruner: Any, direction: str = "maximize", trainer: Any = None, **study: Any
) -> StudySpec:
    return StudySpec.from_document(
        {
            "study": {
                "name": "a",
                "objective": {"acc": direction},
                **({} if pruner is None else {"pruner": pruner}),
                "sampler": "random",
                "trials": 20,
                **study,
            },
            "model": {"class_path": "a.Model", "init_args": {"width": "~int(2, 8)"}},
            "trainer": trainer or {"max_epochs": 9},
        }
    )


def memory(spec: StudySpec) -> optuna.Study:
    direction = next(iter(spec.objectives.values()))
    study = optuna.create_study(study_name="a", direction=direction)
    keep_pruner(study, spec)
    return study


def train(study: optuna.Study, curve: list[float]) -> tuple[Trial, bool]:
    """Reports a curve until it is pruned; a trial that is not is complete."""
    trial = study.ask()
    for epoch, value in enumerate(curve, 1):
        trial.report(value, epoch)
        if trial.should_prune():
            return trial, True
    study.tell(trial, curve[-1])
    if isinstance(study.pruner, KeptPruner):
        study.pruner.complete(study.trials[trial.number])
    return trial, False


ANY = {"n_startup_trials": 0}
PATIENT = {"patience": 1, "wrapped_pruner": None}
INNER = {"class_path": "optuna.pruners.MedianPruner", "init_args": ANY}
CASES = [
    (
        "optuna.pruners.MedianPruner",
        ANY,
        [0.4],
        "by MedianPruner: its best acc by epoch 1 is 0.4, behind 0.6, the median of 3 complete"
        " trials",
    ),
    (
        "optuna.pruners.PercentilePruner",
        {"percentile": 25.0, **ANY},
        [0.62],
        "by PercentilePruner: its best acc by epoch 1 is 0.62, behind 0.65, the bar for the best"
        " 25 % of 3 complete trials",
    ),
    (
        "optuna.pruners.SuccessiveHalvingPruner",
        {"min_resource": 1, "reduction_factor": 2},
        [0.3],
        "by SuccessiveHalvingPruner: acc was 0.3 after epoch 1: place 4 of 4 at its rung, where"
        " the best 2 continue",
    ),
    (
        "optuna.pruners.SuccessiveHalvingPruner",
        {"min_resource": 1, "min_early_stopping_rate": 0, "bootstrap_count": 4},
        [0.9],
        "by SuccessiveHalvingPruner: acc was 0.9 after epoch 1: place 1 of 4 at its rung, whose"
        " first 4 trials all end there",
    ),
    (
        "optuna.pruners.HyperbandPruner",
        {"min_resource": 1, "max_resource": 2, "reduction_factor": 3},
        [0.3],
        "by HyperbandPruner: acc was 0.3 after epoch 1: place 4 of 4 at its rung, where the best"
        " one continues (bracket 0)",
    ),
    (
        "optuna.pruners.PatientPruner",
        PATIENT,
        [0.5, 0.4, 0.3],
        "by PatientPruner: the best acc of its last 2 epochs is 0.4, behind 0.5, the best before",
    ),
    (
        "optuna.pruners.PatientPruner",
        {"patience": 0, "wrapped_pruner": INNER},
        [0.5, 0.4],
        "by PatientPruner: the best acc of its last epoch is 0.4, behind 0.5, the best before;"
        " MedianPruner ends it, too",
    ),
    (
        "optuna.pruners.WilcoxonPruner",
        {"p_threshold": 0.3},
        [0.1, 0.2],
        "by WilcoxonPruner: its acc is behind that of trial 2, the best, over 2 epochs (Wilcoxon"
        " signed-rank test, p below 0.3)",
    ),
    (
        "optuna.pruners.ThresholdPruner",
        {"lower": 0.2},
        [0.5, 0.1],
        "by ThresholdPruner: acc was 0.1 after epoch 2",
    ),
]


TRAINERS = {
    "epoch": {"max_epochs": 9},
    "validation": {"max_steps": 90, "val_check_interval": 10},
}


@pytest.mark.parametrize("unit", TRAINERS)
@pytest.mark.parametrize(("path", "arguments", "curve", "words"), CASES)
def test_a_pruner_is_named_with_what_it_compared(
    path: str, arguments: dict[str, Any], curve: list[float], words: str, unit: str
) -> None:
    spec = spec_of({"class_path": path, "init_args": arguments}, trainer=TRAINERS[unit])
    study = memory(spec)
    for earlier in CURVES:
        train(study, earlier)
    trial, pruned = train(study, curve)
    assert pruned
    assert why_pruned(spec, study, trial.number) == words.replace("epoch", unit)


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
@pytest.mark.parametrize(
    ("path", "arguments"),
    [
        ("median", ANY),
        ("percentile", {"percentile": 30.0, **ANY}),
        ("asha", {"min_resource": 1, "reduction_factor": 2}),
        ("hyperband", {"min_resource": 1, "max_resource": 9}),
        ("patient", {"patience": 1, "wrapped_pruner": None}),
    ],
)
def test_what_is_said_of_any_history_is_a_comparison_that_the_trial_lost(
    path: str, arguments: dict[str, Any], direction: str
) -> None:
    spec = spec_of({"class_path": path, "init_args": arguments}, direction)
    study, draw, found = memory(spec), random.Random(1), 0
    for _ in range(60):
        trial, pruned = train(study, [draw.random() for _ in range(9)])
        if pruned:
            found += 1
            words = why_pruned(spec, study, trial.number)
            assert any(lost in words for lost in ("behind", "where the best")), words
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    assert found > 10


def reported(step: int, value: float) -> Report:
    return Report(step, {"acc": value}, {}, 1.0)


def test_a_decision_is_made_once_and_kept_with_its_reason() -> None:
    """Optuna's successive halving notes a rung when it is asked, and would answer otherwise."""
    pruner = {"class_path": "asha", "init_args": {"min_resource": 1, "reduction_factor": 2}}
    writer = StudyWriter(memory(spec_of(pruner)), spec_of(pruner))
    first, second = writer.ask(0), writer.ask(1)
    assert writer.report(first, reported(1, 0.7)).action == "continue"
    decision = writer.report(second, reported(1, 0.2))
    before = writer.trial(1)

    again = writer.report(second, reported(1, 0.9))

    assert again == decision
    assert decision.action == "prune"
    assert writer.trial(1).user_attrs == before.user_attrs
    assert writer.trial(1).system_attrs == before.system_attrs
    assert before.user_attrs["decisions"] == [
        {
            "step": 1,
            "value": 0.2,
            "action": "prune",
            "rung": 0,
            "reason": "by SuccessiveHalvingPruner: acc was 0.2 after epoch 1: place 2 of 2 at its"
            " rung, where the best one continues",
        }
    ]
    assert "decisions" not in writer.trial(0).user_attrs, "it went on, as between rungs"


def test_what_a_trial_met_at_its_rungs_is_kept_in_order() -> None:
    spec = spec_of(None, scheduler={"class_path": "promote", "init_args": {"eta": 2}})
    writer = StudyWriter(memory(spec), spec)
    first, second = writer.ask(0), writer.ask(1)
    for trial, value in ((first, 0.7), (second, 0.2)):
        writer.begin(trial, 9)
        decision = writer.report(trial, reported(1, value))
        assert decision.action == "pause"
        writer.pause(trial, decision.rung)

    promoted = writer.promote()
    assert promoted is not None
    writer.give_up(1, "the search ended, and nothing promoted it")

    def kept(number: int) -> list[tuple[str, str]]:
        decisions = writer.trial(number).user_attrs["decisions"]
        return [(one["action"], one["reason"]) for one in decisions]

    assert kept(0) == [
        ("pause", "place 1 of 1 at rung 1, where none continues before 2 have come"),
        ("continue", "place 1 of 2 at rung 1, where the best one continues"),
    ]
    assert kept(1) == [
        ("pause", "place 2 of 2 at rung 1, where the best one continues"),
        ("prune", "the search ended, and nothing promoted it"),
    ]
    assert writer.report(promoted, reported(1, 0.1)).action == "continue", "it was promoted since"


@pytest.fixture(autouse=True)
def quiet() -> Any:
    """Optuna says of some pruners that they are new."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


def test_what_was_decided_before_a_resume_is_not_decided_again(tmp_path: Path) -> None:
    spec = spec_of({"class_path": "optuna.pruners.MedianPruner", "init_args": ANY})
    study = memory(spec)
    first = study.ask()
    before, again = (Report(1, {"acc": 0.4}, {"acc": 0.4}, seconds) for seconds in (2.0, 5.0))
    writer = StudyWriter(study, spec)
    assert writer.report(first, before).action == "continue"
    writer.set_facts(first, {"seconds": 2.0})
    for curve in CURVES:
        train(study, curve)

    resumed = StudyWriter(study, spec)
    assert resumed.replay(first, [before]).action == "continue"
    assert resumed.report(first, again).action == "continue"
    later = Report(2, {"acc": 0.4}, {"acc": 0.4}, 6.0)
    assert resumed.report(first, later).action == "prune"


def test_decisions_are_in_the_studys_folder_too(tmp_path: Path) -> None:
    study = optuna.create_study()
    trial = study.ask({"width": IntDistribution(2, 8)})
    decisions = Decisions(tmp_path)
    decisions.keep(trial, 3, RungDecision("prune", 3, "behind"), 0.5)
    decisions.keep(trial, 3, RungDecision("prune", 3, "behind"), 0.5)
    with (tmp_path / "decisions.jsonl").open("a") as file:
        file.write('{"trial": 0, "torn\n')
        file.write('{"trial": 0, "parameters": "", "step": "three"}\n[1]\n')

    (found,) = read_decisions(tmp_path).values()

    assert found == [trial.user_attrs["decisions"][0]]
    assert found == [{"step": 3, "value": 0.5, "action": "prune", "rung": 3, "reason": "behind"}]
    assert read_decisions(tmp_path / "none") == {}
