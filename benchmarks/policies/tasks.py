"""Tables and surrogates of learning curves, read from a folder that the user names.

- `NAME.npz`: a table: `space` (JSON: name to low, high, log, int), `units` (settings in the unit
  cube) and `losses` (settings by epochs);
- `NAME.jsonl`: the same as text, as `own_table.py` writes it: a line with the space, and one for
  each setting with its losses;
- `taskset/*.json.gz`: tables of TaskSet, as DyHPO's repository has them (Apache-2.0);
- `lcbench.onnx`: YAHPO Gym's surrogate of LCBench (Apache-2.0), which needs onnxruntime.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

Setting = Mapping[str, float]

# OpenML's ids of LCBench's data sets, and their codes in the surrogate.
LCBENCH = {
    "126025": 1, "126026": 2, "126029": 3, "146212": 4, "167104": 6, "167149": 7, "167152": 8,
    "167161": 9, "167168": 10, "167181": 11, "167184": 12, "167185": 13, "167190": 14,
    "167200": 15, "167201": 16, "168329": 17, "168330": 18, "168331": 19, "168335": 20,
    "168868": 21, "168908": 22, "168910": 23, "189354": 24, "189862": 25, "189865": 26,
    "189866": 27, "189873": 28, "189905": 29, "189906": 30, "189908": 31, "189909": 32,
    "34539": 33, "3945": 34, "7593": 35,
}  # fmt: skip

DRAWS = 2000  # random settings, against which those of a search are measured


@dataclass(frozen=True)
class Range:
    """One parameter: its range, and whether it is integer and logarithmic."""

    low: float
    high: float
    log: bool = False
    whole: bool = False

    @property
    def expression(self) -> str:
        """The range as a search expression."""
        low, high = (int(v) if self.whole else float(v) for v in (self.low, self.high))
        log = ", log=True" if self.log else ""
        return f"~{'int' if self.whole else 'float'}({low!r}, {high!r}{log})"

    def to_unit(self, value: float) -> float:
        """Returns the position of a value in the range, 0 to 1."""
        low, high = self._edges
        if self.log:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)

    def from_unit(self, share: float) -> float:
        """Returns the value at a position in the range, 0 to 1."""
        low, high = self._edges
        value = low * (high / low) ** share if self.log else low + share * (high - low)
        value = min(max(round(value) if self.whole else value, self.low), self.high)
        return int(value) if self.whole else value

    @property
    def _edges(self) -> tuple[float, float]:
        margin = 0.5 if self.whole else 0.0
        return self.low - margin, self.high + margin


class Task(Protocol):
    """A task to tune: a space, and a curve of losses for each of its settings."""

    name: str
    space: dict[str, Range]
    epochs: int
    best: float
    median: float

    def curve(self, setting: Setting) -> np.ndarray:
        """Returns the loss after each epoch; smaller is better."""


class Table:
    """A table of real curves; a setting gets the curve of its nearest neighbour."""

    def __init__(
        self, name: str, space: dict[str, Range], units: np.ndarray, losses: np.ndarray
    ) -> None:
        self.name, self.space, self._units, self._losses = name, space, units, losses
        self.epochs = losses.shape[1]
        ends = losses.min(axis=1)
        self.best, self.median = float(ends.min()), float(np.median(ends))

    def curve(self, setting: Setting) -> np.ndarray:
        """Returns the curve of the nearest setting in the unit cube."""
        here = [of.to_unit(setting[name]) for name, of in self.space.items()]
        return self._losses[int(((self._units - here) ** 2).sum(axis=1).argmin())]


class Surrogate:
    """One data set of LCBench: networks of Auto-PyTorch, error in percent, without noise."""

    epochs = 50
    space: ClassVar[dict[str, Range]] = {
        "batch_size": Range(16, 512, log=True, whole=True),
        "learning_rate": Range(1e-4, 1e-1, log=True),
        "momentum": Range(0.1, 0.99),
        "weight_decay": Range(1e-5, 1e-1),
        "num_layers": Range(1, 5, whole=True),
        "max_units": Range(64, 1024, log=True, whole=True),
        "max_dropout": Range(0.0, 1.0),
    }

    def __init__(self, file: Path, data_set: str) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.name, self._code = f"lcbench-{data_set}", LCBENCH[data_set]
        self._session = onnxruntime.InferenceSession(str(file), options)

    @cached_property
    def _ends(self) -> np.ndarray:
        many = random_settings(self.space, DRAWS)
        groups = (many[i : i + 100] for i in range(0, DRAWS, 100))
        return np.concatenate([self._curves(group).min(1) for group in groups])

    @property
    def random_regrets(self) -> np.ndarray:
        """The final regret of each of 2,000 random settings."""
        return (self._ends - self.best) / (self.median - self.best)

    @property
    def best(self) -> float:
        """The best final loss of 2,000 random settings."""
        return float(self._ends.min())

    @property
    def median(self) -> float:
        """The median final loss of 2,000 random settings."""
        return float(np.median(self._ends))

    def curve(self, setting: Setting) -> np.ndarray:
        """Returns the surrogate's curve without its first epoch, the untrained network."""
        return self._curves([setting])[0]

    def size(self, setting: Setting) -> float:
        """Returns the size of a setting's network, from 0 for the smallest of the space to 1.

        The scale is logarithmic in the number of weights: layers times the square of their units.
        """
        layers, units = self.space["num_layers"], self.space["max_units"]
        low, high, own = (
            math.log(one * other**2)
            for one, other in (
                (layers.low, units.low),
                (layers.high, units.high),
                (setting["num_layers"], setting["max_units"]),
            )
        )
        return (own - low) / (high - low)

    def _curves(self, settings: list[Any]) -> np.ndarray:
        rows = [
            [epoch, *(float(setting[name]) for name in self.space)]
            for setting in settings
            for epoch in range(2, self.epochs + 2)
        ]
        codes = np.full((len(rows), 1), self._code, np.int32)
        inputs = {"x_cat": codes, "x_cont": np.asarray(rows, np.float32)}
        accuracy = self._session.run(None, inputs)[0][:, 1]
        return (100.0 - np.clip(accuracy, 0, 100)).astype(float).reshape(-1, self.epochs)


