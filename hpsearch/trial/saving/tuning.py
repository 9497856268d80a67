"""What Lightning's own tuners may do in a trial, which may continue in another process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from hpsearch.classes.project import own_bases
from hpsearch.classes.signature import has_base

NO_BATCH_SIZE = (
    "BatchSizeFinder is left out: a trial that continues would train with another batch size;"
    " search it, as in data.init_args: {batch_size: ~choice(32, 64)}"
)


def restrain_tuners(trainer: Any, module: Any, *, continues: bool) -> list[str]:
    """Removes the tuners that would change a trial as it continues; returns notes on them.

    `LearningRateFinder` looks for the learning rate once, and the optimizer's state has it from
    then on: again, it would begin the trial anew, with weights that are trained already.

    Args:
        trainer: the Trainer, with the callbacks of the study file.
        module: the module, which may have callbacks of its own.
        continues: whether the trial has trained before.
    """
    before = [*trainer.callbacks]
    trainer.callbacks[:] = _without(before, continues)
    if any("configure_callbacks" in vars(base) for base in own_bases(type(module))):
        kept = partial(_configured, module.configure_callbacks, continues)
        object.__setattr__(module, "configure_callbacks", kept)
    return [NO_BATCH_SIZE] if len(_without(before, continues=False)) < len(before) else []


def _configured(configure: Callable[[], Any], continues: bool) -> list[Any]:
    callbacks = configure()
    several = isinstance(callbacks, list | tuple)
    return _without(callbacks if several else [callbacks], continues)


def _without(callbacks: Sequence[Any], continues: bool) -> list[Any]:
    kinds = ("BatchSizeFinder", *(("LearningRateFinder",) if continues else ()))
    return [each for each in callbacks if not any(has_base(type(each), kind) for kind in kinds)]
