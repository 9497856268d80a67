"""A study file written from data: one setting of a study, ready to run on its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from hpsearch.protocol.types import Scalar
from hpsearch.studyfile.expressions import escape
from hpsearch.studyfile.study import StudySpec

_LONGEST_NAME = 64
_PLAIN = re.compile(r"[A-Za-z_][\w./-]*")


def filled_document(spec: StudySpec, number: int, params: Mapping[str, Scalar]) -> dict[str, Any]:
    """Returns the data of a study file that trains one trial's setting again.

    The study keeps its objective and its seed, and so its split; it gets a name of its own, since
    it searches something else: nothing.
    """
    sections = spec.space.sample(lambda name, _: params[name])
    suffix = f"-trial-{number}"
    study = {
        "name": spec.name[: _LONGEST_NAME - len(suffix)] + suffix,
        "objective": dict(spec.objectives),
        "pruner": "none",
        "trials": 1,
        "seed": spec.seed,
    }
    return {"study": study, **escape(sections)}


def to_yaml(document: Mapping[str, Any]) -> str:
    """Returns the text of a study file."""
    return yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    """Indents lists, and quotes every text that might be read as something else, such as `1e-4`."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if _PLAIN.fullmatch(text) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
