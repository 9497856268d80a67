"""Dropout works like torch's; on a CPU it makes four draws at a time."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hpsearch.models import CNN, MLP, Dilated, Residual
from hpsearch.models.dropout import Dropout

CHANNELS_LAST = torch.channels_last


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_a_share_p_becomes_zero_and_the_mean_is_kept(p: float) -> None:
    torch.manual_seed(0)

    dropped = Dropout(p)(torch.ones(1000, 1000))

    assert float((dropped == 0).float().mean()) == pytest.approx(p, abs=0.003)
    assert float(dropped.mean()) == pytest.approx(1.0, rel=0.01)
    assert dropped.unique().tolist() == [0.0, pytest.approx(1 / (1 - p), rel=1e-3)]


def test_the_four_that_share_a_draw_are_independent_of_each_other() -> None:
    torch.manual_seed(0)

    four = (Dropout(0.25)(torch.ones(400_000)) == 0).double().view(-1, 4)

    assert four.mean(0).tolist() == pytest.approx([0.25] * 4, abs=0.005)
    assert (torch.corrcoef(four.T) - torch.eye(4)).abs().max() < 0.01


def test_the_gradient_passes_where_the_number_did() -> None:
    numbers = torch.ones(3, 5, requires_grad=True)

    dropped = Dropout(0.5)(numbers)
    dropped.sum().backward()

    assert torch.equal(numbers.grad, dropped.detach())


@pytest.mark.parametrize(
    "numbers",
    [
        torch.rand(2, 3, 4, 5) + 1,
        (torch.rand(2, 3, 4, 5) + 1).contiguous(memory_format=CHANNELS_LAST),
        (torch.rand(6, 4) + 1)[:, ::2],
        torch.ones(()),
        torch.ones(0, 3),
        torch.ones(7, dtype=torch.bfloat16),
    ],
    ids=["rows", "channels last", "every other", "one number", "none", "half"],
)
def test_any_layout_will_do(numbers: torch.Tensor) -> None:
    dropped = Dropout(0.5)(numbers)

    assert dropped.shape == numbers.shape
    assert dropped.dtype == numbers.dtype
    assert torch.equal(dropped[dropped != 0], (2 * numbers)[dropped != 0])


def test_the_seed_decides_what_is_dropped() -> None:
    def drop() -> torch.Tensor:
        torch.manual_seed(7)
        return Dropout(0.5)(torch.ones(1000))

    assert torch.equal(drop(), drop())


@pytest.mark.parametrize("p", [0.0, 0.5])
def test_nothing_is_dropped_in_evaluation_or_with_p_0(p: float) -> None:
    numbers = torch.rand(100)
    layer = Dropout(p)

    assert torch.equal(layer.train(p == 0)(numbers), numbers)


def test_with_p_1_nothing_is_left() -> None:
    assert torch.equal(Dropout(1.0)(torch.ones(4)), torch.zeros(4))


def test_probabilities_too_fine_for_a_draw_are_left_to_torch() -> None:
    torch.manual_seed(3)
    dropped = Dropout(1e-6)(torch.ones(1000))
    torch.manual_seed(3)

    assert torch.equal(dropped, nn.Dropout(1e-6)(torch.ones(1000)))


@pytest.mark.parametrize(
    ("model", "rates"),
    [
        (CNN(channels=(2, 3), hidden=4, dropout=[0.1, 0.2, 0.3]), [0.1, 0.2, 0.3]),
        (CNN(channels=(2, 3), hidden=4, dropout=0.1), [0.1, 0.1, 0.1]),
        (MLP(widths=(3, 4), dropout=[0.1, 0.2]), [0.1, 0.2]),
        (Residual(channels=(2, 3), dropout=[0.1, 0.2]), [0.1, 0.2]),
        (Residual(channels=(2, 3), dropout=0.1), [0.1]),
        (Dilated(channels=(2, 3), dropout=(0.1, 0.2)), [0.1, 0.2]),
        (Dilated(channels=(2, 3), dropout=0.1), [0.1]),
    ],
)
def test_each_layer_may_have_a_rate_of_its_own(model, rates):
    assert [layer.p for layer in model.modules() if isinstance(layer, Dropout)] == rates
    assert model(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_the_number_of_rates_must_be_that_of_the_layers():
    with pytest.raises(ValueError, match=r"dropout=\[0.1\] must have 3 entries, or be one number"):
        CNN(channels=(2, 3), dropout=[0.1])
    with pytest.raises(ValueError, match=r"dropout\[1\]=1 must be a number from 0 to below 1"):
        MLP(widths=(2, 3), dropout=[0.1, 1])
