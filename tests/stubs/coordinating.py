"""A coordinator as a search has it, for an engine and a watcher of the test's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from scripted import ScriptedEngine, Watcher

from hpsearch.protocol.job import Job
from hpsearch.search.coordinator.disk import DiskSpaceMonitor
from hpsearch.search.coordinator.loop import Coordinator
from hpsearch.search.coordinator.retention import Retention
from hpsearch.search.coordinator.running import TrialLimits
from hpsearch.search.coordinator.stop import StopRequest
from hpsearch.search.run import make_job
from hpsearch.search.store.records import trial_folder, trial_record
from hpsearch.search.store.write_behind import WriteBehindQueue
from hpsearch.search.store.writer import StudyWriter
from hpsearch.studyfile.study import StudySpec


def coordinator_of(
    study: optuna.Study,
    spec: StudySpec,
    folder: Path,
    writes: WriteBehindQueue,
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
        StudyWriter(study, spec),
        engine,
        watcher,
        writes,
        stop or StopRequest(),
        make_job=job,
        record=lambda number: trial_record(study.get_trials(deepcopy=False)[number], folder),
        objectives=dict(spec.objectives),
        budget=budget,
        deadline=deadline,
        limits=limits or TrialLimits(),
        disk=DiskSpaceMonitor(folder.parent, watcher),
        retention=Retention(folder, spec.objectives, spec.keep_checkpoints, spec.disk_budget),
    )
