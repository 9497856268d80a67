"""A trial as its own study file, with its origin and the command to run it."""

from __future__ import annotations

from hpsearch.search.store import TrialRecord
from hpsearch.search.store.keys import SEED
from hpsearch.studyfile.study import StudySpec, filled_document
from hpsearch.studyfile.yaml_text import to_yaml
from hpsearch.views import formatting

HEAD = "# Trial "


def study_file(spec: StudySpec, trial: TrialRecord, path: str) -> str:
    """Returns the text of a study file that trains this trial's setting; `path` is its name."""
    values = zip(spec.objectives, trial.values or (), strict=False)
    result = "".join(f", {name} {formatting.metric(value)}" for name, value in values)
    head = f"{HEAD}{trial.number} of the study {spec.name}{result}.\n#   hpsearch run {path}\n"
    seed = trial.attributes.get(SEED, spec.seed_of(trial.number))
    return head + to_yaml(filled_document(spec, trial.number, trial.params, seed))
