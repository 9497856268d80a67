"""The model of a trial that has trained."""

from __future__ import annotations

from pathlib import Path

import feeding
import pytest
import torch
from desk import fed, run
from torch import nn

from hpsearch.trial.trained_model import build, evaluate, find_best, load_trained_model


class Compiled(nn.Module):
    """Holds a network as what `torch.compile` returns does, without its seconds."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self._orig_mod = net

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self._orig_mod(points)
        return scores


class CompilesToFit(feeding.Fed):
    """Compiles its network for a training alone, as templates do."""

    def setup(self, stage: str) -> None:
        if stage == "fit":
            self.net = Compiled(self.net)


def test_weights_fit_whether_their_layers_are_compiled_or_not(tmp_path: Path) -> None:
    job = fed(tmp_path / "trial", f"{__name__}.CompilesToFit", max_epochs=1)
    (report,) = run(job).reports
    weights = torch.load(find_best(job), weights_only=True)["state_dict"]
    assert "net._orig_mod.0.weight" in weights
    found = evaluate("validate", job, *build(job), find_best(job))
    assert found["val_loss"] == pytest.approx(report.values["val_loss"])
    module, _ = load_trained_model(job)
    assert isinstance(module.net, Compiled)
