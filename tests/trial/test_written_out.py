"""Gradients without autograd: as autograd's, bit for bit, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from small_images import Fragile
from torch import Tensor, nn

from hpsearch.models import CNN, MLP, Softmax
from hpsearch.models.mlp import ACTIVATIONS
from hpsearch.trial.speedups.written_out import write_out

SHAPE = (1, 28, 28)
Make = Callable[[], nn.Module]
Step = Callable[[nn.Module, Tensor, Tensor], Tensor]

NETWORKS: dict[str, Make] = {
    "softmax": Softmax,
    "softmax, smoothed": partial(Softmax, label_smoothing=0.1),
    "no hidden layer": partial(MLP, widths=()),
    "smoothed": partial(MLP, label_smoothing=0.1),
    "dropout": partial(MLP, dropout=0.3),
    "three layers": partial(MLP, widths=(33, 17, 64), dropout=(0.0, 0.2, 0.5)),
    "wide": partial(MLP, widths=(256, 128), dropout=0.1, label_smoothing=0.05),
    **{name: partial(MLP, activation=name, dropout=0.2) for name in ACTIVATIONS},
}


def by_autograd(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    loss: Tensor = network.training_step((images, labels), 0)
    loss.backward()
    return loss


def by_hand(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    backpropagate = write_out(network)
    assert backpropagate is not None
    loss = backpropagate((images, labels))
    assert loss is not None
    return loss


def after(step: Step, make: Make, images: int) -> list[Tensor]:
    """Returns what two batches leave behind: losses, gradients, metrics, the random state."""
    torch.manual_seed(0)
    network = make()
    left: list[Tensor] = []
    for _ in range(2):
        network.zero_grad()
        batch = torch.randn(images, *SHAPE), torch.randint(0, 10, (images,))
        left.append(step(network, *batch).detach())
        left += [each.grad.clone() for each in network.parameters() if each.grad is not None]
    metrics = network._training_metrics.means("train")
    return [*left, *metrics.values(), torch.get_rng_state()]


@pytest.mark.parametrize("images", [1, 7, 32, 128])
@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_those_of_autograd_bit_for_bit(name: str, images: int) -> None:
    wanted = after(by_autograd, NETWORKS[name], images)
    found = after(by_hand, NETWORKS[name], images)

    assert len(found) == len(wanted) > 6
    assert all(map(torch.equal, found, wanted))


def hooked(register: str) -> nn.Module:
    network = MLP()
    getattr(network.layers[1], register)(lambda *_: None)
    return network


def frozen() -> nn.Module:
    network = MLP()
    network.layers[1].weight.requires_grad_(False)
    return network


def evaluated() -> nn.Module:
    network = MLP(dropout=0.1)
    network.layers[3].eval()
    return network


def normed() -> nn.Module:
    network = MLP()
    nn.utils.parametrizations.weight_norm(network.layers[1])
    return network


def changed() -> nn.Module:
    network = MLP()
    network.layers[3] = nn.Dropout(0.5)
    return network


OTHERS: dict[str, Make] = {
    "a layer is listened to": partial(hooked, "register_forward_hook"),
    "a gradient is listened to": partial(hooked, "register_full_backward_hook"),
    "frozen": frozen,
    "evaluated": evaluated,
    "normed": normed,
    "changed": changed,
    "doubles": lambda: MLP().double(),
    "a column": partial(MLP, widths=(1,)),
    "hardly any dropout": partial(MLP, dropout=1e-9),
    "convolutions": CNN,
    "a user's own": partial(Fragile, "raise", (1, 4, 4), 3),
}


@pytest.mark.parametrize("name", OTHERS)
def test_autograd_is_left_out_only_where_it_makes_no_difference(name: str) -> None:
    assert write_out(OTHERS[name]()) is None


def test_a_batch_of_another_kind_is_left_to_autograd() -> None:
    network = Softmax()
    backpropagate = write_out(network)
    images, labels = torch.rand(3, *SHAPE), torch.tensor([0, 1, 2])

    assert backpropagate is not None
    assert backpropagate((images.double(), labels)) is None
    assert backpropagate((images, labels.int())) is None
    assert backpropagate((images, nn.functional.one_hot(labels, 10))) is None
    assert network.linear.weight.grad is None
