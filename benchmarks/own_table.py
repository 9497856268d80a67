"""Makes a table of learning curves of our own: a random search that trains every trial whole.

    python benchmarks/own_table.py --folder WORK                    # about 25 minutes on two cores
    python benchmarks/quality.py --tables benchmarks/tables --tasks mnist-cnn

It trains a trial on each core that it may use (`taskset --cpu-list 0` leaves it one) and adds what
is new to benchmarks/tables/mnist-cnn.jsonl after every few. Interrupted, it continues from the
database in the folder; a new folder needs another `--seed`, or it trains the same settings again.
The table's first line is its space; each other one has a setting and its error after each epoch, in
percent of the validation images.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from policies.clock import settings_of

import hpsearch
from hpsearch.search.store.records import TrialRecord
from hpsearch.studyfile.distributions import FloatRange, IntRange
from hpsearch.studyfile.space import Space

STUDY = Path(__file__).parent / "tables" / "mnist-cnn.yaml"


def main() -> None:
    """Trains what is missing, part by part."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--folder", type=Path, required=True, help="for the database and trials")
    options.add_argument("--settings", type=int, default=250, help="how many with this seed")
    options.add_argument("--seed", type=int, default=1, help="which settings")
    options.add_argument("--part", type=int, default=5, help="settings between two writes")
    options.add_argument("--out", type=Path, default=STUDY.with_suffix(".jsonl"))
    args = options.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    storage = f"sqlite:///{args.folder.resolve()}/table.db"
    search = hpsearch.read_study(STUDY, f"study.seed={args.seed}", storage=storage)
    for trials in [*range(args.part, args.settings, args.part), args.settings]:
        result = search.run(devices="cpu", trials=trials, runs=args.folder / "runs")
        print(
            f"{args.out}: {add(args.out, lines(search.spec.space, result.trials))} settings",
            flush=True,
        )


def add(table: Path, new: list[dict[str, Any]]) -> int:
    """Adds the lines to a table that it does not have yet; returns how many settings it has."""
    known = [json.loads(line) for line in table.read_text().splitlines()] if table.exists() else []
    rows = [*known, *(line for line in new if line not in known)]
    table.write_text("".join(json.dumps(line) + "\n" for line in rows))
    return len(rows) - 1


def lines(space: Space, trials: Sequence[TrialRecord]) -> list[dict[str, Any]]:
    """Returns the lines of a table: the space, then each trial that was trained whole.

    Args:
        space: of numbers alone.
        trials: of one study, whose objective is an accuracy.
    """
    ranges = {
        name: {"low": of.low, "high": of.high, "log": of.log, "int": isinstance(of, IntRange)}
        for name, of in space.parameters.items()
        if isinstance(of, IntRange | FloatRange)
    }
    settings = [
        {
            "setting": {name: _short(value) for name, value in settings_of(trial.params).items()},
            "losses": [round(100 * (1 - value), 2) for value in trial.values_by_epoch.values()],
        }
        for trial in trials
        if trial.state == "complete"
    ]
    return [{"space": settings_of(ranges)}, *settings]


def _short(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main()
