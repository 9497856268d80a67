"""Draws the pictures of docs/dashboards.md from a study on this machine, in headless Chromium.

hpsearch run studies/quickstart.yaml
python docs/pictures/make_dashboards.py quickstart
"""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

from PIL import Image

from hpsearch.commands.context import open_named
from hpsearch.search.store.database import default_url
from hpsearch.views.dashboard.dashboard import Dashboard, Listening

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent.parent / "tests" / "stubs"))

from browser import browsing  # noqa: E402

COLOURS = 128


def draw(study: str) -> None:
    """Writes a picture of the study's page, of its best trial's and of TensorBoard's HPARAMS."""
    record = open_named(study, None).record()
    best = 0 if record.best is None else record.best.number
    where = Listening("127.0.0.1", 0, 0, secrets.token_hex(16))
    dashboard = Dashboard(default_url(), study, Path(record.runs) / study, where)
    page, _, token = dashboard.optuna_url.partition("?")
    pages = {
        "dashboard-study": (dashboard.optuna_url, 1000),
        "dashboard-trial": (f"{page}/trials?numbers={best}&{token}", 750),
        "dashboard-hparams": (f"{dashboard.tensorboard_url}#hparams", 620),
    }
    with browsing() as browser:
        for name, (url, height) in pages.items():
            png = HERE / f"{name}.png"
            browser.open(url, width=1300, height=height).screenshot(png)
            # A picture of a page has few colours; a palette takes a third of the space.
            Image.open(png).convert("RGB").quantize(COLOURS).save(png, optimize=True)
            print(f"drew {png}")
    dashboard.close()


if __name__ == "__main__":
    draw(sys.argv[1])
