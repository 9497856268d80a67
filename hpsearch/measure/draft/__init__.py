"""A first study file, made from the classes of a project."""

from __future__ import annotations

from hpsearch.measure.draft.configuration import left_out, read_configuration
from hpsearch.measure.draft.draft import Draft, draft_study
from hpsearch.measure.draft.habits import habit, measures_no_model, objective_among
from hpsearch.measure.draft.sections import Origin, note_on_program

__all__ = [
    "Draft",
    "Origin",
    "draft_study",
    "habit",
    "left_out",
    "measures_no_model",
    "note_on_program",
    "objective_among",
    "read_configuration",
]
