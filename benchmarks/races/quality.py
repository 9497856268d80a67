"""Time to quality: how long a search takes to find a model with 99.3 % validation accuracy.

hpsearch searches with its own default sampler and pruner, the peers with Optuna's. All search the
same space, two trials at once, with the same augmentation and learning-rate cycle. The round's
number is the seed.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import optuna
import yaml
from contest import Setting, peer, time_until
from peers.work import ROTATE, SHIFT
from races.same_work import ONE_THREAD, images_of, validation_of, write_data
from table import NOTHING, Measured, figures_of, markdown, names, ratios, reason, spread

from hpsearch.protocol.events import read_events
from hpsearch.protocol.messages import Report

TARGET, EASY = 0.99295, 0.2  # 35 of 5,000 images wrong, however the share is rounded
CASE = "99.3 %"
EPOCHS, SLOTS, TIMEOUT_S = 10, 2, 4 * 3600
HERO = "hpsearch"
PEERS = {
    "Optuna + Lightning, 2 processes": ("lightning", ("optuna", "lightning")),
    "Optuna + loop by hand, 2 processes": ("hand", ("optuna",)),
}
SPACE: dict[str, list[Any]] = {
    "batch_sizes": [64, 128, 256],
    "dropout": [0.0, 0.3],
    "channels": [12, 40],
    "hidden": [32, 128],
    "lr": [1e-3, 1e-2],
}


def measure(setting: Setting, turn: int) -> Iterator[Measured]:
    """Runs each contestant's search once, with the round as its seed."""
    data, images = write_data(setting)
    for contestant in (HERO, *PEERS)[:: -1 if turn % 2 else 1]:
        if not setting.wanted(CASE, contestant):
            continue
        if contestant != HERO and (absent := setting.missing(*PEERS[contestant][1])):
            yield Measured(CASE, contestant, left_out=absent)
            continue
        folder = setting.new_folder()
        order = {
            **SPACE,
            "target": TARGET if setting.scale == 1 else EASY,
            "epochs": EPOCHS,
            "data": str(data),
            "validation": validation_of(images),
            "folder": str(folder),
            "seed": turn,
        }
        seconds = search(folder, order) if contestant == HERO else hunt(contestant, folder, order)
        yield Measured(CASE, contestant, {"wall_s": seconds})
        shutil.rmtree(folder)


def search(folder: Path, order: dict[str, Any]) -> float:
    """Returns the seconds that hpsearch's command takes to reach the target."""
    (folder / "study.yaml").write_text(yaml.safe_dump(document(order), sort_keys=False))
    command = [sys.executable, "-m", "hpsearch", "run", "study.yaml", "--devices", f"cpu:{SLOTS}"]

    def reached() -> bool:
        return any(
            isinstance(event, Report) and event.values["val_accuracy"] >= order["target"]
            for path in folder.glob("runs/*/trial-*/events.jsonl")
            for event in read_events(path)
        )

    storage = f"sqlite:///{folder}/study.db"
    return time_until(reached, [command], folder, TIMEOUT_S, HPSEARCH_STORAGE=storage)


def hunt(contestant: str, folder: Path, order: dict[str, Any]) -> float:
    """Returns the seconds that a peer's processes take to reach the target."""
    storage = f"sqlite:///{folder}/study.db"
    optuna.create_study(storage=storage, study_name="peer", direction="maximize")
    way = PEERS[contestant][0]
    # Two samplers with the same seed would propose the same.
    orders = [{**order, "seed": SLOTS * order["seed"] + part} for part in range(SLOTS)]
    commands = [peer("hunt", way, json.dumps(one)) for one in orders]
    return time_until((folder / "found").exists, commands, folder, TIMEOUT_S, **ONE_THREAD)


def document(order: dict[str, Any]) -> dict[str, Any]:
    """Returns the study file: default sampler and pruner."""
    channels = "~int({}, {}, log=True)".format(*order["channels"])
    return {
        "study": {
            "name": "quality",
            "objective": {"val_accuracy": "maximize"},
            "timeout": TIMEOUT_S,
            "seed": order["seed"],
        },
        "model": {
            "class_path": "hpsearch.models.CNN",
            "init_args": {
                "channels": [channels, channels],
                "hidden": "~int({}, {}, log=True)".format(*order["hidden"]),
                "dropout": "~float({}, {})".format(*order["dropout"]),
            },
        },
        "data": {
            "class_path": "hpsearch.data.ImageData",
            "init_args": {
                **images_of(order["data"], order["validation"]),
                "batch_size": "~choice({}, {}, {})".format(*order["batch_sizes"]),
                "augment": {"rotate": ROTATE, "shift": SHIFT},
            },
        },
        "optimizer": {
            "class_path": "torch.optim.Adam",
            "init_args": {"lr": "~float({}, {}, log=True)".format(*order["lr"])},
        },
        "schedule": {"class_path": "hpsearch.models.OneCycle"},
        "trainer": {"max_epochs": order["epochs"]},
    }


def table(lines: Sequence[Measured]) -> str:
    """Returns the seconds of each contestant, and their ratio to hpsearch's."""
    head = ("Until 99.3 % validation accuracy", "Wall time, s", "Times hpsearch's", "Seeds")
    best = figures_of(lines, CASE, HERO, "wall_s")
    rows = []
    for contestant in names(lines, "contestant"):
        wall = figures_of(lines, CASE, contestant, "wall_s")
        cells = [spread(wall.values(), 0), spread(ratios(wall, best), 2), str(len(wall))]
        if why := reason(lines, CASE, contestant):
            cells = [f"left out: {why}", NOTHING, NOTHING]
        rows.append([contestant, *cells])
    return markdown(head, rows)
