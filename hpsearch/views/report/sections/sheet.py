"""What the images look like, and what each augmentation does to them."""

from __future__ import annotations

import io

from hpsearch.measure.report import ReportData
from hpsearch.views.report.blocks import Picture, Pictures, Section
from hpsearch.views.sheet import draw_sheet


def sheet(data: ReportData) -> Section | None:
    """Returns the augmentation sheet, with each strength at its largest; None if there is none."""
    if data.sheet is None:
        return None
    png = io.BytesIO()
    draw_sheet(data.sheet, png)
    words = "Each augmentation at none, half and all of its greatest strength in the space."
    return Section("Data and augmentation", [Pictures("", [Picture(png.getvalue(), words)])])
