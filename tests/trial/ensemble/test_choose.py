"""Trained models are validated one by one, and their average by the first one's steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from hpsearch.protocol.job import Job
from hpsearch.trial.ensemble.choose import choose_ensemble
from hpsearch.trial.ensemble.members import Ensemble, answer_for_all
from hpsearch.trial.run import run_trial
from hpsearch.trial.trained_model import build, evaluate, find_best, load_trained_model

FOLDS: dict[str, Any] = {"kind": "logits", "dim": 1, "target": 0}


def trained(
    folder: Path, number: int, model: str, data: str = "tested.TestedData", **arguments: Any
) -> Job:
    config = {
        "model": {"class_path": model, "init_args": {"width": 8 + number, **arguments}},
        "data": {"class_path": data},
        "trainer": {"max_epochs": 1},
    }
    place = str(folder / f"trial-{number}")
    job = Job("tiny", number, {}, config, {"val_loss": "minimize"}, 1, number, place)
    run_trial(job, lambda message: "continue")
    return job


def choose(folder: Path, *jobs: Job) -> dict[str, Any]:
    kept = [str(folder / f"kept-{job.number}") for job in jobs]
    return choose_ensemble(jobs[0], [job.to_json() for job in jobs], kept, members=5)


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> list[Job]:
    folder = tmp_path_factory.mktemp("jobs")
    return [trained(folder, number, "tested.TestedModel") for number in (1, 2)]


def test_the_steps_of_one_measure_the_average_of_all(jobs: list[Job]) -> None:
    ensemble = Ensemble([job.to_json() for job in jobs], [3, 1], FOLDS)
    module, data = build(jobs[0])
    answer_for_all(module, ensemble)
    metrics = evaluate("validate", jobs[0], module, data, find_best(jobs[0]))

    (points, labels) = next(iter(data.val_dataloader()))
    with torch.inference_mode():
        first, second = (load_trained_model(job)[0](points).softmax(1) for job in jobs)
        mean = 0.75 * first + 0.25 * second
    loss = torch.nn.functional.nll_loss(mean.log(), labels).item()
    assert metrics["val_loss"] == pytest.approx(loss, rel=1e-5)
    assert metrics["val_accuracy"] == pytest.approx((mean.argmax(1) == labels).float().mean())


def test_an_evaluation_draws_no_graph(tmp_path: Path, jobs: list[Job]) -> None:
    """That of an ensemble cannot be traced: the members' weights are no parameters of it."""
    module, data = build(jobs[0])
    answer_for_all(module, Ensemble([job.to_json() for job in jobs], [1, 1], FOLDS))
    module.example_input_array = next(iter(data.val_dataloader()))[0]
    asked = {**jobs[0].config, "tensorboard": {"graph": True}}
    job = replace(jobs[0], config=asked, folder=str(tmp_path))
    assert "val_loss" in evaluate("validate", job, module, data, find_best(jobs[0]))


def test_each_model_is_validated_on_the_same_examples(tmp_path: Path, jobs: list[Job]) -> None:
    found = choose(tmp_path, *jobs)
    assert found["left_out"] == []
    assert (found["averaging"], found["examples"]) == (FOLDS, 32)
    kept = {one["place"] for one in found["members"]}
    assert {path.parent.name for path in tmp_path.glob("kept-*/best.ckpt")} == {
        f"kept-{jobs[place].number}" for place in kept
    }


@pytest.mark.parametrize(
    ("objective", "loss"),
    [("val_accuracy", "log loss of doubtful answers"), ("val_skill", "log loss")],
)
def test_an_average_as_good_as_the_best_model_is_taken_if_its_loss_is_smaller(
    tmp_path: Path, jobs: list[Job], objective: str, loss: str
) -> None:
    more = [*jobs, *(trained(tmp_path, number, "tested.TestedModel") for number in (3, 4))]
    found = choose(tmp_path, *(replace(job, objectives={objective: "maximize"}) for job in more))
    assert len(found["members"]) == 2
    assert found["values"][objective] == found["alone"]["values"][objective]
    assert found["held_out"]["together"] < found["held_out"]["alone"]
    assert found["held_out"]["loss"] == loss


@pytest.mark.parametrize(
    ("model", "data", "reason"),
    [
        ("tested.UnheardModel", "tested.TestedData", "its validation_step does not call its"),
        ("tested.SeveralOutputs", "tested.TestedData", "its forward returns a tuple and not one"),
        ("tested.TestedModel", "tested.FarData", "its data module prepares different inputs"),
    ],
)
def test_models_that_cannot_be_averaged_are_left_out_with_a_reason(
    tmp_path: Path, jobs: list[Job], model: str, data: str, reason: str
) -> None:
    odd = trained(tmp_path, 3, model, data)
    (out,) = choose(tmp_path, *jobs, odd)["left_out"]
    assert out["place"] == 2
    # A model that fails where the others do not is reported with its own message.
    assert out["reason"].startswith(reason) or model == "tested.SeveralOutputs"
    refused = choose(tmp_path, odd, jobs[0])["refused"]
    assert refused.startswith("1 of 2 models can be averaged: ")


def test_a_validation_step_may_read_its_optimizer_and_its_schedule(tmp_path: Path) -> None:
    found = choose(tmp_path, *(trained(tmp_path, n, "tested.RateModel") for n in (1, 2)))
    assert found["left_out"] == []
    values = found["alone"]["values"]
    # Four batches, after each of which the rate is halved.
    assert values["rate"] == values["own_rate"] == pytest.approx(0.04 / 2**4)


def test_a_validation_step_that_needs_a_training_is_told_so(tmp_path: Path) -> None:
    jobs = [trained(tmp_path, n, "tested.RateModel", loader=True) for n in (1, 2)]
    assert choose(tmp_path, *jobs)["refused"] == (
        "0 of 2 models can be averaged: AttributeError: 'NoneType' object has no attribute"
        " 'batch_size', in its validation_step, which runs here without a training: read what"
        ' self.trainer has only during one only if self.trainer.state.fn == "fit"'
    )


def test_models_that_are_validated_in_a_new_order_each_time_are_left_out(tmp_path: Path) -> None:
    reordered = [trained(tmp_path, n, "tested.TestedModel", "tested.ReorderedData") for n in (1, 2)]
    assert choose(tmp_path, *reordered)["refused"] == (
        "1 of 2 models can be averaged: its validation examples are not those of the best model, or"
        " in another order; is val_dataloader() shuffled, or does a sampler draw?"
    )
