"""A coordinator as a search has it, for an engine and a watcher of the test's own."""

from __future__ import annotations

from dataclasses import replace

import optuna
from scripted import ScriptedEngine, Watcher

from hpsearch.search.coordinator import Coordinator, SearchSetup
from hpsearch.search.store import StudyWriter, WriteBehindQueue
from hpsearch.search.store.keys import ID


def coordinator_of(
    study: optuna.Study,
    setup: SearchSetup,
    writes: WriteBehindQueue,
    engine: ScriptedEngine,
    watcher: Watcher,
) -> Coordinator:
    """Returns the coordinator of an owned study."""
    setup = replace(setup, study_id=study.user_attrs.get(ID, ""))
    return Coordinator(setup, StudyWriter(study, setup.spec), writes, engine, watcher)
