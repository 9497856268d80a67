"""What people write by habit or by mistake, and the correct line for a study file."""

from hpsearch.studyfile.slips.components import component_line, component_of, short_name
from hpsearch.studyfile.slips.objectives import objective_line
from hpsearch.studyfile.slips.other_tools import (
    CALLBACKS,
    MODEL_SIZES,
    constraints_line,
    missing_line,
    section_advice,
    section_line,
    study_advice,
    study_line,
)
from hpsearch.studyfile.slips.own_calls import example_of, own_call
from hpsearch.studyfile.slips.python_text import MOST_LEVELS, TooDeepError, parse_python
from hpsearch.studyfile.slips.search_calls import search_from_text
from hpsearch.studyfile.slips.search_values import search_from_value
from hpsearch.studyfile.slips.settings import is_no_limit, name_line, whole_line
from hpsearch.studyfile.slips.spelling import formula_line, near_call, range_line
from hpsearch.studyfile.slips.trainer import SET_BY_HPSEARCH, broken_rule, is_unset, why_not_given
from hpsearch.studyfile.slips.yaml_lines import explain_character, explain_yaml

__all__ = [
    "CALLBACKS",
    "MODEL_SIZES",
    "MOST_LEVELS",
    "SET_BY_HPSEARCH",
    "TooDeepError",
    "broken_rule",
    "component_line",
    "component_of",
    "constraints_line",
    "example_of",
    "explain_character",
    "explain_yaml",
    "formula_line",
    "is_no_limit",
    "is_unset",
    "missing_line",
    "name_line",
    "near_call",
    "objective_line",
    "own_call",
    "parse_python",
    "range_line",
    "search_from_text",
    "search_from_value",
    "section_advice",
    "section_line",
    "short_name",
    "study_advice",
    "study_line",
    "why_not_given",
    "whole_line",
]
