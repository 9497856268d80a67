"""The study beside a search in which its finalists are trained again: one trial a pair with a seed.

Its trials are the finalists' parameters, enqueued with a seed of their own each, so that it runs,
is resumed and is looked at like any other study.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpsearch.protocol.seeds import derive_seed
from hpsearch.search.store import StoredStudy, TrialRecord, create_study, find_study
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
    search: StoredStudy,
    finalists: Sequence[TrialRecord],
    seeds: int,
    runs: Path,
) -> StoredStudy:
    """Enqueues every finalist with every seed, but for those that are there; returns the study.

    All finalists meet the same seeds, so that their values can be compared in pairs. The seeds
    come in order, so that a confirmation that is cut short has as many of each.
    """
    spec = search.spec
    found = find_study(search.database, confirmation_name(spec.name))
    stored = found or _create(search, len(finalists) * seeds, runs)
    study = stored.study
    there = {(t.user_attrs[FINALIST], t.user_attrs[REPEAT]) for t in study.trials}
    for repeat in range(1, seeds + 1):
        seed = derive_seed(spec.seed, "confirm", repeat)
        for trial in finalists:
            if (trial.number, repeat) not in there:
                facts = {FINALIST: trial.number, REPEAT: repeat, SEED: seed}
                study.enqueue_trial(dict(trial.params), user_attrs=facts)
    study.set_user_attr(BUDGET, len(study.trials))
    return stored


def _create(search: StoredStudy, trials: int, runs: Path) -> StoredStudy:
    spec = search.spec
    name = confirmation_name(spec.name)
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
    again = StudySpec.from_document(document, spec.import_paths)
    study = create_study(again, search.database, runs)
    study.set_user_attr(CONFIRMS, spec.name)
    # A study whose folder is not there would be taken for one that was moved.
    (runs / name).mkdir(parents=True, exist_ok=True)
    # The same rows of the same data, or the values could not be compared with the search's.
    for key in (SPLIT, DATA):
        if key in search.study.user_attrs:
            study.set_user_attr(key, search.study.user_attrs[key])
    return StoredStudy(search.database, study, again)
