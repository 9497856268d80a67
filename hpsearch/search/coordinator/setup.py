"""What a run of a search knows before it begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from hpsearch.engines.slots import Slot
from hpsearch.protocol.job import Job, Placement
from hpsearch.protocol.layout import trial_folder
from hpsearch.protocol.types import Scalar
from hpsearch.search.coordinator.retention import Retention
from hpsearch.search.coordinator.running import TrialLimits
from hpsearch.search.coordinator.stop import StopRequest
from hpsearch.search.store import Command, TrialRecord
from hpsearch.studyfile.study import StudySpec


class Commands(Protocol):
    """Where commands arrive."""

    def take(self) -> list[Command]:
        """Returns what has arrived since the last call, without waiting."""


@dataclass(frozen=True)
class SearchSetup:
    """What is searched, where, and how far.

    Attributes:
        spec: what is searched.
        folder: the study's run folder.
        budget: trials the study may take in all; None for no limit.
        deadline: `time.monotonic()` after which nothing begins; None for no limit.
        seeds: by trial number, the seeds that do not follow from it.
        trials: the existing trials.
        study_id: identifies the study among others of its name.
        stop: how the search is asked to stop from outside, by signals.
        accept_changes: whether trials may be trained on other data than those before them.
        rehearse: trials are rehearsed, one at a time, until one has begun to train.
        commands: commands from people while the search runs; None if there are none.
    """

    spec: StudySpec
    folder: Path
    budget: int | None = None
    deadline: float | None = None
    seeds: Mapping[int, int] = field(default_factory=dict)
    trials: Sequence[TrialRecord] = ()
    study_id: str = ""
    stop: StopRequest = field(default_factory=StopRequest)
    accept_changes: bool = False
    rehearse: bool = False
    commands: Commands | None = None

    @property
    def limits(self) -> TrialLimits:
        """How long each trial may take."""
        return TrialLimits(self.spec.hang_timeout_s, self.spec.trial_timeout_s)

    def job(
        self, number: int, params: Mapping[str, Scalar], config: Mapping[str, Any], slot: Slot
    ) -> Job:
        """Returns the job of a trial in a slot."""
        folder = self.folder / trial_folder(number)
        where = Placement(folder, slot.device, slot.threads, slot.processes)
        job = self.spec.job(number, params, config, where, self.seeds.get(number))
        return replace(job, study_id=self.study_id)

    def retention(self) -> Retention:
        """Returns the retention policy, which knows the existing trials."""
        spec = self.spec
        kept = Retention(self.folder, spec.objectives, spec.keep_checkpoints, spec.disk_budget)
        for trial in self.trials:
            # fsck handles folders that belong to another trial.
            if not trial.contradiction:
                kept.take(trial)
        return kept
