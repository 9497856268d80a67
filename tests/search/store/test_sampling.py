from __future__ import annotations

from typing import Any

import optuna
import pytest

from hpsearch.search.store.sampling import (
    build_pruner,
    build_sampler,
    grid_size,
    hand_over,
    suggester,
)
from hpsearch.studyfile.algorithms import PRUNERS, SAMPLERS
from hpsearch.studyfile.study import StudySpec

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
    study.space.sample(suggester(trial))
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


def proposals(study: StudySpec, *, handing_over: bool) -> list[dict[str, Any]]:
    """Returns what 30 trials are proposed, of which two are always running."""
    pruner = build_pruner(study)
    here = optuna.create_study(sampler=build_sampler(study, 0), pruner=pruner)
    proposed, running = [], []
    for number in range(30):
        sampler = build_sampler(study, number)
        if handing_over:
            hand_over(here.sampler, sampler)
        here.sampler = sampler
        running.append(here.ask())
        study.space.sample(suggester(running[-1]))
        proposed.append(running[-1].params)
        if len(running) > 2:
            trial = running.pop(number % 3)
            here.tell(trial, float(trial.params["model.x"]))
    return proposed


TPE = {"class_path": "tpe", "init_args": {"n_startup_trials": 4, "group": False}}


@pytest.mark.parametrize("pruner", ["none", "hyperband"])
def test_what_a_sampler_is_handed_changes_no_proposal(pruner: str) -> None:
    study = spec(sampler=TPE, pruner=pruner, seed=1)

    assert proposals(study, handing_over=True) == proposals(study, handing_over=False)


def common_space(sampler: Any) -> object:
    return sampler._search_space


def test_a_sampler_is_handed_the_space_that_all_trials_have_in_common() -> None:
    study = spec(sampler=TPE, pruner="none")
    before, after = build_sampler(study, 0), build_sampler(study, 1)

    hand_over(before, after)

    assert common_space(after) is common_space(before)


def test_nothing_is_handed_to_a_sampler_of_another_kind() -> None:
    before = build_sampler(spec(sampler=TPE), 0)
    after = build_sampler(spec(sampler="cmaes"), 1)

    hand_over(before, after)

    assert common_space(after) is not common_space(before)


def test_the_sampler_of_rungs_knows_the_rungs_and_the_priors() -> None:
    sampler: Any = build_sampler(spec(sampler="rungs", scheduler="promote"), 0)

    assert sampler._rungs == (1, 4, 9)
    promote = {"class_path": "promote", "init_args": {"first": 2, "eta": 3}}
    later: Any = build_sampler(spec(sampler="rungs", scheduler=promote), 0)
    assert later._rungs == (2, 6, 9)
    assert len(sampler._priors) == 0
