"""Time to quality: how long a search takes until a model is as good as one in twenty at random.

hpsearch's engine and the hand-written loop search the same space under the same two policies, so
that what a policy gains and what an engine gains are seen apart. Both run in this environment, one
trial at a time on one core. The space is that of our own table, which also says what one setting in
twenty reaches: at random, that takes twenty whole trainings. The round's number is the seed.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import yaml
from contest import HERE, Setting, time_until
from own_table import STUDY, lines
from races.same_work import IMAGES, ONE_THREAD, SPLIT_SEED, write_data
from table import Measured, markdown, names

from hpsearch.data.split import split
from hpsearch.protocol.events import read_events
from hpsearch.protocol.messages import Report
from hpsearch.studyfile.study import StudySpec

TABLE = STUDY.with_suffix(".jsonl")
SHARE, EASY = 0.05, 50.0
ROUNDED = 0.005  # the table's errors have two digits
TIMEOUT_S, BATCH = 3600.0, 250
MINUTES = (1, 2, 4, 8, 15, 30, 60)
ENGINES = ("hpsearch", "loop by hand")
POLICIES: dict[str, dict[str, Any]] = {
    "hpsearch promote": {"scheduler": "promote"},
    "optuna tpe+median": {"sampler": "tpe", "pruner": "median"},
}


def measure(setting: Setting, turn: int) -> Iterator[Measured]:
    """Runs each engine's search under each policy once, with the round as its seed."""
    reach = goal() if setting.scale == 1 else EASY
    case = f"{reach:g} % wrong"
    contestants = [f"{engine}: {policy}" for engine in ENGINES for policy in POLICIES]
    for contestant in contestants[:: -1 if turn % 2 else 1]:
        if not setting.wanted(case, contestant):
            continue
        engine, policy = contestant.split(": ")
        folder = setting.new_folder()
        if engine == "hpsearch":
            seconds = search(folder, policy, turn, reach)
        else:
            seconds = search_by_hand(folder, policy, turn, reach, data_for(setting))
        yield Measured(case, contestant, {} if seconds is None else {"wall_s": seconds})
        shutil.rmtree(folder)


def goal(table: Path = TABLE) -> float:
    """Returns the error, in percent, that the best settings of a table stay within: `SHARE`."""
    _, *rows = map(json.loads, table.read_text().splitlines())
    best = [min(row["losses"]) for row in rows]
    return float(np.quantile(best, SHARE, method="lower")) + ROUNDED


def search(folder: Path, policy: str, seed: int, reach: float) -> float | None:
    """Returns the seconds that hpsearch's command takes to a goal; None if the time is up."""
    study = _study()
    study["study"] = {
        **{key: study["study"][key] for key in ("name", "objective")},
        **POLICIES[policy],
        "timeout": 2 * TIMEOUT_S,
        "seed": seed,
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    command = [*_on_one_core(), "-m", "hpsearch", "run", "study.yaml", "--devices", "cpu:1"]

    def reached() -> bool:
        return any(
            isinstance(event, Report) and 100 * (1 - event.values["val_accuracy"]) <= reach
            for path in folder.glob("runs/*/trial-*/events.jsonl")
            for event in read_events(path)
        )

    storage = f"sqlite:///{folder}/study.db"
    return time_until(reached, [command], folder, TIMEOUT_S, HPSEARCH_STORAGE=storage)


def search_by_hand(folder: Path, policy: str, seed: int, reach: float, data: Path) -> float | None:
    """Returns the seconds that the hand-written loop takes to a goal; None if the time is up."""
    study = _study()
    order = {
        "policy": policy,
        "goal": reach,
        "seed": seed,
        "epochs": study["trainer"]["max_epochs"],
        "space": lines(StudySpec.from_document(study).space, [])[0]["space"],
        "data": str(data),
        "folder": str(folder),
    }
    command = [*_on_one_core(), str(HERE / "own" / "loop.py"), json.dumps(order)]
    paths = ":".join(map(str, (HERE, HERE / "peers", HERE.parent)))
    reached = (folder / "found").exists
    return time_until(reached, [command], folder, TIMEOUT_S, **ONE_THREAD, PYTHONPATH=paths)


def data_for(setting: Setting) -> Path:
    """Returns a folder with the images that the study trains and validates on, for the loop."""
    raw, _ = write_data(setting, IMAGES)
    folder = setting.folder / "data-of-the-study"
    if not folder.exists():
        folder.mkdir()
        (folder / "MNIST").symlink_to(raw / "MNIST")
        labels = np.frombuffer(
            (raw / "MNIST/raw/train-labels-idx1-ubyte").read_bytes()[8:], np.uint8
        )
        study = _study()
        used, kept = split(labels, study["data"]["init_args"]["validation"], SPLIT_SEED)
        np.savez(
            folder / "split.npz",
            used=used,
            kept=kept[: BATCH * study["trainer"]["limit_val_batches"]],
        )
    return folder


def table(measured: Sequence[Measured]) -> str:
    """Returns for each goal and contestant how many of the searches are not there yet, by time.

    These are the survival curves of the searches: none is lost from sight before the last column.
    """
    head = (
        "Still searching after",
        *(f"{m} min" for m in MINUTES),
        "Half are there after",
        "Seeds",
    )
    found = []
    for case in names(measured, "case"):
        here = [line for line in measured if line.case == case]
        rows = [_row(here, contestant) for contestant in names(here, "contestant")]
        found.append(f"Until {case}:\n\n{markdown(head, rows)}")
    return "\n\n".join(found) or "Not run yet."


def _row(measured: Sequence[Measured], contestant: str) -> list[str]:
    seconds = [
        line.figures.get("wall_s", math.inf) for line in measured if line.contestant == contestant
    ]
    shares = [np.mean([each > 60 * minutes for each in seconds]) for minutes in MINUTES]
    half = median(seconds)
    middle = f"{half:,.0f} s" if half < math.inf else f"over {TIMEOUT_S:,.0f} s"
    return [contestant, *(f"{share:.0%}" for share in shares), middle, str(len(seconds))]


def _on_one_core() -> list[str]:
    """Returns the beginning of a Python command that has one core, and so trains on one thread."""
    return ["taskset", "--cpu-list", str(max(os.sched_getaffinity(0))), sys.executable]


def _study() -> dict[str, Any]:
    return dict(yaml.safe_load(STUDY.read_text()))
