"""The honest figures: the finalists over several seeds, the ensemble, the test results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpsearch.measure.report import ReportData
from hpsearch.views import formatting
from hpsearch.views.report.blocks import Block, Paragraph, Section, Table
from hpsearch.views.tables import (
    conclusion,
    ensemble_words,
    member_rows,
    optimism_words,
    result_words,
    untested_words,
    words_of_test,
)


def confirmed(data: ReportData) -> Section | None:
    """Returns the confirmed values, as `search/confirm/record.py` writes them; or None."""
    record = data.study.confirmation
    if record is None:
        return None
    finalists = record["finalists"]
    chosen = [place for place, one in enumerate(finalists) if one["trial"] == record["chosen"]]
    head = ("trial", "in the search", "confirmed", "95 % interval", "optimism", "new runs")
    parts: list[Block] = [
        Paragraph(
            f"The finalists were trained again from scratch, each with {record['seeds']} other"
            f" seeds. {conclusion(record)}"
        ),
        Table(head, [_row(one) for one in finalists], marked=chosen),
    ]
    if record["test"] is not None:
        parts.append(Paragraph(_test_words(record, len(data.study.test_evaluations))))
    elif record.get("untested"):
        parts.append(Paragraph(untested_words(record["untested"])))
    return Section("Confirmed", parts)


def ensemble(data: ReportData) -> Section | None:
    """Returns the ensemble, as `search/confirm/ensemble.py` writes it."""
    record = data.study.ensemble
    if record is None:
        return None
    parts: list[Block] = [
        Paragraph(ensemble_words(record)),
        Table(("model", "share", record["metric"]), member_rows(record), left=("model",)),
    ]
    if record["test"] is not None:
        parts.append(Paragraph(result_words(record["test"])))
    return Section("Ensemble", parts)


def _row(finalist: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        str(finalist["trial"]),
        formatting.metric(finalist["searched"]),
        formatting.metric(finalist["confirmed"]),
        _interval(finalist),
        optimism_words(finalist["optimism"]),
        str(len(finalist["values"])),
    )


def _test_words(record: Mapping[str, Any], test_evaluations: int) -> str:
    words = words_of_test(record).removesuffix(".")
    again = (
        "" if test_evaluations == 1 else f" It was opened {test_evaluations} times for this search."
    )
    return f"{words}.{again}"


def _interval(entry: Mapping[str, Any]) -> str:
    if entry["low"] is None:
        return "-"
    return f"{formatting.metric(entry['low'])} to {formatting.metric(entry['high'])}"
