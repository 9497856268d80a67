"""First-use costs, paid once in the server that trials are forked from."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from importlib import import_module

# Each is imported at the first use of something else, which would cost every trial seconds.
MODULES = (
    "hpsearch.trial.run",
    "hpsearch.data",
    "hpsearch.models",
    "torch.utils.tensorboard",
    "torch._dynamo",
    "pytorch_lightning.loggers.tensorboard",
    "pytorch_lightning.trainer.connectors.accelerator_connector",
)


def warm(modules: Sequence[str]) -> None:
    """Loads torch, lightning and the study's own modules, and stays single-threaded.

    A module that cannot be imported is left to the trial, whose failure says so with its number.
    """
    import torch

    torch.set_num_threads(1)
    for name in (*MODULES, *modules):
        with contextlib.suppress(Exception):
            import_module(name)
    # The first optimizer of a process pulls in torch._dynamo: about 2 s.
    torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])
