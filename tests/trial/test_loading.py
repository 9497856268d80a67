"""A trial trains without torch's compiler and most metrics, which can still be loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

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

load_study([], {"study": {"devices_per_trial": 2}})
print(loaded())
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
['torch._dynamo']
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
