"""A coordinator as a search has it, for an engine and a watcher of the test's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from scripted import ScriptedEngine, Watcher

from hpsearch.search.active import TrialLimits
from hpsearch.search.coordinator import Coordinator
from hpsearch.search.ledger import Ledger
from hpsearch.search.outbox import Outbox
from hpsearch.search.results import trial_folder, trial_record
from hpsearch.search.room import Room
from hpsearch.search.run import make_job
from hpsearch.search.stop_request import StopRequest
from hpsearch.spec.job import Job
from hpsearch.spec.study import StudySpec


def coordinator_of(
    study: optuna.Study,
    spec: StudySpec,
    folder: Path,
    outbox: Outbox,
    engine: ScriptedEngine,
    watcher: Watcher,
    *,
    budget: int | None,
    stop: StopRequest | None = None,
    deadline: float | None = None,
    limits: TrialLimits | None = None,
) -> Coordinator:
    """Returns the coordinator of an owned study whose trials' folders lie in `folder`."""

    def job(number: int, params: Mapping[str, Any], config: Mapping[str, Any], slot: Any) -> Job:
        where = folder / trial_folder(number)
        return make_job(spec, number, params, config, where, slot.device, slot.threads)

    return Coordinator(
        Ledger(study, spec),
        engine,
        watcher,
        outbox,
        stop or StopRequest(),
        make_job=job,
        record=lambda number: trial_record(study.get_trials(deepcopy=False)[number], folder),
        objectives=dict(spec.objectives),
        budget=budget,
        deadline=deadline,
        limits=limits or TrialLimits(),
        room=Room(folder.parent, watcher),
        tidy=lambda _: None,
    )
