"""Draws the pictures of docs/report.md from a study on this machine, in headless Chromium.

hpsearch run docs/pictures/digits.yaml
python docs/pictures/make_report.py digits
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image

from hpsearch.cli import main

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent.parent / "tests" / "stubs"))

from browser import screenshot  # noqa: E402

# Picture, section it begins at, width and height of the window in pixels.
PICTURES = (
    ("report-summary", "summary", 1100, 1560),
    ("report-curves", "learning-curves", 1100, 980),
    ("report-slices", "slices", 1100, 1260),
    ("report-overtraining", "overtraining", 1100, 1040),
    ("report-model", "the-best-model", 1100, 800),
    ("report-timeline", "timeline", 1100, 500),
    ("report-phone", "summary", 500, 1300),
)
COLOURS = 255


def draw(study: str, folder: Path) -> None:
    """Writes the study's report and a picture of each section that the page shows."""
    page = folder / "report.html"
    if main(["report", study, "-o", str(page)]):
        raise SystemExit(1)
    for name, anchor, width, height in PICTURES:
        part = folder / f"{name}.html"
        part.write_text(_from(page.read_text(encoding="utf-8"), anchor), encoding="utf-8")
        png = HERE / f"{name}.png"
        screenshot(part.as_uri(), folder, png, width=width, height=height)
        # A picture of a page has few colours; a palette takes a third of the space.
        Image.open(png).convert("RGB").quantize(COLOURS).save(png, optimize=True)
        print(f"drew {png}")


def _from(page: str, anchor: str) -> str:
    """Returns the page from a section on: a picture of a page cannot be scrolled."""
    place = page.find(f'<section id="{anchor}"')
    if place < 0:
        raise SystemExit(f"the report has no section {anchor}: give it a study with more trials")
    return page if anchor == "summary" else page[: page.index("<header>")] + page[place:]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        draw(sys.argv[1], Path(temporary))
