"""`report` and `compare` on a real search of MNIST, and on one of 5,000 trials."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, Page
from commanded import run_commands
from large_study import write_large_study

from hpsearch.cli import main
from hpsearch.measure.report import gather
from hpsearch.search.store import open_study
from hpsearch.search.store.database import open_storage

STUDY = """
study:
  name: digits
  objective: {val_accuracy: maximize}
  sampler: random
  pruner: {class_path: asha, init_args: {min_resource: 1, reduction_factor: 2}}
  trials: 6
  seed: 1
model:
  class_path: hpsearch.models.MLP
  init_args:
    widths: ["~int(4, 32)"]
    dropout: ~float(0, 0.5)
data:
  class_path: hpsearch.data.ImageData
  init_args:
    augment: {shift: "~float(0, 0.1)"}
trainer: {max_epochs: 2, limit_train_batches: 8}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a search of six small trials on MNIST, and its report."""
    run = "run digits.yaml --inline --devices cpu:1"
    return run_commands(tmp_path_factory, "digits.yaml", STUDY, run, "report digits")


@pytest.fixture
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(home)
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    return home


@pytest.fixture
def large(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'large.db'}"
    write_large_study(open_storage(url), tmp_path / "runs", trials=5000)
    return url


@pytest.fixture(scope="module")
def page(home: Path, browser: Browser) -> Page:
    return browser.open((home / "report.html").as_uri(), width=1440, height=900)


@pytest.mark.browser
def test_a_browser_draws_all_of_it_and_asks_for_nothing(page: Page) -> None:
    assert page.console == []
    assert page.requests == []
    dom = page.dom
    headings = "Summary Leaderboard History Slices Pruning Timeline Cost Reproduce"
    headings_of_words = ("Parallel coordinates", "Learning curves", "Overtraining", "What next")
    pictures = ("The best model", "Data and augmentation")
    for heading in (*headings.split(), *headings_of_words, *pictures):
        assert f"<h2>{heading}</h2>" in dom
    assert "<h2>Importance</h2>" not in dom, "six trials show none"
    plots = dom.count('class="plot js-plotly-plot"')
    assert plots == dom.count('role="img"') == 14
    assert f'data-drawn="{plots}"' in dom
    assert dom.count('<img src="data:image/png;base64,') > 10


@pytest.mark.browser
@pytest.mark.axe
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_no_screen_and_no_reader_meets_a_barrier(page: Page, width: int, scheme: str) -> None:
    page.resize(width, 900)
    page.prefer(scheme)
    assert page.audit() == []
    assert page.run("document.documentElement.scrollWidth") == width, "nothing lies beyond the edge"
    assert page.console == []


@pytest.mark.browser
def test_a_keyboard_reaches_everything(page: Page) -> None:
    met = page.tab_through()
    assert len(met) == page.reachable() > 40
    page.run("document.querySelector('.trials select').focus()")
    before = shown_trial(page)
    page.press("ArrowDown")
    assert shown_trial(page) != before
    page.run("document.querySelector('#learning-curves .legend button').focus()")
    lines = "document.querySelector('#learning-curves .plot').querySelectorAll('.trace').length"
    drawn = page.run(lines)
    page.press("Enter")
    assert page.run(lines) < drawn, "a name of the legend hides its trials"
    page.press("Enter")
    assert page.run(lines) == drawn


@pytest.mark.browser
def test_a_click_on_a_point_shows_its_trial_in_training_and_validation(page: Page) -> None:
    number = page.run(
        "(() => { const plot = document.querySelector('#slices .plot');"
        " plot.scrollIntoView({block: 'center', behavior: 'instant'});"
        " return Number(/^trial (\\d+)/.exec(plot.data.at(-1).text.at(-1))[1]); })()"
    )
    box = page.run(
        "(({x, y, width, height}) => [x + width / 2, y + height / 2])"
        "([...document.querySelectorAll('#slices .plot')[0].querySelectorAll('.point')].at(-1)"
        ".getBoundingClientRect())"
    )
    page.click(*box)
    assert page.run("Number(document.querySelector('.trials select').value)") == number
    titles = shown_trial(page)
    assert titles[0].startswith(f"accuracy of trial {number}. train_accuracy: ")
    assert "val_accuracy: " in titles[0]
    assert titles[1].startswith(f"loss of trial {number}. train_loss: ")


def shown_trial(page: Page) -> list[str]:
    """What a screen reader says of the curves of the chosen trial."""
    labels = "[...document.querySelectorAll('.pairs .plot')].map((one) => one.ariaLabel)"
    found: list[str] = page.run(labels)
    return found


@pytest.mark.browser
def test_on_paper_it_is_light_and_its_leaderboard_lies_across(page: Page, tmp_path: Path) -> None:
    page.prefer("dark", "print")
    colour = "getComputedStyle(document.body).backgroundColor"
    text = "getComputedStyle(document.querySelector('.xtick text')).fill"
    assert page.run(colour) == "rgb(255, 255, 255)"
    assert page.run(text) == "rgb(0, 0, 0)"
    page.prefer("light")
    page.pdf(tmp_path / "report.pdf")
    boxes = re.findall(
        rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", (tmp_path / "report.pdf").read_bytes()
    )
    across = [float(width) > float(height) for width, height in boxes]
    assert 1 in (across.count(True), across.count(True) - 1)
    assert across.count(False) > 3


@pytest.mark.browser
@pytest.mark.axe
def test_the_browser_would_notice_an_error_a_request_and_a_barrier(
    tmp_path: Path, browser: Browser
) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        '<html><script>throw new Error("bad")</script><img src="https://example.org/x.png">'
        '<p style="color: #888; background: #999">pale</p><button>a</button><button tabindex="-1">b'
    )
    page = browser.open(bad.as_uri())
    assert any("Uncaught Error: bad" in line for line in page.console)
    assert page.requests == ["https://example.org/x.png"]
    rules = {line.partition(":")[0] for line in page.audit()}
    assert rules >= {"color-contrast", "image-alt", "html-has-lang"}
    assert page.tab_through() == [0]
    assert page.reachable() == 2


def test_5000_trials_take_under_30_s_and_10_mb(
    large: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "large.html"
    begin = time.perf_counter()
    assert main(["report", "large", "--storage", large, "-o", str(output)]) == 0
    assert time.perf_counter() - begin < 30
    assert output.stat().st_size < 10_000_000
    assert f"wrote {output}" in capsys.readouterr().out
    assert "2,000 trials are drawn, evenly chosen." in output.read_text()


def test_what_cannot_be_had_is_explained_in_its_place(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(home, tmp_path / "moved")
    monkeypatch.chdir(tmp_path / "moved")
    storage = open_storage("sqlite:///hpsearch.db")
    whole = gather(open_study(storage, "digits"))
    assert whole.inspection is not None
    assert whole.inspection["images"] == 5000
    assert {*whole.metrics} == {*range(6)}
    folder = Path(whole.study.runs) / "digits"
    hidden = folder.rename(tmp_path / "hidden")
    try:
        bare = gather(open_study(storage, "digits"))
    finally:
        hidden.rename(folder)
    assert bare.inspection is not None
    assert "no checkpoint that you can read in" in bare.inspection["failure"]
    assert bare.metrics == {}
    assert [trial.values for trial in bare.study.trials] == [
        trial.values for trial in whole.study.trials
    ]


def test_a_parameter_that_decides_is_the_most_important(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path / 'large.db'}")
    write_large_study(storage, tmp_path / "runs", trials=300)
    shares = gather(open_study(storage, "large")).importance["val_accuracy"]
    assert max(shares, key=lambda name: shares[name]) == "model.lr"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report", "digit"], "there is no study 'digit' in sqlite:///hpsearch.db; did you mean"),
        (["report", "digits", "-o", "nowhere/a.html"], "nowhere/a.html cannot be written"),
        (["compare", "digits", "digitz"], "there is no study 'digitz'"),
    ],
)
def test_a_misuse_is_answered_in_a_sentence(
    at_home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


def test_compare_puts_studies_side_by_side(
    at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "digits", "digits", "--json"]) == 0
    entries: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    (entry,) = entries  # named twice, shown once
    assert entry["study"] == "digits"
    assert entry["trials"] == 6
    assert entry["confirmed"] is None
    assert entry["parameters"] == ["model.widths.0", "model.dropout", "data.augment.shift"]
    assert main(["compare", "digits"]) == 0
    assert "val_accuracy 0." in capsys.readouterr().out
