"""What people write by habit or by mistake, and the line that a study file has for it."""

from hpsearch.studyfile.slips.other_tools import (
    component_line,
    direction_line,
    search_from_mapping,
    search_from_text,
    section_advice,
    section_line,
    short_name,
    study_line,
    without_quotes,
)
from hpsearch.studyfile.slips.spelling import formula_line, near_call
from hpsearch.studyfile.slips.yaml_lines import explain_yaml

__all__ = [
    "component_line",
    "direction_line",
    "explain_yaml",
    "formula_line",
    "near_call",
    "search_from_mapping",
    "search_from_text",
    "section_advice",
    "section_line",
    "short_name",
    "study_line",
    "without_quotes",
]