class Thinned:
    """A task with fewer and longer epochs, which is quicker to search.

    After each of them, a curve is where the whole one is after the same share of the training.
    """

    def __init__(self, task: Task, epochs: int) -> None:
        self.name, self.space, self.epochs = task.name, task.space, epochs
        self.best, self.median = task.best, task.median
        self.whole = task
        self._kept = np.linspace(task.epochs / epochs, task.epochs, epochs).round().astype(int) - 1

    def curve(self, setting: Setting) -> np.ndarray:
        """Returns the loss after each of the longer epochs."""
        return self.whole.curve(setting)[self._kept]


def load(folder: Path, name: str) -> Task:
    """Returns a task from a folder by name.

    Raises:
        SystemExit: the folder does not have it.
    """
    if name.startswith("lcbench-") and (folder / "lcbench.onnx").exists():
        return Surrogate(folder / "lcbench.onnx", name.removeprefix("lcbench-"))
    own = (path for path in folder.iterdir() if path.suffix in (".npz", ".jsonl"))
    files = {**_tasksets(folder), **{path.stem: path for path in own}}
    if name not in files:
        raise SystemExit(f"{folder} has no task {name}; it has {', '.join(sorted(files))}")
    if name.startswith("taskset-"):
        return _taskset(name, files[name])
    return (_npz if files[name].suffix == ".npz" else _jsonl)(files[name])


