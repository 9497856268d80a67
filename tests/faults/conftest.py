"""Faults in rounds: a short round with every test run, the full one with `make faults`.

A test in this folder takes `repeat`, by which it is repeated, and reports with `score` how often it
has injected its fault and what the worst figure was. At the end these become one table.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_score import FULL, Score, left_out
from searching import EPOCHS, TRIALS, Search, study_of

PAGE = Path(__file__).parent.parent.parent / "docs" / "reliability.md"
MARKS = ("<!-- faults -->\n", "<!-- /faults -->\n")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeats a test as often as its marker says for this kind of round."""
    if "repeat" not in metafunc.fixturenames:
        return
    mark = metafunc.definition.get_closest_marker("fault")
    assert mark is not None, f"{metafunc.function.__name__}: name the fault with a marker"
    repeats: list[Any] = list(range(mark.kwargs["full" if FULL else "short"]))
    long = pytest.mark.skip(reason=left_out(mark.args[0]))
    metafunc.parametrize("repeat", repeats or [pytest.param(0, marks=long)])


@pytest.fixture
def score() -> Score:
    """What a test reports about its faults, for the table."""
    return Score()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Puts a test's score into its report, which may be read in another process."""
    report = yield
    score, mark = getattr(item, "funcargs", {}).get("score"), item.get_closest_marker("fault")
    if report.when == "call" and score is not None and mark is not None:
        said = {"fault": mark.args[0], "strikes": score.strikes, "figures": score.figures}
        report.user_properties += said.items()
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Prints the table of a full round, and writes it into the page on reliability."""
    if not FULL:
        return
    rows: dict[str, tuple[int, int, dict[str, float]]] = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            said = dict(report.user_properties)
            if "fault" not in said:
                continue
            tried, survived, worst = rows.get(said["fault"], (0, 0, {}))
            strikes = max(1, said["strikes"])
            worst = dict(worst)
            for what, value in said["figures"].items():
                worst[what] = max(value, worst.get(what, value))
            survived += strikes * (outcome == "passed")
            rows[said["fault"]] = tried + strikes, survived, worst
    if not rows:
        return
    head, rest = PAGE.read_text().split(MARKS[0])
    before, tail = rest.split(MARKS[1])
    # A round of some of the faults leaves the lines of the others unchanged.
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in before.splitlines()[2:]}
    for fault, (tried, survived, worst) in rows.items():
        figures = "; ".join(f"{value:.3g} {what}" for what, value in worst.items())
        lines[fault] = f"| {fault} | {tried} | {survived} | {figures or '-'} |"
    table = "".join(f"{lines[fault]}\n" for fault in sorted(lines, key=_case))
    table = "| fault | repeats | survived | worst figure |\n|---|---|---|---|\n" + table
    terminalreporter.write("\n" + table)
    PAGE.write_text(head + MARKS[0] + table + MARKS[1] + tail)


def _case(fault: str) -> tuple[int, str]:
    return int(fault.replace(".", " ").split()[0]), fault


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Search]:
    """A search that has not begun."""
    search = Search(tmp_path / "search", study_of(TRIALS, EPOCHS))
    yield search
    search.close()


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Search:
    """The same search without faults, made once for all workers of pytest-xdist."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    search = Search(folder / "undisturbed", study_of(TRIALS, EPOCHS))
    with (search.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (done := search.folder / "done").exists():
            search.begin()
            assert search.wait_for_end() == 0, search.output
            done.touch()
    return search
