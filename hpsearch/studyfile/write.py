"""A trial as a study file of its own: every range filled in with the trial's value."""

from __future__ import annotations

import re
from typing import Any

import yaml

from hpsearch.search.store import TrialRecord
from hpsearch.studyfile.expressions import escape
from hpsearch.studyfile.study import StudySpec
from hpsearch.views import formatting

_LONGEST_NAME = 64
_PLAIN = re.compile(r"[A-Za-z_][\w./-]*")


def filled_document(spec: StudySpec, trial: TrialRecord) -> dict[str, Any]:
    """Returns the study file's data that trains this one setting again.

    The study keeps its objective and its seed, and so its split; it gets a name of its own, since
    it searches something else: nothing.
    """
    sections = spec.space.sample(lambda name, _: trial.params[name])
    suffix = f"-trial-{trial.number}"
    study = {
        "name": spec.name[: _LONGEST_NAME - len(suffix)] + suffix,
        "objective": dict(spec.objectives),
        "pruner": "none",
        "trials": 1,
        "seed": spec.seed,
    }
    return {"study": study, **escape(sections)}


def study_file(spec: StudySpec, trial: TrialRecord, path: str) -> str:
    """Returns the text of that study file; it opens with where it comes from and how to run it."""
    values = zip(spec.objectives, trial.values or (), strict=False)
    result = "".join(f", {name} {formatting.metric(value)}" for name, value in values)
    head = f"# Trial {trial.number} of the study {spec.name}{result}.\n#   hpsearch run {path}\n"
    document = filled_document(spec, trial)
    return head + yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    """Indents lists, and quotes every text that might be read as something else, such as `1e-4`."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if _PLAIN.fullmatch(text) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
