"""What the images look like, and what each augmentation does to them."""

from __future__ import annotations

from hpsearch.views.report.blocks import Picture, Pictures, Section
from hpsearch.views.report.data import ReportData


def sheet(data: ReportData) -> Section | None:
    """Returns the augmentation sheet, each strength at its greatest; None if it was not drawn."""
    if data.sheet is None:
        return None
    words = "Each augmentation at none, half and all of its greatest strength in the space."
    return Section("Data and augmentation", [Pictures("", [Picture(data.sheet, words)])])
