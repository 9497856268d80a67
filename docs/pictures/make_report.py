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

from browser import browsing  # noqa: E402

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
_SCROLL = (
    "(one => one && (one.scrollIntoView({{behavior: 'instant'}}), true))"
    "(document.querySelector('{0}' === 'summary' ? 'header' : '#{0}'))"
)


def draw(study: str, folder: Path) -> None:
    """Writes the study's report and a picture of each section that the page shows."""
    page = folder / "report.html"
    if main(["report", study, "-o", str(page)]):
        raise SystemExit(1)
    with browsing() as browser:
        for name, anchor, width, height in PICTURES:
            shown = browser.open(page.as_uri(), width=width, height=height)
            if not shown.run(_SCROLL.format(anchor)):
                raise SystemExit(f"the report has no section {anchor}: give it more trials")
            png = HERE / f"{name}.png"
            shown.screenshot(png)
            # A picture of a page has few colours; a palette takes a third of the space.
            Image.open(png).convert("RGB").quantize(COLOURS).save(png, optimize=True)
            print(f"drew {png}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        draw(sys.argv[1], Path(temporary))
