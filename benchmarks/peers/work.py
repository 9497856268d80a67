"""The same work for every contestant: tasks, data and configurations.

Needs only Python, and numpy for arrays, since it is imported in both environments.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROTATE, SHIFT, DROPOUT = 20.0, 0.05, 0.2
RATES = (2e-4, 3e-4, 4e-4, 6e-4, 8e-4, 1e-3, 1.3e-3, 1.6e-3, 2e-3, 3e-3, 4e-3, 5e-3)


@dataclass(frozen=True)
class Task:
    """A task to train.

    Attributes:
        model: `softmax`, `mlp`, `cnn` or `residual`, each with hpsearch's own sizes by default.
        batch_size: training images in each step.
        epochs: of each trial, unless a race sets another number.
        dropout: after each block and the hidden layer.
        augment: whether training images are rotated by up to 20 degrees and shifted.
        shift: largest shift, as a share of the width and height.
        weight_decay: of AdamW; 0 makes it Adam.
    """

    model: str
    batch_size: int
    epochs: int = 1
    dropout: float = 0.0
    augment: bool = False
    shift: float = SHIFT
    weight_decay: float = 0.0


TASKS = {
    "softmax-32": Task("softmax", 32, epochs=3),
    "mlp-32": Task("mlp", 32, epochs=3),
    "mlp-128": Task("mlp", 128, epochs=3),
    "cnn-32": Task("cnn", 32),
    "cnn-128": Task("cnn", 128),
    "cnn-augment-32": Task("cnn", 32, dropout=DROPOUT, augment=True),
    "cnn-augment-128": Task("cnn", 128, dropout=DROPOUT, augment=True),
}


@dataclass(frozen=True)
class Work:
    """One contestant's work: to train the task once with each learning rate.

    Attributes:
        task: the task to train.
        rates: learning rates of Adam, one for each trial.
        epochs: of each trial.
        data: folder that holds `MNIST/raw`, as torchvision expects it, and `split.npz`.
        validation: how many of the training images are kept for validation.
        folder: an empty folder for the contestant's files.
        part: number of this process among `parts`, from 0.
        parts: how many processes share the work; each takes every `parts`-th learning rate.
        cycle: whether the learning rate rises to its value and falls again over the whole trial.
    """

    task: Task
    rates: tuple[float, ...]
    epochs: int
    data: str
    validation: int
    folder: str
    part: int = 0
    parts: int = 1
    cycle: bool = False

    @property
    def own_rates(self) -> tuple[float, ...]:
        """The learning rates of this process."""
        return self.rates[self.part :: self.parts]

    def to_text(self) -> str:
        """Returns the work as one command-line argument."""
        return json.dumps(asdict(self))


def read_work() -> Work:
    """Returns the work given on the command line."""
    return from_text(sys.argv[1])


def from_text(text: str) -> Work:
    """Returns the work that `to_text` wrote."""
    given: dict[str, Any] = json.loads(text)
    given["rates"] = tuple(given["rates"])
    return Work(**{**given, "task": Task(**given["task"])})


def say(**figures: Any) -> None:
    """Prints the results for the race to read, as the contestant's last line."""
    print(json.dumps(figures), flush=True)


def read_arrays(work: Work) -> tuple[Any, Any]:
    """Returns all training images, uint8 `(N, 28, 28)`, and their labels, uint8 `(N,)`."""
    import numpy as np

    raw = Path(work.data) / "MNIST" / "raw"
    images = np.frombuffer((raw / "train-images-idx3-ubyte").read_bytes()[16:], np.uint8)
    labels = np.frombuffer((raw / "train-labels-idx1-ubyte").read_bytes()[8:], np.uint8)
    return images.reshape(-1, 28, 28), labels


def read_split(work: Work) -> tuple[Any, Any]:
    """Returns the indices of the images for training and for validation."""
    import numpy as np

    parts = np.load(Path(work.data) / "split.npz")
    return parts["used"], parts["kept"]
