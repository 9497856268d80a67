"""Draws the pictures of docs/report.md from two studies on this machine, in headless Chromium.

hpsearch run docs/pictures/digits.yaml
hpsearch run studies/quickstart.yaml
python docs/pictures/make_report.py digits quickstart  # or another study of the same objective
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image

from hpsearch.cli import main

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent.parent / "tests" / "stubs"))

from browser import Browser, browsing  # noqa: E402

# Picture, section it begins at, width and height of the window in pixels, and what it is shown as.
PICTURES = (
    ("report-summary", "summary", 1100, 1560, "light"),
    ("report-curves", "learning-curves", 1100, 1180, "light"),
    ("report-slices", "slices", 1100, 1400, "light"),
    ("report-overtraining", "overtraining", 1100, 1440, "light"),
    ("report-model", "the-best-model", 1100, 800, "light"),
    ("report-timeline", "timeline", 1100, 500, "light"),
    ("report-1440", "summary", 1440, 900, "light"),
    ("report-1440-dark", "learning-curves", 1440, 1200, "dark"),
    ("report-phone", "summary", 390, 1300, "light"),
    ("report-phone-dark", "learning-curves", 390, 1300, "dark"),
    ("report-paper", "summary", 794, 1123, "print"),
)
COMPARED = (
    ("compare", "summary", 1100, 1500, "light"),
    ("compare-phone-dark", "summary", 390, 1300, "dark"),
)
COLOURS = 255
_SCROLL = (
    "(one => one && (one.scrollIntoView({{behavior: 'instant'}}), true))"
    "(document.querySelector('{0}' === 'summary' ? 'header' : '#{0}'))"
)


def draw(study: str, other: str) -> None:
    """Writes a picture of each section of the study's report, and of both studies compared."""
    with tempfile.TemporaryDirectory() as folder, browsing() as browser:
        report, compared = Path(folder) / "report.html", Path(folder) / "compare.html"
        if main(["report", study, "-o", str(report)]):
            raise SystemExit(1)
        if main(["compare", study, other, "-o", str(compared)]):
            raise SystemExit(1)
        for page, pictures in ((report, PICTURES), (compared, COMPARED)):
            for picture in pictures:
                _draw(browser, page, *picture)


def _draw(
    browser: Browser, path: Path, name: str, anchor: str, width: int, height: int, look: str
) -> None:
    page = browser.open(path.as_uri(), width=width, height=height, scheme=look)
    if look == "print":
        page.prefer("light", "print")
    if not page.run(_SCROLL.format(anchor)):
        raise SystemExit(f"{path.name} has no section {anchor}: give it a study with more trials")
    png = HERE / f"{name}.png"
    page.screenshot(png)
    page.close()
    # A picture of a page has few colours; a palette takes a third of the space.
    Image.open(png).convert("RGB").quantize(COLOURS).save(png, optimize=True)
    print(f"drew {png}")


if __name__ == "__main__":
    draw(*sys.argv[1:3])
