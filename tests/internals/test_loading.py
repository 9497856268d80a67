"""A trial trains without torch's compiler and most metrics, which can still be loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from private_names import Private, private_names
from torch.optim import Adam, Optimizer

import hpsearch.internals as internals

PROGRAM = """
import os, sys, tempfile
from hpsearch.trial.warm import load_study, warm

def loaded():
    left_out = ("torch._dynamo", "torchmetrics", "torchvision", "matplotlib", "scipy.signal")
    return [name for name in left_out if name in sys.modules]

def train(optimizer):
    config = {
        "model": {"class_path": "hpsearch.models.Softmax"},
        "data": {"class_path": "hpsearch.data.ImageData"},
        "optimizer": {"class_path": f"torch.optim.{optimizer}"},
        "trainer": {"max_epochs": 1, "limit_train_batches": 3, "limit_val_batches": 1},
    }
    said = []
    with tempfile.TemporaryDirectory() as folder:
        job = Job("s", 0, {}, config, {"val_loss": "minimize"}, 0, 0, folder)
        run_trial(job, lambda message: said.append(message) or "continue")
    return said[-1].how, [message.values for message in said if hasattr(message, "values")]

warm()
from hpsearch.protocol.job import Job
from hpsearch.trial.run import run_trial

before = [train("Adam"), train("RMSprop")]
print([how for how, _ in before], loaded())

import torch
from hpsearch.models import Softmax
from pytorch_lightning.trainer.connectors.logger_connector.result import Metric
from pytorch_lightning.utilities.compile import _maybe_unwrap_optimized

load_study(["module.of.a.user"], {})
import torchmetrics
print(loaded())
print(torchmetrics.Metric is torchmetrics.metric.Metric is Metric)
print(type(torchmetrics.MeanMetric().plot(torch.tensor(1.0))[0]).__name__)
module = Softmax()
compiled = torch.compile(module, backend="eager")
print(type(compiled).__name__, _maybe_unwrap_optimized(compiled) is module)
print([train("Adam"), train("RMSprop")] == before)
import scipy.signal
print(scipy.signal.find_peaks([0, 1, 0])[0], scipy.signal.windows.hamming(1), flush=True)
os._exit(0)
"""
SAID = """\
['complete', 'complete'] []
['torch._dynamo', 'torchmetrics', 'torchvision', 'matplotlib']
True
Figure
OptimizedModule True
True
[1] [1.]
"""


@pytest.mark.process
def test_a_trial_trains_the_same_without_what_only_others_need() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.stdout == SAID, done.stderr


def names_in(module: str) -> Any:
    return vars(sys.modules[module] if module in sys.modules else __import__(module, fromlist="*"))


def hides_from_the_compiler() -> bool:
    """Returns whether a method of all optimizers calls what the attribute holds."""
    method: Any = Optimizer.zero_grad
    bare = method.__wrapped__
    kept = vars(bare).get("__dynamo_disable")
    bare.__dynamo_disable = lambda optimizer: "seen"
    try:
        return bool(Adam([torch.zeros(1)]).zero_grad() == "seen")
    finally:
        bare.__dynamo_disable = kept


PLOT = names_in("torchmetrics.utilities.plot")
PRIVATE = [
    Private(
        "torch._dynamo",
        "to load the compiler",
        lambda: {"OptimizedModule", "disable"} <= names_in("torch._dynamo").keys(),
    ),
    Private("__dynamo_disable", "to make optimizers without the compiler", hides_from_the_compiler),
    Private(
        "_logger",
        "to load the base class of metrics alone",
        lambda: names_in("torchmetrics")["_logger"].name == "torchmetrics",
    ),
    Private("_AX_TYPE", "to load no matplotlib", lambda: "_AX_TYPE" in PLOT),
    Private("_PLOT_OUT_TYPE", "to load no matplotlib", lambda: "_PLOT_OUT_TYPE" in PLOT),
]


@pytest.mark.parametrize("private", PRIVATE, ids=lambda private: private.name)
def test_what_is_private_of_torch_and_torchmetrics_is_as_it_was(private: Private) -> None:
    private.check("torch", "loading.py")


def test_every_private_name_is_listed() -> None:
    file = Path(internals.__file__).with_name("loading.py")
    assert private_names(file.read_text(encoding="utf-8")) == {each.name for each in PRIVATE}
