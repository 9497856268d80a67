"""A trial as its own study file, with its origin and the command to run it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hpsearch.search.store import TrialRecord
from hpsearch.search.store.keys import SEED
from hpsearch.studyfile.study import StudySpec, filled_document
from hpsearch.studyfile.yaml_text import to_yaml
from hpsearch.views import formatting

_HEAD = re.compile(r"# Trial (\d+) of the study (.+?)(?:, .*)?\.\n#   hpsearch run (.+)\n")


def study_file(spec: StudySpec, trial: TrialRecord, path: str) -> str:
    """Returns the text of a study file that trains this trial's setting; `path` is its name."""
    values = zip(spec.objectives, trial.values or (), strict=False)
    result = "".join(f", {name} {formatting.metric(value)}" for name, value in values)
    head = f"# Trial {trial.number} of the study {spec.name}{result}.\n#   hpsearch run {path}\n"
    seed = trial.attributes.get(SEED, spec.seed_of(trial.number))
    return head + to_yaml(filled_document(spec, trial.number, trial.params, seed))


def study_named_in(text: str) -> str | None:
    """Returns the study whose trial a text is as `study_file` writes it; None for another text."""
    head = _HEAD.match(text)
    return head[2] if head else None


def is_unedited(text: str, spec: StudySpec, trials: Mapping[int, TrialRecord]) -> bool:
    """Returns whether a text is what `study_file` wrote for one of the trials of a study."""
    head = _HEAD.match(text)
    trial = trials.get(int(head[1])) if head else None
    return head is not None and trial is not None and study_file(spec, trial, head[3]) == text
