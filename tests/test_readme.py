"""README.md and docs/ are true: commands run, outputs have the words shown, links lead somewhere.

Every line `$ command` of a `console` block is run as it stands, in order, in one folder that has
the project's `studies/` and `examples/`, with the exceptions of `as_tested`: those of README.md by
a shell, those of docs/ in this process, which is quicker. Of the output shown, every word must
come out again; numbers and curves may differ.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hpsearch.classes.load import read_checked
from hpsearch.cli import main
from hpsearch.measure import speed

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SMALL = {
    "trainer.max_epochs": "1",
    "trainer.limit_train_batches": "2",
    "trainer.limit_val_batches": "1",
}
# How a trial of two batches ends is chance, and a machine of one core has one slot; elsewhere a
# page must say what comes out.
OF_CHANCE = {"pruned", "paused", "complete", "slots"}
# What `check --speed` recommends is the processor's answer: one with bf16 units gives another. So
# is whether it compiles in time.
ADVICE = re.compile(r"^(None gains|Write |compile ).*$", re.MULTILINE)

Shown = tuple[str, str]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def commands(page: Path) -> Iterator[Shown]:
    """Yields each command of the page with the output shown below it."""
    for block in blocks(page, "console"):
        assert block.startswith("$ "), f"{page.name}: a console block begins with a command"
        for entry in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = entry.partition("\n")
            yield command, output


def as_tested(command: str) -> str | None:
    """Returns what the test runs in the command's place; None for what it leaves out.

    That is `make`, which CI runs itself, and `--speed` where there is no compiler to measure.

    Searches are cut to two trials of two batches, and TensorBoard lists what it would serve.
    """
    if command.startswith("make "):
        return None
    if "--speed" in command and not any(map(shutil.which, ("g++", "clang++"))):
        return None
    if command.startswith("tensorboard "):
        return f"{command} --inspect"
    if command.startswith("hpsearch run "):
        command = re.sub(r" --trials \d+", "", command)
        return " ".join([command, "--trials 2", *(f"--set {k}={v}" for k, v in SMALL.items())])
    return command


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z_]{3,}", text))


def missing(shown: str, printed: str) -> set[str]:
    """Returns the words that the page shows and the command did not print, on any machine."""
    assert bool(ADVICE.search(shown)) == bool(ADVICE.search(printed)), printed
    return words(ADVICE.sub("", shown)) - words(ADVICE.sub("", printed)) - OF_CHANCE


TABLE = "bf16-mixed  1,103  0.30 (0.27 to 0.32)  trainer.precision: bf16-mixed\n\n"
KEPT = "None gains more than 5% in every round: leave the file as it is.\n"
GAINED = "Write trainer.precision: bf16-mixed: 1.80 times as fast (1.70 at least).\n"


@pytest.mark.parametrize("advice", [KEPT, GAINED])
def test_either_answer_of_a_processor_suits_the_page(advice: str) -> None:
    """Some have bf16 units, some emulate them: `check --speed` recommends what it measured."""
    assert missing(TABLE + KEPT, TABLE + advice) == set()
    assert missing(TABLE + KEPT, advice) == {"mixed", "precision", "trainer"}
    with pytest.raises(AssertionError):
        missing(TABLE + KEPT, TABLE)


RUN = [
    pytest.param(page, command, output, id=f"{page.name}: {command}")
    for page in PAGES
    for command, output in commands(page)
    if as_tested(command)
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    for name in ("studies", "examples"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


def test_the_pages_show_commands() -> None:
    assert len(RUN) >= 25
    assert any(as_tested(command) is None for command, _ in commands(README))


@pytest.mark.process
@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize(("page", "command", "output"), RUN)
def test_commands_of_the_pages_work(
    home: Path,
    page: Path,
    command: str,
    output: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(home)
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    # What three rounds and seeds are for is in tests/measure/test_speed.py, and compiling is in
    # tests/trial/test_speed.py.
    few = {"ROUNDS": 2, "ROUNDS_S": 10.0, "SEEDS": 2, "LONGEST_S": 5.0, "TRAINED_S": (0.2, 0.5)}
    for name, value in few.items():
        monkeypatch.setattr(speed, name, value)
    code = (by_a_shell if page == README else in_this_process)(str(as_tested(command)))
    printed, complaint = capfd.readouterr()
    assert code == 0, printed + complaint
    lost = missing(output, printed)
    assert not lost, f"{page.name} shows words that do not come out, {lost}:\n{printed}"


def by_a_shell(command: str) -> int:
    return subprocess.run(["bash", "-c", command], check=False).returncode


def in_this_process(command: str) -> int:
    program, *arguments = shlex.split(command)
    if program != "hpsearch":
        return by_a_shell(command)
    inline = ["--inline"] if arguments[0] in ("run", "resume") else []
    return main([*arguments, *inline])


LINKS = [
    pytest.param(page, link, id=f"{page.name}: {link}")
    for page in PAGES
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    if "://" not in link
]


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_pages_have_links() -> None:
    assert len(LINKS) >= 12


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_links_lead_somewhere(page: Path, link: str) -> None:
    target, _, anchor = link.partition("#")
    file = (page.parent / target).resolve() if target else page
    assert file.exists()
    assert not anchor or anchor in anchors(file)


SECTIONS = [
    pytest.param(page, block, id=f"{page.name}: {' '.join(block.split())[:40]}")
    for page in PAGES
    for block in blocks(page, "yaml")
]
BASE = """
study: {name: base, objective: {val_accuracy: maximize}, trials: 10}
model: {class_path: hpsearch.models.Softmax}
data: {class_path: hpsearch.data.ImageData}
optimizer: {class_path: torch.optim.Adam}
trainer: {max_epochs: 3}
"""


def test_the_pages_show_study_files() -> None:
    assert len(SECTIONS) >= 8


@pytest.mark.parametrize(("page", "block"), SECTIONS)
def test_study_files_shown_are_valid(page: Path, block: str, tmp_path: Path) -> None:
    """Sections shown alone are put into a small study that has the others."""
    shutil.copy(ROOT / "examples" / "spirals.py", tmp_path)
    shown: dict[str, Any] = yaml.safe_load(block)
    file = tmp_path / "shown.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(BASE) | shown))
    assert read_checked(file, (), print)  # raises what is wrong with it


def test_code_shown_is_that_of_the_examples() -> None:
    shown = {block for page in PAGES for block in blocks(page, "python")}
    assert shown == {file.read_text() for file in (ROOT / "examples").glob("*.py")}
    assert (ROOT / "examples" / "spirals.yaml").read_text() in blocks(README, "yaml")
