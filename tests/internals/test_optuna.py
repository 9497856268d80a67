"""Optuna's private names that hpsearch uses, and whether this release still has them."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState
from private_names import Private, private_names

import hpsearch.internals as internals

RANGE = FloatDistribution(0.0, 10.0)
MODULES = {
    "FrozenStudy": "study._frozen",
    "_BatchedCategoricalDistributions": "samplers._tpe.probability_distributions",
    "_BatchedDistributions": "samplers._tpe.probability_distributions",
    "_CachedStorage": "storages._cached_storage",
    "_ParzenEstimator": "samplers._tpe.parzen_estimator",
    "_ParzenEstimatorParameters": "samplers._tpe.parzen_estimator",
    "_SYSTEM_ATTR_METRIC_NAMES": "study.study",
    "_SearchSpaceGroup": "search_space.group_decomposed",
    "_SearchSpaceTransform": "_transform",
    "_fast_non_domination_rank": "study._multi_objective",
    "_RELATIVE_PARAMS_KEY": "samplers._tpe.sampler",
    "default_gamma": "samplers._tpe.sampler",
    "models": "storages._rdb",
}
COLUMNS = {
    "studies": "study_id study_name",
    "study_directions": "study_direction_id direction study_id objective",
    "study_system_attributes": "study_system_attribute_id study_id key value_json",
    "study_user_attributes": "study_user_attribute_id study_id key value_json",
    "trials": "trial_id number study_id state datetime_start datetime_complete",
    "trial_params": "param_id trial_id param_name param_value distribution_json",
    "trial_values": "trial_value_id trial_id objective value value_type",
    "trial_intermediate_values": (
        "trial_intermediate_value_id trial_id step intermediate_value intermediate_value_type"
    ),
    "trial_system_attributes": "trial_system_attribute_id trial_id key value_json",
    "trial_user_attributes": "trial_user_attribute_id trial_id key value_json",
}


def imported(name: str) -> Any:
    module = import_module(f"optuna.{MODULES[name]}")
    # Some are modules themselves.
    return getattr(module, name, None) or import_module(f"{module.__name__}.{name}")


def study(sampler: Any = None, storage: Any = None) -> Any:
    """A study with two trials, 0 and 1, whose parameter x and value are their number."""
    made = optuna.create_study(study_name="s", sampler=sampler, storage=storage)
    for number in range(2):
        made.enqueue_trial({"x": float(number)})
        trial = made.ask()
        made.tell(trial, trial.suggest_float("x", 0, 10))
    return made


def tables() -> bool:
    models = imported("models")
    values, curves = models.TrialValueModel, models.TrialIntermediateValueModel
    kept = values.stored_repr_to_value(*values.value_to_stored_repr(float("inf")))
    nan = curves.stored_repr_to_intermediate_value(
        *curves.intermediate_value_to_stored_repr(float("nan"))
    )
    known = models.BaseModel.metadata.tables
    same = {name: " ".join(known[name].columns.keys()) for name in COLUMNS} == COLUMNS
    return same and kept == float("inf") and bool(np.isnan(nan))


def ranks() -> bool:
    rank, losses = imported("_fast_non_domination_rank"), [[0.0, 1.0], [1.0, 1.0], [2.0, 2.0]]
    whole, best = rank(np.array(losses)), rank(np.array(losses), n_below=1)
    return whole.tolist() == [0, 1, 2] and (best == 0).tolist() == [True, False, False]


def groups() -> bool:
    group = imported("_SearchSpaceGroup")()
    group.add_distributions({"x": RANGE, "y": RANGE})
    group.add_distributions({"x": RANGE})
    return sorted(group.search_spaces, key=list) == [{"x": RANGE}, {"y": RANGE}]


def scale() -> bool:
    made = imported("_SearchSpaceTransform")({"x": RANGE}, transform_0_1=True)
    place = made.transform({"x": 2.5})
    return bool(np.allclose(place, 0.25)) and made.untransform(place) == {"x": 2.5}


def memory() -> Any:
    storage = optuna.storages.InMemoryStorage()
    study(storage=storage)
    return storage


def cached() -> bool:
    made = study()
    made._thread_local.cached_all_trials = made.get_trials()[:1]
    seen = made._get_trials(deepcopy=False, use_cache=True)
    made._thread_local.cached_all_trials = None
    return len(seen) == 1 and len(made._get_trials(deepcopy=False, use_cache=True)) == 2


def tpe() -> Any:
    return optuna.samplers.TPESampler(seed=0, n_startup_trials=7, n_ei_candidates=5)


def kernels(weights: Any = None) -> Any:
    """The kernels that TPE makes of two trials."""
    columns, parameters = {"x": np.array([0.0, 1.0])}, tpe()._parzen_estimator_parameters
    return imported("_ParzenEstimator")(columns, {"x": RANGE}, parameters, weights)


def estimator() -> bool:
    """Whether kernels draw candidates and weigh them, and equal weights may be given."""
    drawn = kernels().sample(np.random.RandomState(0), 5)
    gain = kernels().log_pdf(drawn) - kernels(np.ones(2)).log_pdf(drawn)
    return drawn["x"].shape == (5,) and gain.shape == (5,) and not gain.any()


def widths() -> bool:
    """Whether an estimator has one kernel a trial, and last one as wide as the whole range."""
    parts = kernels()._calculate_numerical_distributions(
        np.array([0.0, 1.0]), RANGE, tpe()._parzen_estimator_parameters
    )
    return len(parts.sigma) == 3 and bool(parts.sigma[-1] == 10.0)


def proposed() -> bool:
    """Whether a trial carries what was proposed for it, in JSON, before it takes any of it."""
    made = study(optuna.samplers.TPESampler(seed=0, n_startup_trials=1))
    trial = made.ask({"x": RANGE})
    attributes = made.trials[-1].system_attrs
    return json.loads(attributes[f"{imported('_RELATIVE_PARAMS_KEY')}:0"]) == trial.params


def spaces_together() -> bool:
    """Whether what a sampler finds are the spaces that it then proposes for."""
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        sampler = optuna.samplers.TPESampler(seed=0, n_startup_trials=1, group=True)
    made = study(sampler)
    sampler._search_space_group = imported("_SearchSpaceGroup")()
    return not sampler.sample_relative(made, made.trials[0], {"x": RANGE})


def proposes(method: str) -> bool:
    made = study(optuna.samplers.TPESampler(seed=0, n_startup_trials=1))
    return [*getattr(made.sampler, method)(made, made.trials[1], {"x": RANGE})] == ["x"]


def row_in_memory() -> bool:
    storage, trial = optuna.storages.InMemoryStorage(), study().trials[0]
    study_id = storage.create_new_study([optuna.study.StudyDirection.MINIMIZE])
    storage._studies[study_id].trials.append(trial)
    return storage.get_all_trials(study_id, deepcopy=False)[0] is trial


FILE = Path(internals.__file__).with_name("optuna.py")
TO_SAMPLE = "to propose parameters from rungs"
TO_KEEP = "to propose as TPE does without looking at every trial"
TO_OWN = "to hold a study in memory without copying its trials"
PRIVATE = [
    Private(
        "FrozenStudy",
        "for the dashboard's studies",
        lambda: type(memory().get_all_studies()[0]) is imported("FrozenStudy"),
    ),
    Private(
        "_CachedStorage",
        "for the dashboard's storage",
        lambda: issubclass(imported("_CachedStorage"), optuna.storages.BaseStorage),
    ),
    Private(
        "_SYSTEM_ATTR_METRIC_NAMES",
        "to name the objectives in the database",
        lambda: imported("_SYSTEM_ATTR_METRIC_NAMES") == "study:metric_names",
    ),
    Private("models", "to read and write its tables", tables),
    Private("_SearchSpaceGroup", TO_SAMPLE, groups),
    Private("_SearchSpaceTransform", "to propose values near a prior", scale),
    Private("_fast_non_domination_rank", "to find and rank Pareto fronts", ranks),
    Private("_RELATIVE_PARAMS_KEY", TO_SAMPLE, proposed),
    Private("default_gamma", TO_SAMPLE, lambda: imported("default_gamma")(30) == 3),
    Private(
        "_study_id",
        "to find a study's rows",
        lambda: study()._study_id == 0,
    ),
    Private(
        "_trial_id",
        "to find a trial's rows",
        lambda: [trial._trial_id for trial in study().trials] == [0, 1],
    ),
    Private(
        "_storage",
        "to write a study",
        lambda: isinstance(study()._storage, optuna.storages.InMemoryStorage),
    ),
    Private(
        "_backend",
        "to find the database of a study",
        lambda: isinstance(
            study(storage="sqlite://")._storage._backend, optuna.storages.RDBStorage
        ),
    ),
    Private(
        "_version_manager",
        "to refuse tables of another version",
        lambda: (
            optuna.storages.RDBStorage(
                "sqlite://"
            )._version_manager.check_table_schema_compatibility()
            is None
        ),
    ),
    Private("_max_trial_id", TO_OWN, lambda: memory()._max_trial_id == 1),
    Private(
        "_trial_id_to_study_id_and_number",
        TO_OWN,
        lambda: memory()._trial_id_to_study_id_and_number == {0: (0, 0), 1: (0, 1)},
    ),
    Private("_studies", TO_OWN, row_in_memory),
    Private("_update_cache", TO_OWN, lambda: memory()._update_cache(1, 0) is None),
    Private("_thread_local", "to see each trial at once", cached),
    Private(
        "_get_trials",
        "to learn from the trials of every bracket",
        lambda: len(study()._get_trials(deepcopy=False, states=(TrialState.COMPLETE,))) == 2,
    ),
    Private(
        "_contains",
        "to repair parameters",
        lambda: RANGE._contains(10.0) and not RANGE._contains(11.0),
    ),
    Private("_ParzenEstimator", TO_SAMPLE, estimator),
    Private(
        "_ParzenEstimatorParameters",
        TO_SAMPLE,
        lambda: isinstance(
            tpe()._parzen_estimator_parameters, imported("_ParzenEstimatorParameters")
        ),
    ),
    Private(
        "_BatchedDistributions", TO_SAMPLE, lambda: imported("_BatchedDistributions") is not None
    ),
    Private(
        "_BatchedCategoricalDistributions",
        TO_SAMPLE,
        lambda: isinstance(imported("_BatchedCategoricalDistributions"), type),
    ),
    Private("_calculate_numerical_distributions", TO_SAMPLE, widths),
    Private("_search_space", TO_SAMPLE, lambda: kernels()._search_space == {"x": RANGE}),
    Private("_rng", TO_KEEP, lambda: isinstance(tpe()._rng.rng, np.random.RandomState)),
    Private("_n_ei_candidates", TO_KEEP, lambda: tpe()._n_ei_candidates == 5),
    Private(
        "_parzen_estimator_parameters",
        TO_SAMPLE,
        lambda: tpe()._parzen_estimator_parameters.prior_weight == 1.0,
    ),
    Private("_group", TO_KEEP, lambda: not tpe()._group),
    Private("_constant_liar", TO_KEEP, lambda: tpe()._constant_liar is True),
    Private("_search_space_group", TO_KEEP, spaces_together),
    Private("_n_startup_trials", TO_KEEP, lambda: tpe()._n_startup_trials == 7),
    Private("_sample", TO_KEEP, lambda: proposes("_sample")),
    Private("_sample_relative", TO_KEEP, lambda: proposes("_sample_relative")),
]


@pytest.mark.parametrize("private", PRIVATE, ids=lambda private: private.name)
def test_what_is_private_is_as_it_was(private: Private) -> None:
    private.check("optuna", FILE.name)


def test_every_private_name_is_listed() -> None:
    listed = {private.name for private in PRIVATE}
    # It sets this itself, for the class that it inherits from.
    own = {"_search_space_group"}
    assert private_names(FILE.read_text("utf-8")) == listed - own


def test_a_name_that_a_release_removed_is_said_in_one_sentence() -> None:
    gone = Private("_study_ids", "to find a study's rows", lambda: study()._study_ids)
    with pytest.raises(AssertionError) as raised:
        gone.check("optuna", "optuna.py")
    words = str(raised.value)
    assert words.startswith(f"optuna {optuna.__version__} has changed its private _study_ids (")
    assert words.endswith(
        "); hpsearch uses it to find a study's rows: mend hpsearch/internals/optuna.py"
    )
