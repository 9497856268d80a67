"""The confirmation study of a search, with one trial for each pair of finalist and seed.

Its trials have the finalists' parameters, each enqueued with its own seed, so that it can be run,
resumed and shown like any other study.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from optuna.trial import FrozenTrial

from hpsearch.protocol.seeds import derive_seed
from hpsearch.search.store import (
    QueuedTrial,
    StoredStudy,
    TrialRecord,
    create_study,
    find_confirmation,
    open_study,
    queue_changes,
    study_attribute,
    write,
)
from hpsearch.search.store.keys import (
    BUDGET,
    CONFIRMS,
    DATA,
    FINALIST,
    REPEAT,
    SEED,
    SPLIT,
)
from hpsearch.studyfile.study import StudySpec, several_devices

_EVERY = 1_000_000


def enqueue_finalists(
    search: StoredStudy,
    finalists: Sequence[TrialRecord],
    seeds: int,
    runs: Path,
) -> StoredStudy:
    """Enqueues every missing pair of finalist and seed; returns the study.

    All finalists have the same seeds, so that their values can be compared in pairs. The seeds come
    in order, so that the finalists of an interrupted confirmation have equally many.
    """
    spec, database = search.spec, search.database
    name, there = find_confirmation(database, spec.name)
    found = open_study(database, name) if there else None
    known = found.study.trials if found else []
    queue = _missing_runs(spec, finalists, seeds, known)
    if found is None:
        return _create(search, name, queue, runs)
    number = found.row
    total = study_attribute(number, BUDGET, len(known) + len(queue), system=False)
    with database.engine.begin() as connection:
        write(connection, [*queue_changes(number, len(known), queue), total], {})
    return found


def _missing_runs(
    spec: StudySpec, finalists: Sequence[TrialRecord], seeds: int, known: Sequence[FrozenTrial]
) -> list[QueuedTrial]:
    """Returns a trial for every pair of finalist and seed that has none, seed by seed."""
    there = {(t.user_attrs.get(FINALIST), t.user_attrs.get(REPEAT)) for t in known}
    drawn = {repeat: derive_seed(spec.seed, "confirm", repeat) for repeat in range(1, seeds + 1)}
    return [
        QueuedTrial(trial.params, {FINALIST: trial.number, REPEAT: repeat, SEED: seed})
        for repeat, seed in drawn.items()
        for trial in finalists
        if (trial.number, repeat) not in there
    ]


def _create(
    search: StoredStudy, name: str, queue: Sequence[QueuedTrial], runs: Path
) -> StoredStudy:
    spec = search.spec
    block = {
        "name": name,
        "objective": dict(spec.objectives),
        "sampler": "random",
        "pruner": "none",
        "trials": len(queue),
        "seed": spec.seed,
        # Any of its models may be chosen and is then needed.
        "keep_checkpoints": _EVERY,
        "description": f"The finalists of {spec.name}, trained again.",
        **several_devices(spec),
    }
    again = StudySpec.from_document({**spec.document, "study": block}, spec.import_paths)
    # Only on the same rows of the same data can the values be compared with the search's.
    stored = search.study.user_attrs
    facts = {CONFIRMS: spec.name, **{key: stored[key] for key in (SPLIT, DATA) if key in stored}}
    study = create_study(again, search.database, runs, facts, queue)
    # A study without its folder would look like one that was moved.
    (runs / name).mkdir(parents=True, exist_ok=True)
    return StoredStudy(search.database, study, again)