def by_mean_rank(tasks: Sequence[Task], draws: int = 300) -> list[Setting]:
    """Returns random settings of a space, sorted by mean rank over tasks that share it.

    Args:
        tasks: of one kind.
        draws: how many settings.
    """
    settings = random_settings(tasks[0].space, draws)
    ends = np.array([[task.curve(setting).min() for setting in settings] for task in tasks])
    ranks = ends.argsort(axis=1).argsort(axis=1).mean(axis=0)
    return [settings[at] for at in ranks.argsort(kind="stable")]


@cache
def best_of_lcbench(folder: Path, without: frozenset[str], count: int) -> list[Setting]:
    """Returns those of 2,000 random settings that together have the lowest mean regret.

    Each is chosen to add most to those before it, where the best of them counts on each task.

    Args:
        folder: where the surrogate is.
        without: the tasks that do not count.
        count: how many settings.
    """
    kept = (data_set for data_set in LCBENCH if f"lcbench-{data_set}" not in without)
    tasks = (Surrogate(folder / "lcbench.onnx", data_set) for data_set in kept)
    regrets = np.array([task.random_regrets for task in tasks])
    chosen = list[int]()
    for _ in range(count):
        so_far = regrets[:, chosen].min(axis=1, initial=np.inf)[:, None]
        chosen.append(int(np.minimum(regrets, so_far).mean(axis=0).argmin()))
    settings = random_settings(Surrogate.space, DRAWS)
    return [settings[at] for at in chosen]


def random_settings(space: Mapping[str, Range], count: int) -> list[dict[str, float]]:
    """Returns settings of a space, always the same."""
    rng = np.random.default_rng(0)
    return [
        {name: of.from_unit(float(rng.random())) for name, of in space.items()}
        for _ in range(count)
    ]


def size_of(task: Task, setting: Setting) -> float:
    """Returns the size of a setting's network, 0 to 1; 0 if the task does not know it."""
    whole = task.whole if isinstance(task, Thinned) else task
    return whole.size(setting) if isinstance(whole, Surrogate) else 0.0


def distribution(of: Range) -> BaseDistribution:
    """Returns the Optuna distribution of a range."""
    if of.whole:
        return IntDistribution(int(of.low), int(of.high), log=of.log)
    return FloatDistribution(of.low, of.high, log=of.log)


def _tasksets(folder: Path) -> dict[str, Path]:
    paths = sorted((folder / "taskset").glob("*.json*"))
    return {f"taskset-{path.name.partition('.')[0].partition('imdb_')[2]}": path for path in paths}


def _taskset(name: str, path: Path) -> Table:
    stored = path.read_bytes()
    rows = json.loads(gzip.decompress(stored) if path.suffix == ".gz" else stored)
    # What matters in a momentum near 1 is its distance from 1.
    settings = [
        {key: 1 - value if key.startswith("beta") else value for key, value in row["hp"].items()}
        for row in rows
    ]
    space = {}
    for key in settings[0]:
        values = [setting[key] for setting in settings]
        space[key] = Range(min(values), max(values), log=True)
    units = np.array([[space[key].to_unit(s[key]) for key in space] for s in settings])
    losses = np.array([row["valid"]["loss"] for row in rows], float)[:, 1:]
    worst = losses[np.isfinite(losses)].clip(max=2.0).max()
    losses = np.where(np.isfinite(losses), losses, worst).clip(max=worst)
    return Table(name, space, units, losses)


def _npz(path: Path) -> Table:
    with np.load(path, allow_pickle=False) as stored:
        space = _space(json.loads(str(stored["space"])))
        return Table(path.stem, space, stored["units"], stored["losses"])


def _jsonl(path: Path) -> Table:
    first, *rows = (json.loads(line) for line in path.read_text().splitlines())
    space = _space(first["space"])
    units = [[of.to_unit(row["setting"][key]) for key, of in space.items()] for row in rows]
    losses = np.array([row["losses"] for row in rows], float)
    return Table(path.stem, space, np.array(units), losses)


def _space(described: Mapping[str, Mapping[str, Any]]) -> dict[str, Range]:
    return {
        name: Range(of["low"], of["high"], of["log"], of["int"]) for name, of in described.items()
    }
