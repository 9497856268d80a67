"""What the images look like, and what each augmentation does to them."""

from __future__ import annotations

from hpsearch.views.report.material import Material
from hpsearch.views.report.parts import Picture, Pictures, Section


def sheet(material: Material) -> Section | None:
    """Returns the augmentation sheet, each strength at its greatest; None if it was not drawn."""
    if material.sheet is None:
        return None
    words = "Each augmentation at none, half and all of its greatest strength in the space."
    return Section("Data and augmentation", [Pictures("", [Picture(material.sheet, words)])])
