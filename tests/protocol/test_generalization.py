from __future__ import annotations

import pytest

from hpsearch.protocol.types import generalization_gap

METRICS = {"train_loss": 0.1, "val_loss": 0.4, "train_accuracy": 0.99, "val_accuracy": 0.95}


def test_training_that_is_better_has_a_gap_above_0() -> None:
    assert generalization_gap(METRICS, "val_accuracy", "maximize") == pytest.approx(0.04)
    assert generalization_gap(METRICS, "val_loss", "minimize") == pytest.approx(0.3)


@pytest.mark.parametrize("objective", ["val_f1", "accuracy", "train_loss", "val"])
def test_a_metric_without_a_partner_has_none(objective: str) -> None:
    assert generalization_gap(METRICS, objective, "maximize") is None
