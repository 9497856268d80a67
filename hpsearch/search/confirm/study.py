"""The study beside a search in which its finalists are trained again: one trial a pair with a seed.

Its trials are the finalists' parameters, enqueued with a seed of their own each, so that it runs,
is resumed and is looked at like any other study.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import optuna
from optuna.storages import RDBStorage

from hpsearch.protocol.seeds import derive_seed
from hpsearch.search.store import TrialRecord, create_study, load_study, stored_spec
from hpsearch.search.store.keys import (
    BUDGET,
    CONFIRMS,
    DATA,
    FINALIST,
    REPEAT,
    SEED,
    SPLIT,
    confirmation_name,
)
from hpsearch.studyfile.study import StudySpec

_EVERY = 1_000_000


def enqueue_finalists(
    database: RDBStorage,
    search: optuna.Study,
    finalists: Sequence[TrialRecord],
    seeds: int,
    runs: Path,
) -> str:
    """Enqueues every finalist with every seed, but for those that are there; returns the name.

    All finalists meet the same seeds, so that their values can be compared in pairs. The seeds
    come in order, so that a confirmation that is cut short has as many of each.
    """
    spec = stored_spec(database, search.study_name)
    name = confirmation_name(spec.name)
    if name in optuna.get_all_study_names(database):
        confirmation_study = load_study(database, name)
    else:
        confirmation_study = _create(database, search, spec, name, len(finalists) * seeds, runs)
    there = {(t.user_attrs[FINALIST], t.user_attrs[REPEAT]) for t in confirmation_study.trials}
    for repeat in range(1, seeds + 1):
        seed = derive_seed(spec.seed, "confirm", repeat)
        for trial in finalists:
            if (trial.number, repeat) not in there:
                facts = {FINALIST: trial.number, REPEAT: repeat, SEED: seed}
                confirmation_study.enqueue_trial(dict(trial.params), user_attrs=facts)
    confirmation_study.set_user_attr(BUDGET, len(confirmation_study.trials))
    return name


def _create(
    database: RDBStorage,
    search: optuna.Study,
    spec: StudySpec,
    name: str,
    trials: int,
    runs: Path,
) -> optuna.Study:
    block = {
        "name": name,
        "objective": dict(spec.objectives),
        "sampler": "random",
        "pruner": "none",
        "trials": trials,
        "seed": spec.seed,
        # Whichever of its models is chosen, it is needed afterwards.
        "keep_checkpoints": _EVERY,
        "description": f"The finalists of {spec.name}, trained again.",
    }
    document = {**spec.document, "study": block}
    confirmation_study = create_study(
        StudySpec.from_document(document, spec.import_paths), database, runs
    )
    confirmation_study.set_user_attr(CONFIRMS, spec.name)
    # A study whose folder is not there would be taken for one that was moved.
    (runs / name).mkdir(parents=True, exist_ok=True)
    # The same rows of the same data, or the values could not be compared with the search's.
    for key in (SPLIT, DATA):
        if key in search.user_attrs:
            confirmation_study.set_user_attr(key, search.user_attrs[key])
    return confirmation_study
