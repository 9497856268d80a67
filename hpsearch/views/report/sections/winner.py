"""What the best trial's model gets wrong on the validation split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hpsearch.measure.report import ReportData
from hpsearch.search.confirm import share_interval
from hpsearch.views.report import plots
from hpsearch.views.report.blocks import Block, Figure, Paragraph, Picture, Pictures, Section

_MOST_CLASSES_WITH_NUMBERS = 20


def winner(data: ReportData) -> Section | None:
    """Returns the best model's confusion matrix and its most confident mistakes."""
    best, found = data.study.best, data.inspection
    if best is None or found is None:
        return None
    title = "The best model"
    if "failure" in found:
        return Section(title, [Paragraph(f"Trial {best.number}: {found['failure']}.")])
    images, right = found["images"], sum(row[i] for i, row in enumerate(found["confusion"]))
    interval = share_interval(right / images, images)
    parts: list[Block] = [
        Paragraph(
            f"Trial {best.number} at its best epoch, on the {images:,} images of the validation"
            f" split: {right:,} right, {images - right:,} wrong, accuracy {right / images:.4f}"
            f" (95 % interval {interval.low:.4f} to {interval.high:.4f})."
        ),
        _confusion(found["classes"], found["confusion"]),
        *_mistakes(found["mistakes"]),
    ]
    return Section(title, parts)


def _confusion(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> Figure:
    wrong = [[0 if i == j else n for j, n in enumerate(row)] for i, row in enumerate(counts)]
    words = [
        [
            f"{n:,} {classes[i]} taken for {classes[j]}" if i != j else f"{n:,} {classes[i]} right"
            for j, n in enumerate(row)
        ]
        for i, row in enumerate(counts)
    ]
    trace: dict[str, Any] = {
        "type": "heatmap",
        "z": wrong,
        "x": list(classes),
        "y": list(classes),
        "hovertext": words,
        "hoverinfo": "text",
        "colorscale": [[0, "rgba(213,94,0,0.03)"], [1, "rgba(213,94,0,0.55)"]],
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
    }
    if len(classes) <= _MOST_CLASSES_WITH_NUMBERS:
        trace |= {
            "text": [[str(n or "") for n in row] for row in counts],
            "texttemplate": "%{text}",
        }
    return plots.figure(
        "which class is taken for which",
        [trace],
        x=plots.axis("taken for", type="category", side="bottom", showgrid=False),
        y=plots.axis("is", type="category", autorange="reversed", showgrid=False),
        note="The colour shows mistakes only; the diagonal counts what is right.",
        height=520,
    )


def _mistakes(mistakes: Sequence[Mapping[str, Any]]) -> list[Block]:
    if not mistakes:
        return []
    pictures = [
        Picture(one["png"], f"{one['truth']}, taken for {one['guess']} ({one['confidence']:.0%})")
        for one in mistakes
    ]
    return [Pictures("Its most confident mistakes", pictures)]
