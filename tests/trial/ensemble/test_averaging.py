"""A batch shows what outputs are, and the average of equal outputs is that output."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from hpsearch.errors import InputError
from hpsearch.trial.ensemble.averaging import Averaging, possible_averagings

LABELS = torch.tensor([0, 2, 1, -100])
LOGITS = torch.tensor([[3.0, 0, 0], [0, 0, -1], [0, 1, 0], [1, 1, 1]])
WORDS = torch.tensor([[0, 1], [1, 2]])
YES = torch.tensor([1.0, 0, 1, 1])
HEIGHTS = torch.tensor([[0.3], [1.8], [1.0], [0.0]])
POINTS = torch.rand(4, 5)


@pytest.mark.parametrize(
    ("outputs", "batch", "kind", "dim"),
    [
        (LOGITS, (POINTS, LABELS), "logits", 1),
        (LOGITS.softmax(1), {"x": POINTS, "label": LABELS}, "probabilities", 1),
        (torch.rand(2, 3, 2) - 1, (WORDS, WORDS), "logits", 1),
        (torch.rand(2, 2, 9) - 1, WORDS, "logits", 2),
        (torch.rand(2, 4, 6, 6) - 1, (POINTS, torch.ones(2, 6, 6).long()), "logits", 1),
        (LOGITS[:, 1], (POINTS, YES), "binary probabilities", 0),
        (LOGITS[:, 2:] - 1, (POINTS, YES), "binary logits", 0),
        (LOGITS[:, :1], (POINTS, HEIGHTS), "values", 0),
        (LOGITS[:, 0], (POINTS, HEIGHTS), "values", 0),
        (POINTS - 1, POINTS, "values", 0),
    ],
    ids=[
        *("classes", "probabilities", "texts", "texts, classes last", "masks"),
        *("yes or no", "yes or no as logits", "numbers", "numbers of one dimension", "itself"),
    ],
)
def test_what_is_averaged_follows_from_the_targets(
    outputs: Tensor, batch: Any, kind: str, dim: int
) -> None:
    found = possible_averagings(outputs, batch)[0]
    assert (found.kind, found.dim) == (kind, dim)
    torch.testing.assert_close(found.to_mean(found.alone(outputs)), found.to_mean(outputs))
    assert len(found.score(outputs, batch)) == len(outputs)


@pytest.mark.parametrize(
    ("outputs", "batch", "message"),
    [
        ((LOGITS, LOGITS), (POINTS, LABELS), "its forward returns a tuple and not one tensor"),
        (LABELS, (POINTS, LABELS), "its forward returns a Tensor and not one tensor of numbers"),
        (LOGITS[:2], (POINTS, LABELS), r"nothing in a batch fits its outputs of shape \(2, 3\)"),
        (LOGITS, ["a text"], "nothing in a batch fits"),
    ],
)
def test_outputs_that_cannot_be_averaged_are_reported(
    outputs: Any, batch: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        possible_averagings(outputs, batch)


def test_the_score_is_the_probability_of_the_truth_and_an_ignored_label_costs_nothing() -> None:
    averaging = possible_averagings(LOGITS, (POINTS, LABELS))[0]
    shares = LOGITS.softmax(1).tolist()
    expected = [shares[0][0], shares[1][2], shares[2][1], 1.0]
    assert averaging.score(LOGITS, (POINTS, LABELS))[:, 0].tolist() == pytest.approx(expected)


def test_the_score_of_yes_or_no_and_of_numbers() -> None:
    chances = torch.tensor([0.9, 0.2, 0.5, 1.0])
    yes = possible_averagings(chances, (POINTS, YES))[0].score(chances, (POINTS, YES))
    assert yes[:, 0].tolist() == pytest.approx([0.9, 0.8, 0.5, 1.0])
    guesses = torch.tensor([1.3, 0.8, 1.0, 0.5])
    residuals = possible_averagings(guesses, (POINTS, HEIGHTS))[0].score(guesses, (POINTS, HEIGHTS))
    assert residuals[:, 0].tolist() == pytest.approx([1.0, -1.0, 0.0, 0.5])


def test_classes_are_averaged_as_probabilities() -> None:
    averaging = Averaging("logits", 1)
    mean = (averaging.to_mean(torch.tensor([[9.0, 0]])) + torch.tensor([[0.2, 0.8]])) / 2
    assert averaging.from_mean(mean).softmax(1)[0, 0] == pytest.approx(0.6, abs=1e-3)
