from __future__ import annotations

from typing import Any

import optuna
import pytest

from hpsearch.search.sampling import build_pruner, build_sampler, grid_size, suggester
from hpsearch.spec.algorithms import PRUNERS, SAMPLERS
from hpsearch.spec.study import StudySpec

ARGUMENTS: dict[str, dict[str, Any]] = {
    "percentile": {"percentile": 25.0},
    "patient": {"wrapped_pruner": {"class_path": "median"}, "patience": 2},
}


def spec(**study: Any) -> StudySpec:
    return StudySpec.from_document(
        {
            "study": {"name": "s", "objective": {"score": "maximize"}, "trials": 9, **study},
            "model": {
                "class_path": "a.M",
                "init_args": {"x": "~int(1, 3)", "y": "~int(0, 4, step=2)"},
            },
            "data": {"class_path": "a.D"},
            "trainer": {"max_epochs": 9},
        }
    )


def proposal(study: StudySpec, number: int) -> dict[str, Any]:
    storage = optuna.create_study(sampler=build_sampler(study, number))
    trial = storage.ask()
    study.space.fill(suggester(trial))
    return trial.params


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_short_name_makes_a_sampler_that_samples(name: str) -> None:
    params = proposal(spec(sampler=name), 0)

    assert params["model.x"] in (1, 2, 3)
    assert params["model.y"] in (0, 2, 4)


@pytest.mark.parametrize("name", PRUNERS)
def test_every_short_name_makes_a_pruner(name: str) -> None:
    written = {"class_path": name, "init_args": ARGUMENTS.get(name, {})}

    pruner = build_pruner(spec(pruner=written))

    assert type(pruner).__name__ == PRUNERS[name].rpartition(".")[2]


def test_a_wrapped_pruner_may_be_named_alone() -> None:
    written = {"class_path": "patient", "init_args": {"wrapped_pruner": "median", "patience": 1}}

    pruner = build_pruner(spec(pruner=written))

    assert type(pruner._wrapped_pruner).__name__ == "MedianPruner"  # type: ignore[attr-defined]


def test_hyperband_knows_how_many_epochs_a_trial_may_take() -> None:
    pruner = build_pruner(spec(pruner="hyperband"))

    assert pruner._max_resource == 9  # type: ignore[attr-defined]


def test_a_proposal_follows_from_the_seed_and_the_number() -> None:
    first = [proposal(spec(sampler="random", seed=1), number) for number in range(8)]
    again = [proposal(spec(sampler="random", seed=1), number) for number in range(8)]
    other = [proposal(spec(sampler="random", seed=2), number) for number in range(8)]

    assert first == again
    assert first != other
    assert len({tuple(params.items()) for params in first}) > 1


def test_only_a_grid_has_a_size() -> None:
    assert grid_size(spec(sampler="grid")) == 9
    assert grid_size(spec(sampler="optuna.samplers.BruteForceSampler")) == 9
    assert grid_size(spec(sampler="tpe")) is None
