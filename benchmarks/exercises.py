"""The tutorial's exercises that are a search of their own: nodes, dropout, and moved images.

    python benchmarks/exercises.py --out exercises.jsonl              # trains what is missing
    python benchmarks/exercises.py --out exercises.jsonl --tables     # prints its results

Each study file is run as a reader runs it, once for each seed. Only training and validation images
are read. A search that is done is not repeated, so that this can be stopped and continued.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import fmean
from typing import Any

import hpsearch
from hpsearch.search.options import RunOptions

STUDIES = Path(__file__).parents[1] / "studies"
FILES = {"nodes": "tutorial_nodes.yaml", "cnn-ways": "tutorial_cnn.yaml"}
SEEDS = (1, 2, 3)
PACKAGES = ("torch", "pytorch_lightning", "optuna")

Run = Mapping[str, Any]
Epoch = Mapping[str, float]


def search(name: str, seed: int, options: RunOptions, storage: str) -> Iterator[dict[str, Any]]:
    """Runs one study with one seed, or continues it, and yields a record of each trial."""
    changes = (f"study.name={name}-{seed}", f"study.seed={seed}")
    result = hpsearch.read_study(STUDIES / FILES[name], *changes, storage=storage).run(options)
    curves = result.curves_dataframe()
    for trial in result.trials:
        epochs = curves[curves["number"] == trial.number].drop(columns=["number"])
        yield {
            "study": name,
            "seed": seed,
            "params": dict(trial.params),
            "curve": epochs.to_dict(orient="records"),
            "versions": {package: version(package) for package in PACKAGES},
        }


def complete(path: Path, options: RunOptions, storage: str) -> None:
    """Runs every search that the file does not hold yet, and adds a line for each of its trials."""
    done = {(run["study"], run["seed"]) for run in runs_in(path)}
    for name in FILES:
        for seed in SEEDS:
            if (name, seed) in done:
                continue
            lines = [json.dumps(run) for run in search(name, seed, options, storage)]
            with path.open("a") as file:
                file.write("\n".join([*lines, ""]))
            print(f"{name}, seed {seed}: {len(lines)} trials", flush=True)


def runs_in(path: Path) -> list[Run]:
    """Returns the trials that the file holds."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def tables(runs: Sequence[Run]) -> str:
    """Returns the results as Markdown tables: nodes, then dropout and moved images."""
    parts = []
    nodes = [run for run in runs if run["study"] == "nodes"]
    if nodes:
        head = "Nodes | Epochs | Best epoch | Validation accuracy | Training accuracy"
        losses = "Lowest validation loss | Last validation loss | Last training loss"
        parts += [_head(f"{head} | {losses}"), *_rows(nodes, _nodes, _nodes_row)]
    ways = [run for run in runs if run["study"] == "cnn-ways"]
    if ways:
        head = "Dropout | Images | Validation accuracy | Training accuracy"
        parts += [
            "",
            _head(f"{head} | Validation accuracy after epoch 1"),
            *_rows(ways, _way, _way_row),
        ]
    return "\n".join(parts)


def _head(columns: str) -> str:
    return f"| {columns} |\n|" + "---|" * (columns.count("|") + 1)


def _rows(
    runs: Sequence[Run], key: Callable[[Run], Any], row: Callable[[Any, Sequence[Run]], str]
) -> list[str]:
    groups: dict[Any, list[Run]] = {}
    for run in sorted(runs, key=lambda run: (key(run), run["seed"])):
        groups.setdefault(key(run), []).append(run)
    return [row(each, group) for each, group in groups.items()]


def _nodes(run: Run) -> int:
    return int(run["params"]["model.widths.0"])


def _nodes_row(nodes: int, runs: Sequence[Run]) -> str:
    best = [_best(run) for run in runs]
    lowest = [min(epoch["val_loss"] for epoch in run["curve"]) for run in runs]
    last = [run["curve"][-1] for run in runs]
    cells = [
        str(nodes),
        _each(len(run["curve"]) for run in runs),
        _each(int(epoch["epoch"]) for epoch in best),
        _percent([epoch["val_accuracy"] for epoch in best]),
        _percent([epoch["train_accuracy"] for epoch in best]),
        f"{fmean(lowest):.3f}",
        f"{fmean(epoch['val_loss'] for epoch in last):.3f}",
        f"{fmean(epoch['train_loss'] for epoch in last):.3f}",
    ]
    return f"| {' | '.join(cells)} |"


def _way(run: Run) -> tuple[str, str]:
    return str(run["params"]["model.dropout"]), str(run["params"]["data"])


def _way_row(way: tuple[str, str], runs: Sequence[Run]) -> str:
    best = [_best(run) for run in runs]
    cells = [
        *way,
        _percent([epoch["val_accuracy"] for epoch in best]),
        _percent([epoch["train_accuracy"] for epoch in best]),
        _percent([run["curve"][0]["val_accuracy"] for run in runs]),
    ]
    return f"| {' | '.join(cells)} |"


def _best(run: Run) -> Epoch:
    """Returns the epoch that a trial is measured by: the one with the best objective."""
    found: Epoch = max(run["curve"], key=lambda epoch: epoch["val_accuracy"])
    return found


def _percent(values: Sequence[float]) -> str:
    return f"{fmean(values):.2%} ({min(values):.2%} to {max(values):.2%})"


def _each(values: Iterator[int]) -> str:
    return ", ".join(map(str, values))


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("exercises.jsonl"))
    parser.add_argument("--tables", action="store_true", help="print the file's results, stop")
    parser.add_argument("--devices", default="auto")
    parser.add_argument("--storage", default="sqlite:///hpsearch.db")
    arguments = parser.parse_args()
    if not arguments.tables:
        options = RunOptions(devices=arguments.devices)
        complete(arguments.out, options, arguments.storage)
    print(tables(runs_in(arguments.out)))


if __name__ == "__main__":
    main()
