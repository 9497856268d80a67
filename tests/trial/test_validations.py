"""A report is a validation: its value, its checkpoint and its place in the training agree."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import feeding
import pytest
import torch
from desk import Desk, job, run, weights
from fault_score import FULL

from hpsearch.protocol.job import Job, counts_validations
from hpsearch.protocol.messages import Started
from hpsearch.trial.saving.position import GRADIENTS_LOST, NOT_EXACT
from hpsearch.trial.stage import NotFiniteError
from hpsearch.trial.validations import pick_objectives, plain

WITHIN = {"max_epochs": 3, "val_check_interval": 0.5}
BY_STEPS = {"max_epochs": -1, "max_steps": 12, "val_check_interval": 3}


def fed(folder: Path, trainer: dict[str, Any], kind: str = "shuffled", **model: Any) -> Job:
    sections = {
        "model": {"class_path": "feeding.Fed", "init_args": model},
        "data": {"class_path": "feeding.Feed", "init_args": {"kind": kind}},
        "trainer": trainer,
    }
    return replace(job(folder), config=sections)


def by_steps(kind: str) -> dict[str, Any]:
    endless = kind in ("endless", "drawing")
    return {**BY_STEPS, **({} if endless else {"check_val_every_n_epoch": None})}


def loss_in(path: Path) -> float:
    module = feeding.Fed()
    module.load_state_dict(weights(path))
    points, labels = feeding.rows()
    with torch.inference_mode():
        return float(torch.nn.functional.cross_entropy(module.eval().net(points), labels))


@pytest.mark.parametrize("trainer", [WITHIN, {"max_epochs": 2, "val_check_interval": 0.7}])
def test_the_value_reported_is_that_of_best_ckpt(tmp_path: Path, trainer: dict[str, Any]) -> None:
    desk = run(fed(tmp_path, trainer, lr=0.5))

    best = min(desk.reports, key=lambda report: report.values["val_loss"])
    assert desk.ended.facts["best_step"] == best.step
    assert loss_in(tmp_path / "best.ckpt") == pytest.approx(best.values["val_loss"], abs=1e-6)


def test_validations_within_epochs_are_counted_with_their_steps_and_epochs(tmp_path: Path) -> None:
    reports = run(fed(tmp_path, WITHIN)).reports

    assert [report.step for report in reports] == [1, 2, 3, 4, 5, 6]
    assert [report.metrics["steps"] for report in reports] == [3, 6, 9, 12, 15, 18]
    assert [report.metrics["epochs"] for report in reports] == [0.5, 1, 1.5, 2, 2.5, 3]
    assert [report.last for report in reports] == [False] * 5 + [True]


@pytest.mark.parametrize("kind", ["endless", "shuffled", "stream"])
def test_training_by_steps_reports_at_the_given_interval(tmp_path: Path, kind: str) -> None:
    reports = run(fed(tmp_path, by_steps(kind), kind)).reports

    assert [report.metrics["steps"] for report in reports] == [3, 6, 9, 12]
    assert [report.step for report in reports] == [1, 2, 3, 4]
    assert reports[-1].last


def test_a_trial_may_be_pruned_after_any_validation(tmp_path: Path) -> None:
    desk = run(fed(tmp_path, WITHIN), {3: "prune"})

    assert (desk.ended.how, len(desk.reports)) == ("pruned", 3)


def test_a_decision_holds_before_min_epochs(tmp_path: Path) -> None:
    desk = run(fed(tmp_path, {"max_epochs": 4, "min_epochs": 4}), {1: "prune"})

    assert (desk.ended.how, len(desk.reports)) == ("pruned", 1)


KINDS = ("shuffled", "generator", "workers", "noisy", "stateful", "own")


@pytest.mark.parametrize("after", [1, 2, 3] if FULL else [2, 3])
@pytest.mark.parametrize("kind", KINDS if FULL else ("generator", "noisy", "stateful", "own"))
def test_a_trial_resumed_within_an_epoch_equals_the_undisturbed_one(
    tmp_path: Path, kind: str, after: int
) -> None:
    check_equal_when_resumed(tmp_path, WITHIN, kind, after)


@pytest.mark.parametrize(
    "kind", ["endless", "stream", "shuffled", "stateful"] if FULL else ["endless"]
)
def test_a_trial_by_steps_equals_the_undisturbed_one(tmp_path: Path, kind: str) -> None:
    check_equal_when_resumed(tmp_path, by_steps(kind), kind, 3)


def test_a_trial_that_ends_after_steps_equals_the_undisturbed_one_between_epochs(
    tmp_path: Path,
) -> None:
    check_equal_when_resumed(tmp_path, {"max_epochs": 9, "max_steps": 18}, "shuffled", 2)


@pytest.mark.parametrize("kind", ["permuted", "saved"])
def test_a_trial_on_a_stream_in_an_order_of_its_own_equals_the_undisturbed_one(
    tmp_path: Path, kind: str
) -> None:
    check_equal_when_resumed(tmp_path, {"max_epochs": 3}, kind, 2)


@pytest.mark.parametrize("after", [1, 2, 3] if FULL else [3])
def test_an_order_that_only_the_data_module_knows_is_repeated_within_an_epoch(
    tmp_path: Path, after: int
) -> None:
    check_equal_when_resumed(tmp_path, {"max_epochs": 3, "val_check_interval": 3}, "saved", after)


def test_a_resumed_trial_knows_what_was_logged_last(tmp_path: Path) -> None:
    trainer = {"max_epochs": 3, "callbacks": [{"class_path": "feeding.FollowsLoss"}]}
    check_equal_when_resumed(tmp_path, trainer, "shuffled", 2)


def check_equal_when_resumed(folder: Path, trainer: dict[str, Any], kind: str, after: int) -> None:
    whole = run(fed(folder / "whole", trainer, kind))
    first = run(fed(folder / "parts", trainer, kind), {after: "stop"})
    second = run(fed(folder / "parts", trainer, kind))

    assert first.ended.how == "stopped"
    steps = [(r.step, r.values, r.metrics.get("steps")) for r in (*first.reports, *second.reports)]
    assert steps == [(r.step, r.values, r.metrics.get("steps")) for r in whole.reports]
    wanted, got = (weights(folder / which / "last.ckpt") for which in ("whole", "parts"))
    assert all(torch.equal(wanted[key], got[key]) for key in wanted)
    assert notes_of(second) == []


def notes_of(desk: Desk) -> list[str]:
    return next(message.notes for message in desk.heard if isinstance(message, Started))


def test_nothing_is_guaranteed_for_a_loader_that_draws_while_it_is_read(tmp_path: Path) -> None:
    job = fed(tmp_path, by_steps("drawing"), "drawing")
    run(job, {2: "stop"})
    second = run(job)

    assert notes_of(second) == [NOT_EXACT]
    assert [report.step for report in second.reports] == [3, 4]


def test_gradients_that_were_being_accumulated_are_reported_as_lost(tmp_path: Path) -> None:
    job = fed(tmp_path, {**WITHIN, "accumulate_grad_batches": 2})
    run(job, {1: "stop"})

    assert notes_of(run(job)) == [GRADIENTS_LOST]


@pytest.mark.parametrize(
    ("plan", "steps"), [("late", [3, 4, 5]), ("sometimes", [2, 4]), ("nan-last", [1, 2, 3, 4])]
)
def test_a_validation_without_a_value_costs_the_others_nothing(
    tmp_path: Path, plan: str, steps: list[int]
) -> None:
    desk = run(fed(tmp_path, {"max_epochs": 5}, plan=plan))

    assert desk.ended.how == "complete"
    assert [report.step for report in desk.reports] == steps


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (1.0, "is nan, although all weights are finite: look at how it is calculated"),
        (math.inf, "is nan: the training diverged, weights are not finite"),
    ],
)
def test_a_metric_that_is_not_finite_is_blamed_on_the_weights_only_if_they_are_not(
    weight: float, words: str
) -> None:
    module = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(module.weight, weight)
    with pytest.raises(NotFiniteError, match=f"the objective f1 {words}"):
        pick_objectives({"f1": math.nan}, {"f1": "maximize"}, ["f1"], module)


def test_an_objective_of_the_training_will_do_where_nothing_is_validated(tmp_path: Path) -> None:
    plain = fed(tmp_path, {"max_epochs": 2}, plan="training")
    plain.config["data"]["init_args"]["validated"] = False
    desk = run(replace(plain, objectives={"train_loss": "minimize"}))

    assert (desk.ended.failure, desk.ended.how) == ("", "complete")
    assert [report.step for report in desk.reports] == [1, 2]


def test_a_training_that_ends_before_its_first_validation_says_so(tmp_path: Path) -> None:
    ended = run(fed(tmp_path, {"max_epochs": 2, "check_val_every_n_epoch": 5})).ended

    assert ended.failure.startswith("BadMetricError: nothing was validated, so") or (
        ended.failure.startswith("nothing was validated, so there is nothing to report")
    )


@pytest.mark.parametrize(
    ("trainer", "counted"),
    [
        ({"max_epochs": 3}, False),
        ({"max_epochs": 3, "val_check_interval": 1.0}, False),
        ({"max_epochs": 3, "check_val_every_n_epoch": 2}, False),
        ({"max_epochs": 3, "val_check_interval": 1}, True),
        ({"max_epochs": 3, "val_check_interval": 0.25}, True),
        ({"max_epochs": -1, "max_steps": 100}, True),
        ({"max_steps": 100}, True),
    ],
)
def test_steps_are_epochs_unless_validations_come_within_them(
    trainer: dict[str, Any], counted: bool
) -> None:
    assert counts_validations(trainer) is counted


@pytest.mark.parametrize(
    ("metric", "stored"),
    [
        (torch.tensor(0.975), 0.975),
        (torch.tensor(1.5e-7), 1.5e-7),
        (torch.tensor(46592), 46592.0),
        (torch.tensor(0.1, dtype=torch.float64) / 3, 0.1 / 3),
        (torch.tensor(float("inf")), float("inf")),
        (0.1 + 0.2, 0.1 + 0.2),
    ],
)
def test_a_metric_is_stored_with_the_digits_that_it_has(metric: Any, stored: float) -> None:
    assert plain(metric) == stored
    assert torch.tensor(plain(metric)) == torch.tensor(float(metric)), "and is the same in 32 bits"
