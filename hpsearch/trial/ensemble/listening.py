"""A module's outputs in its validation, example by example, kept on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from hpsearch.errors import InputError
from hpsearch.protocol.job import Job
from hpsearch.protocol.types import primary
from hpsearch.trial.ensemble.averaging import Averaging, possible_averagings
from hpsearch.trial.ensemble.selection import Array
from hpsearch.trial.trained_model import evaluate, find_best

# Of outputs with more numbers per example (a mask, a text), every k-th one counts.
MOST_NUMBERS = 1024
_SAME = 1e-3
UNHEARD = "its validation_step does not call its forward"


class Listener:
    """Replaces a module's `forward` and keeps the score of its outputs.

    Args:
        forward: the module's own `forward`.
        averaging: how its outputs are averaged; the module's steps get the average of one.
        path: path of a new file for the scores.

    Attributes:
        batch: the batch that is validated now; None once its outputs are known.
    """

    def __init__(self, forward: Callable[..., Any], averaging: Averaging, path: Path) -> None:
        self._forward = forward
        self._averaging = averaging
        self._path = path
        path.unlink(missing_ok=True)
        self._examples = hashlib.sha256()
        self._width = 0
        self.batch: Any = None

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Returns the module's outputs; the first ones of each batch are kept."""
        outputs = self._forward(*arguments, **named)
        if self.batch is not None:
            batch, self.batch = self.batch, None
            self._keep(outputs, batch)
        return self._averaging.alone(outputs)

    def _keep(self, outputs: Any, batch: Any) -> None:
        scores = self._averaging.score(outputs, batch)
        scores = scores[:, :: -(-scores.shape[1] // MOST_NUMBERS)]
        if not torch.isfinite(scores).all():
            raise InputError("its outputs are not finite")
        if self._width not in (0, scores.shape[1]):
            raise InputError("its outputs for two batches are not of the same shape")
        self._width = scores.shape[1]
        with self._path.open("ab") as file:
            file.write(scores.float().cpu().numpy().tobytes())
        self._examples.update(self._averaging.truth(batch))

    def scores(self) -> Array:
        """Returns all scores, `(N, E)`, from disk.

        Raises:
            InputError: there are none.
        """
        if not self._width:
            raise InputError(UNHEARD)
        return np.memmap(self._path, np.float32, "r").reshape(-1, self._width)

    @property
    def examples(self) -> str:
        """A hash of the targets, example by example."""
        return self._examples.hexdigest()


class Watch(pl.Callback):
    """Informs a listener of the batch that is validated."""

    def __init__(self, listener: Any) -> None:
        self._listener = listener

    def on_validation_batch_start(self, *arguments: Any, **named: Any) -> None:
        """Keeps the batch as the module will receive it."""
        self._listener.batch = named.get("batch", arguments[2] if len(arguments) > 2 else None)


class _Kinds:
    """Replaces a module's `forward`, and finds the possible meanings of its outputs."""

    def __init__(self, forward: Callable[..., Any]) -> None:
        self._forward = forward
        self.batch: Any = None
        self.found: list[Averaging] = []

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        outputs = self._forward(*arguments, **named)
        if self.batch is not None and not self.found:
            self.found = possible_averagings(outputs, self.batch)
        return outputs


def recognise(job: Job, module: Any, data: Any, scratch: Path) -> Averaging:
    """Returns how a module's outputs are averaged, checked with its own metrics.

    The metrics must stay the same if its steps receive the average of one model. They would be
    worse if, for example, a reconstruction were read as the logits of classes.

    Args:
        job: the trial.
        module: the module as built.
        data: its data module.
        scratch: a folder for figures that it draws.

    Raises:
        InputError: its outputs cannot be averaged.
    """
    own, apart = module.forward, replace(job, folder=str(scratch))

    def measure(forward: Any) -> float | None:
        module.forward = forward
        watch = Watch(forward)
        metrics = evaluate("validate", apart, module, data, find_best(job), watch)
        return metrics.get(primary(job.objectives)[0])

    kinds = _Kinds(own)
    right = measure(kinds)
    if not kinds.found:
        raise InputError(UNHEARD)
    for kind in kinds.found:
        value = measure(Listener(own, kind, scratch / "kind.scores"))
        # If the objective is not logged in the validation, the likeliest meaning is used.
        if right is None or (value is not None and abs(value - right) <= _SAME * abs(right)):
            module.forward = own
            return kind
    raise InputError(
        f"its {primary(job.objectives)[0]} changes if its outputs are read as"
        f" {kinds.found[0].kind}, so it is unknown what they are"
    )
