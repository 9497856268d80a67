"""Tables and lines for the terminal."""

from __future__ import annotations

from hpsearch.views.tables.comparison import (
    DIFFERENT_OBJECTIVES,
    UNKNOWN,
    Compared,
    compared_facts,
    compared_settings,
    comparison,
    comparison_entries,
    same_objectives,
)
from hpsearch.views.tables.confirmation import (
    chosen_finalist,
    conclusion,
    confirmation_view,
    optimism_words,
    result_words,
    untested_words,
    words_of_test,
)
from hpsearch.views.tables.disk import usage_table
from hpsearch.views.tables.ensemble import (
    ensemble_view,
    ensemble_words,
    member_rows,
)
from hpsearch.views.tables.environments import trial_words
from hpsearch.views.tables.fsck import problem_table, rebuilt_words, repaired_words, summary
from hpsearch.views.tables.leaderboard import leaderboard
from hpsearch.views.tables.machine import findings_table
from hpsearch.views.tables.nodes import nodes_table
from hpsearch.views.tables.predictions import predictions_table
from hpsearch.views.tables.study import best_words, study_heading, study_list, study_status
from hpsearch.views.tables.study_html import progress_html, study_html, trials_html
from hpsearch.views.tables.trial import trial_details

__all__ = [
    "DIFFERENT_OBJECTIVES",
    "UNKNOWN",
    "Compared",
    "best_words",
    "compared_facts",
    "compared_settings",
    "comparison",
    "comparison_entries",
    "chosen_finalist",
    "conclusion",
    "confirmation_view",
    "result_words",
    "ensemble_view",
    "ensemble_words",
    "problem_table",
    "findings_table",
    "leaderboard",
    "member_rows",
    "nodes_table",
    "optimism_words",
    "predictions_table",
    "rebuilt_words",
    "same_objectives",
    "repaired_words",
    "study_heading",
    "progress_html",
    "study_html",
    "study_list",
    "study_status",
    "trial_details",
    "trial_words",
    "untested_words",
    "words_of_test",
    "trials_html",
    "summary",
    "usage_table",
]
