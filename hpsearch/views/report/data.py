"""What a report is made from: everything that was read, so that the sections need only look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from hpsearch.protocol.types import Direction, primary
from hpsearch.search.store import StudyRecord, TrialRecord
from hpsearch.studyfile.distributions import Distribution
from hpsearch.studyfile.study import StudySpec
from hpsearch.views.formatting import short_names


@dataclass(frozen=True)
class ReportData:
    """A study and what else is known of it.

    Attributes:
        study: the study as the database knows it.
        spec: what it searches.
        now: when the report is made.
        versions: of the libraries that trained.
        split: hash of the train/validation split, if the data module tells one.
        importances: by objective, the parameters' shares of its variation, 0 to 1.
        winner_metrics: the best trial's metrics by epoch; empty if its folder is gone.
        inspection: what the best trial's model does on the validation split, see
            `hpsearch.trial.probes.error_analysis`; `failure` says why it is not known.
        sheet: the augmentation sheet as a PNG, if the study augments.
    """

    study: StudyRecord
    spec: StudySpec
    now: datetime
    versions: Mapping[str, str] = field(default_factory=dict)
    split: str | None = None
    importances: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    winner_metrics: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    inspection: Mapping[str, Any] | None = None
    sheet: bytes | None = None

    @property
    def objective(self) -> str:
        """The first objective, which decides the order of the trials."""
        return primary(self.study.objectives)[0]

    @property
    def direction(self) -> Direction:
        """Of the first objective."""
        return self.study.objectives[self.objective]

    @cached_property
    def complete(self) -> tuple[TrialRecord, ...]:
        """The trials that ran to their end and have a value."""
        return tuple(trial for trial in self.study.trials if _counts(trial))

    @cached_property
    def parameters(self) -> Mapping[str, Distribution]:
        """What is searched, the most important parameter of the first objective first."""
        shares = self.importances.get(self.objective, {})
        searched = self.spec.space.parameters
        ordered = sorted(searched, key=lambda name: -shares.get(name, 0.0))
        return {name: searched[name] for name in ordered}

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The parameters' short names."""
        return short_names(self.spec.space.parameters)


def _counts(trial: TrialRecord) -> bool:
    return trial.state == "complete" and trial.values is not None


def value_of(trial: TrialRecord, objective: int = 0) -> float:
    """Returns a complete trial's value of an objective."""
    assert trial.values is not None
    return trial.values[objective]
