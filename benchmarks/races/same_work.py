"""Same work: twelve configurations, from the start of the command to the last result."""

from __future__ import annotations

import gzip
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import optuna
import yaml
from contest import Run, Setting, peer, run
from peers.work import RATES, ROTATE, SHIFT, TASKS, Task, Work
from table import NOTHING, Measured, figures_of, markdown, names, ratios, reason, spread

from hpsearch.data.sources.table import MNIST_FOLDER
from hpsearch.data.split import split

IMAGES, VALIDATION = 60_000, 5_000
SPLIT_SEED = 0
SHORT_TRIALS = 6
HERO = "hpsearch"
OWN_MODULE = "hpsearch, the module of Optuna + Lightning"
MODELS = {"softmax": "Softmax", "mlp": "MLP", "cnn": "CNN", "residual": "Residual"}
ONE_THREAD = {"OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Contestant:
    """A peer.

    Attributes:
        program: of benchmarks/peers.
        needs: the packages it needs.
        processes: how many share the work; several have one thread each.
    """

    program: str
    needs: tuple[str, ...]
    processes: int = 1


PEERS = {
    "Optuna + Lightning": Contestant("with_optuna_lightning", ("optuna", "lightning")),
    "Optuna + Lightning, 2 processes": Contestant(
        "with_optuna_lightning", ("optuna", "lightning"), 2
    ),
    "Ray Tune + Lightning": Contestant("with_ray_tune", ("ray", "lightning")),
    "KerasTuner": Contestant("with_keras_tuner", ("keras", "keras-tuner")),
    "Optuna + loop by hand": Contestant("by_hand", ("optuna",)),
    "Optuna + loop by hand, 2 processes": Contestant("by_hand", ("optuna",), 2),
}
CONTESTANTS = (HERO, OWN_MODULE, *PEERS)


@dataclass(frozen=True)
class Case:
    """A study that every contestant runs: a task, a number of trials, and epochs for each."""

    task: Task
    trials: int
    epochs: int


CASES = {
    **{name: Case(task, len(RATES), task.epochs) for name, task in TASKS.items()},
    "short: mlp-128": Case(TASKS["mlp-128"], SHORT_TRIALS, 1),
    "short: cnn-augment-128": Case(TASKS["cnn-augment-128"], SHORT_TRIALS, 1),
}


def measure(setting: Setting, turn: int) -> Iterator[Measured]:
    """Runs every contestant once in every case; every other round in reverse order."""
    return take_turns(setting, turn, CASES, CONTESTANTS, compete)


def take_turns(
    setting: Setting,
    turn: int,
    cases: Mapping[str, Case],
    contestants: Sequence[str],
    compete: Callable[[str, Work], Mapping[str, float]],
) -> Iterator[Measured]:
    """Calls `compete` for each contestant in each case; every other round in reverse order.

    Unwanted contestants are skipped; those that are not installed are listed as left out.
    """
    data, images = write_data(setting)
    for name, case in cases.items():
        for contestant in contestants[:: -1 if turn % 2 else 1]:
            if not setting.wanted(name, contestant):
                continue
            needs = PEERS[contestant].needs if contestant in PEERS else ()
            if absent := setting.missing(*needs):
                yield Measured(name, contestant, left_out=absent)
                continue
            work = order(case, data, images, setting)
            yield Measured(name, contestant, compete(contestant, work))
            shutil.rmtree(work.folder)


def write_data(setting: Setting, images: int = 0) -> tuple[Path, int]:
    """Writes the packaged MNIST, or its first images, as torchvision expects it, and one split.

    Returns:
        The folder, and how many training images there are.
    """
    count = images or setting.sized(IMAGES, minimum=600)
    folder = setting.folder / f"data-{count}"
    raw = folder / "MNIST" / "raw"
    if raw.exists():
        return folder, count
    raw.mkdir(parents=True)
    for packed in MNIST_FOLDER.glob("*.gz"):
        content = gzip.decompress(packed.read_bytes())
        if packed.name.startswith("train"):
            content = first(content, count)
        (raw / packed.stem).write_bytes(content)
    labels = np.frombuffer((raw / "train-labels-idx1-ubyte").read_bytes()[8:], np.uint8)
    # Another choice of validation images changes an accuracy more than another setting does.
    used, kept = split(labels, validation_of(count), SPLIT_SEED)
    np.savez(folder / "split.npz", used=used, kept=kept)
    return folder, count


def validation_of(images: int) -> int:
    """Returns how many of the training images are held out for validation."""
    return images * VALIDATION // IMAGES


def images_of(data: str, validation: int) -> dict[str, Any]:
    """Returns the data block of a study file that trains and validates on the same images."""
    return {
        # All of MNIST is the packaged copy, under its name in study files.
        "source": "mnist" if validation == VALIDATION else str(Path(data) / "MNIST" / "raw"),
        "validation": validation,
        "split_seed": SPLIT_SEED,
    }


def first(idx: bytes, count: int) -> bytes:
    """Returns an IDX file with only its first entries."""
    start = 4 + 4 * idx[3]
    shape = np.frombuffer(idx[4:start], ">i4")
    entry = int(np.prod(shape[1:]))
    head = idx[:4] + np.array([count, *shape[1:]], ">i4").tobytes()
    return head + idx[start : start + count * entry]


def order(case: Case, data: Path, images: int, setting: Setting) -> Work:
    """Returns the work for each contestant of a case."""
    # The learning rates of a short study span the same range as those of a long one.
    rates = RATES[:: len(RATES) // case.trials][: setting.sized(case.trials, minimum=2)]
    return Work(
        task=case.task,
        rates=rates,
        epochs=case.epochs,
        data=str(data),
        validation=validation_of(images),
        folder=str(setting.new_folder()),
    )


def compete(contestant: str, work: Work) -> dict[str, float]:
    """Runs one contestant; returns its times and accuracies."""
    if contestant in (HERO, OWN_MODULE):
        return figures_of_ours(run_hpsearch(work, own_module=contestant == OWN_MODULE), work)
    done = run_peer(PEERS[contestant], work)
    accuracies = [value for said in done.said for value in said["accuracies"]]
    return _figures(done, work, accuracies)


def figures_of_ours(done: Run, work: Work) -> dict[str, float]:
    """Returns the times and accuracies of a study that hpsearch ran."""
    return _figures(done, work, [trial.values[0] for trial in trials_of(work)])


def _figures(done: Run, work: Work, accuracies: Sequence[float]) -> dict[str, float]:
    if len(accuracies) != len(work.rates):
        raise SystemExit(f"{len(accuracies)} results of {len(work.rates)} trials")
    return {
        "wall_s": done.wall_s,
        "cpu_s": done.cpu_s,
        "median_accuracy": median(accuracies),
        "trials": len(accuracies),
    }


def run_peer(contestant: Contestant, work: Work) -> Run:
    """Runs a peer's program, or several at the same time."""
    count = contestant.processes
    if count > 1:
        # Optuna's processes cannot start on a new file together: one fails to create its tables.
        storage = f"sqlite:///{work.folder}/study.db"
        optuna.create_study(storage=storage, study_name="peer", direction="maximize")
    orders = [Work(**{**vars(work), "part": part, "parts": count}) for part in range(count)]
    commands = [peer(contestant.program, one.to_text()) for one in orders]
    return run(commands, Path(work.folder), **(ONE_THREAD if count > 1 else {}))


def run_hpsearch(
    work: Work, slots: int = 2, *, own_module: bool = False, precision: str = ""
) -> Run:
    """Runs hpsearch's command with its defaults, except for the Trainer's precision if given."""
    folder = Path(work.folder)
    study = own_document(work) if own_module else document(work)
    if precision:
        study["trainer"]["precision"] = precision
    (folder / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    command = [sys.executable, "-m", "hpsearch", "run", "study.yaml", "--devices", f"cpu:{slots}"]
    paths = [str(Path(__file__).parent.parent / "peers")] * own_module
    paths += filter(None, [os.environ.get("PYTHONPATH")])
    return run(
        [command],
        folder,
        HPSEARCH_STORAGE=f"sqlite:///{folder}/study.db",
        PYTHONPATH=os.pathsep.join(paths),
    )


def trials_of(work: Work) -> list[optuna.trial.FrozenTrial]:
    """Returns the trials of the study that hpsearch ran."""
    study = optuna.load_study(study_name="race", storage=f"sqlite:///{work.folder}/study.db")
    return study.get_trials(deepcopy=False)


def document(work: Work) -> dict[str, Any]:
    """Returns the study file of the work: a grid of learning rates, nothing pruned."""
    task = work.task
    arguments = {"init_args": {"dropout": task.dropout}} if task.dropout else {}
    moved = {"augment": {"rotate": ROTATE, "shift": SHIFT}} if task.augment else {}
    images = {
        **images_of(work.data, work.validation),
        "batch_size": task.batch_size,
        **moved,
    }
    rates = ", ".join(f"{rate:g}" for rate in work.rates)
    return {
        "study": {
            "name": "race",
            "objective": {"val_accuracy": "maximize"},
            "sampler": "grid",
            "pruner": "none",
            "trials": len(work.rates),
        },
        "model": {"class_path": f"hpsearch.models.{MODELS[task.model]}", **arguments},
        "data": {"class_path": "hpsearch.data.ImageData", "init_args": images},
        "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": f"~choice({rates})"}},
        "trainer": {"max_epochs": work.epochs},
    }


def own_document(work: Work) -> dict[str, Any]:
    """Returns the same study with the module and loaders of Optuna + Lightning."""
    study = document(work)
    rate = study.pop("optimizer")["init_args"]["lr"]
    given = {"work": work.to_text()}
    model = {"class_path": "own_module.OwnModule", "init_args": {**given, "lr": rate}}
    return {
        **study,
        "model": model,
        "data": {"class_path": "own_module.OwnData", "init_args": given},
    }


def table(lines: Sequence[Measured]) -> str:
    """Returns a table for each case: seconds, and their ratio to hpsearch's."""
    measured = names(lines, "case")
    return "\n\n".join(case_table(lines, case, CONTESTANTS) for case in CASES if case in measured)


def case_table(lines: Sequence[Measured], case: str, contestants: Sequence[str]) -> str:
    """Returns the table of one case, its contestants in the given order."""
    head = (
        case,
        *("Wall time, s", "Times hpsearch's", "Processor time, s", "Times, per core"),
        *("Median accuracy", "n"),
    )
    here = [line for line in lines if line.case == case]
    order = [name for name in contestants if name in names(here, "contestant")]
    return markdown(head, [_row(here, case, contestant) for contestant in order])


def _row(lines: Sequence[Measured], case: str, contestant: str) -> list[str]:
    if why := reason(lines, case, contestant):
        return [contestant, f"left out: {why}", *[NOTHING] * 5]
    wall, cpu = (figures_of(lines, case, contestant, name) for name in ("wall_s", "cpu_s"))
    best_wall, best_cpu = (figures_of(lines, case, HERO, name) for name in ("wall_s", "cpu_s"))
    accuracy = figures_of(lines, case, contestant, "median_accuracy")
    return [
        contestant,
        spread(wall.values()),
        spread(ratios(wall, best_wall), 2),
        spread(cpu.values()),
        spread(ratios(cpu, best_cpu), 2),
        f"{median(accuracy.values()):.4f}",
        str(len(wall)),
    ]
