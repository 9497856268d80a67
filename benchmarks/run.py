"""Races against peers: each writes its table into docs/benchmarks.md.

    python benchmarks/run.py                             # every race but the longest: hours
    python benchmarks/run.py augmentation --repeats 5    # one race
    python benchmarks/run.py same-work --only cnn-32     # one case of a race; the others stay
    python benchmarks/run.py quality --more --repeats 5  # five rounds after those that there are
    python benchmarks/run.py --scale 0.01                # does everything run? Only prints

Results are kept line by line in benchmarks/results/RACE.jsonl; a table shows the whole file. A race
waits for quiet before each contestant, `--patience` seconds at most, and its table names what was
measured beside other work.
`--only @hpsearch` runs one contestant. Peers come from benchmarks/.venv, which `make bench`
creates; peers that are not installed there are listed as left out.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import optuna
from contest import Setting, machine, own_versions, peers_versions
from quiet import Others, noise_words, wait_until_quiet
from races import augmentation, growth, memory, overhead, precision, quality, same_work, storage
from table import Measured, replace

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
RESULTS = HERE / "results"


@dataclass(frozen=True)
class Race:
    """A race.

    Attributes:
        measure: runs one round, given the setting and the round's number from 0.
        table: makes the table of all results.
        repeats: default number of rounds.
        hours: whether it takes so long that it runs only on request.
    """

    measure: Callable[[Setting, int], Iterator[Measured]]
    table: Callable[[Sequence[Measured]], str]
    repeats: int
    hours: bool = False


RACES = {
    "same-work": Race(same_work.measure, same_work.table, repeats=3),
    "precision": Race(precision.measure, precision.table, repeats=3),
    "overhead": Race(overhead.measure, overhead.table, repeats=5),
    "memory": Race(memory.measure, memory.table, repeats=5),
    "augmentation": Race(augmentation.measure, augmentation.table, repeats=7),
    "storage": Race(storage.measure, storage.table, repeats=5),
    "growth": Race(growth.measure, growth.table, repeats=5),
    "quality": Race(quality.measure, quality.table, repeats=20, hours=True),
}


def hold(
    name: str, setting: Setting, repeats: int, keep: Path, *, more: bool, patience_s: float
) -> None:
    """Runs a race.

    Args:
        name: the race.
        setting: how much to run, and where.
        repeats: rounds.
        keep: the file to which lines are added as they are measured.
        more: whether the rounds come after the earlier ones; otherwise they replace earlier results
            of the same cases.
        patience_s: how long to wait for quiet before each contestant, at most.

    Raises:
        SystemExit: a contestant failed, or `--only` names nothing of this race.
    """
    known = read(keep) if setting.only or more else []
    mine = [line for line in known if setting.wanted(line["case"], line["contestant"])]
    first = max((line["round"] + 1 for line in mine), default=0) if more else 0
    known = known if more else [line for line in known if line not in mine]
    keep.write_text("".join(json.dumps(line) + "\n" for line in known))
    origin = {"machine": machine(), "versions": own_versions(), "peers": dict(setting.versions)}
    for turn in range(first, first + repeats):
        for measured, others in _quietly(RACES[name].measure(setting, turn), patience_s):
            line = {**asdict(measured), "round": turn, "scale": setting.scale, **origin}
            line["others"] = round(others, 3)
            figures = {key: float(f"{value:.4g}") for key, value in measured.figures.items()}
            print(name, turn, measured.case, measured.contestant, measured.left_out or figures)
            with keep.open("a") as lines:
                lines.write(json.dumps(line) + "\n")
    if len(read(keep)) == len(known):
        raise SystemExit(f"nothing of {name} is called {' or '.join(setting.only)}")


def _quietly(measuring: Iterator[Measured], patience_s: float) -> Iterator[tuple[Measured, float]]:
    """Yields each measurement, begun in quiet, with the share of processors that others used."""
    while True:
        wait_until_quiet(patience_s)
        others = Others()
        if (measured := next(measuring, None)) is None:
            return
        yield measured, others.share()


def table_of(name: str, lines: Sequence[Mapping[str, Any]]) -> str:
    """Returns a race's table, followed by the machine and versions it was measured on."""
    fields = ("case", "contestant", "figures", "round", "left_out")
    measured = [Measured(**{field: line[field] for field in fields}) for line in lines]
    notes = dict.fromkeys(_origin(line) for line in lines)
    noise = filter(None, [noise_words(lines)])
    return "\n\n".join([RACES[name].table(measured), *noise, *notes])


def _origin(line: Mapping[str, Any]) -> str:
    ours, theirs = (
        ", ".join(f"{name} {number}" for name, number in line[which].items())
        for which in ("versions", "peers")
    )
    scale = "" if line["scale"] == 1 else f" At {line['scale']:g} of the work."
    peers = f"; peers: {theirs}" if theirs else "; no environment of peers"
    return f"Measured on {line['machine']}; {ours}{peers}.{scale}"


def read(path: Path) -> list[dict[str, Any]]:
    """Returns the stored lines."""
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines()]


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("races", nargs="*", metavar="RACE", help=", ".join(RACES))
    parser.add_argument("--repeats", type=int, help="rounds; each race has its own number")
    parser.add_argument(
        "--scale",
        type=float,
        default=1.0,
        help="share of the work; below 1, tables are printed and docs/benchmarks.md stays as it is",
    )
    parser.add_argument(
        "--more", action="store_true", help="rounds after the earlier ones, instead of new ones"
    )
    parser.add_argument(
        "--patience", type=float, default=600.0, metavar="S", help="seconds to wait for quiet"
    )
    parser.add_argument("--full", action="store_true", help="the longest race as well")
    parser.add_argument("--only", nargs="+", default=(), metavar="CASE", help="or @CONTESTANT")
    options = parser.parse_args()
    if unknown := [name for name in options.races if name not in RACES]:
        parser.error(f"no race is called {', '.join(unknown)}; there are {', '.join(RACES)}")
    if not 0 < options.scale <= 1 or (options.repeats is not None and options.repeats < 1):
        parser.error("--scale is above 0 and at most 1, --repeats is 1 or more")
    return options


def main() -> None:
    """Runs the named races, or all that do not take hours."""
    options = parse()
    # As Ctrl-C does, so that the processes of a contestant end with the race.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    chosen = options.races or [n for n, race in RACES.items() if options.full or not race.hours]
    # Each contestant sets its own number of threads.
    os.environ.pop("OMP_NUM_THREADS", None)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        # Contestants keep settings and caches in the home folder; this user's stays untouched.
        os.environ["HOME"] = folder
        setting = Setting(options.scale, Path(folder), tuple(options.only), peers_versions())
        for name in chosen:
            results = RESULTS if options.scale == 1 else Path(folder)
            results.mkdir(exist_ok=True)
            repeats = options.repeats or RACES[name].repeats
            keep = results / f"{name}.jsonl"
            try:
                more, patience_s = options.more, options.patience
                hold(name, setting, repeats, keep, more=more, patience_s=patience_s)
            finally:  # keeps hours of results if a contestant fails at the end
                table = table_of(name, read(keep))
                print(f"\n{table}\n", flush=True)
                if options.scale == 1:
                    PAGE.write_text(replace(PAGE.read_text(), f"race: {name}", table))


if __name__ == "__main__":
    main()
