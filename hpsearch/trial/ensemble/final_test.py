"""Tests an ensemble on the test split once, with the steps of its first member."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpsearch.protocol.job import Job
from hpsearch.trial import final_test
from hpsearch.trial.ensemble.members import Ensemble, answer_for_all


def run_final_test(
    job: Job, reason: str, evaluation: Mapping[str, Any], ensemble: Mapping[str, Any]
) -> dict[str, Any]:
    """Tests an ensemble on the test split of its first member's data, on record.

    Args:
        job: the first member's.
        reason: why the split is opened.
        evaluation: see `hpsearch.trial.final_test.run_final_test`, whose result it returns.
        ensemble: the fields of an `Ensemble`.
    """
    return final_test.run_final_test(
        job, reason, evaluation, change=lambda module: answer_for_all(module, Ensemble(**ensemble))
    )
