"""The gradients of a small network without autograd, which takes longer than their arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from hpsearch.internals.lightning import cross_entropy_slope, is_module_bare
from hpsearch.models import MLP, Softmax
from hpsearch.models.base import ImageBatch
from hpsearch.models.dropout import Dropout

# Leaves a batch's gradients in the parameters and returns its loss; None where it cannot.
Backpropagation = Callable[[ImageBatch], Tensor | None]

_aten = torch.ops.aten
_ONE = torch.ones(())  # to make it at every step takes as long as a small layer
# From the gradient of an activation's output to that of its input, given input and output.
_SLOPES: Mapping[type[nn.Module], Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    nn.ReLU: lambda slope, _, output: _aten.threshold_backward(slope, output, 0),
    nn.LeakyReLU: lambda slope, x, _: _aten.leaky_relu_backward(slope, x, 0.01, False),
    nn.ELU: lambda slope, x, _: _aten.elu_backward(slope, 1.0, 1, 1, False, x),
    nn.GELU: lambda slope, x, _: _aten.gelu_backward(slope, x, approximate="none"),
    nn.SiLU: lambda slope, x, _: _aten.silu_backward(slope, x),
    nn.Tanh: lambda slope, _, output: _aten.tanh_backward(slope, output),
    nn.Sigmoid: lambda slope, _, output: _aten.sigmoid_backward(slope, output),
}


def write_out(module: nn.Module) -> Backpropagation | None:
    """Returns what computes a batch's gradients layer by layer; None for all but Softmax and MLP.

    It calls the functions that autograd would call, in the same order: gradients and loss are the
    same, bit for bit. What is known here of the module must hold for as long as it is used.

    Args:
        module: on a CPU, in full precision; every layer's parameters are trained.
    """
    if type(module) not in (MLP, Softmax) or not is_module_bare(module):
        return None
    classifier = cast(MLP | Softmax, module)
    chain = [classifier.linear] if isinstance(classifier, Softmax) else [*classifier.layers][1:]
    if not all(part.training for part in classifier.modules()) or not all(map(_is_known, chain)):
        return None
    first, others = _Linear(chain[0]), [_layer(part) for part in chain[1:] if not _is_off(part)]
    smoothing = classifier.label_smoothing

    @torch.no_grad()
    def backpropagate(batch: ImageBatch) -> Tensor | None:
        images, labels = batch
        if images.dtype is not torch.float32 or labels.dtype is not torch.int64 or labels.ndim != 1:
            return None
        logits = first.forward(images.flatten(1))
        for layer in others:
            logits = layer.forward(logits)
        loss, slope = _cross_entropy(logits, labels, smoothing)
        classifier.count_training(loss, logits, labels)
        for layer in reversed(others):
            slope = layer.backward(slope)
        first.weigh(slope)
        return loss

    return backpropagate


def _cross_entropy(logits: Tensor, labels: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
    """Returns the mean cross-entropy of a batch, and its gradient by the logits."""
    if not smoothing:
        return cross_entropy_slope(logits, labels, _ONE)
    # Some more operations, whose order is left to autograd.
    with torch.enable_grad():
        leaf = logits.detach().requires_grad_()
        loss = functional.cross_entropy(leaf, labels, label_smoothing=smoothing)
        [slope] = torch.autograd.grad(loss, leaf)
    return loss.detach(), slope


class _Layer(Protocol):
    def forward(self, inputs: Tensor) -> Tensor: ...

    def backward(self, slope: Tensor) -> Tensor: ...


class _Linear:
    def __init__(self, layer: nn.Linear) -> None:
        self._weight, self._bias = layer.weight, layer.bias
        self._slopes = torch.empty_like(layer.weight), torch.empty_like(layer.bias)

    def forward(self, inputs: Tensor) -> Tensor:
        self._inputs = inputs
        return functional.linear(inputs, self._weight, self._bias)

    def weigh(self, slope: Tensor) -> None:
        """Leaves the gradients of its parameters in them."""
        self._weight.grad, self._bias.grad = weight, bias = self._slopes
        torch.mm(slope.t(), self._inputs, out=weight)
        torch.sum(slope, 0, out=bias)

    def backward(self, slope: Tensor) -> Tensor:
        self.weigh(slope)
        return torch.mm(slope, self._weight)


class _Activation:
    def __init__(self, layer: nn.Module) -> None:
        self._function: Callable[[Tensor], Tensor] = layer.forward
        self._slope = _SLOPES[type(layer)]

    def forward(self, inputs: Tensor) -> Tensor:
        self._inputs, self._output = inputs, self._function(inputs)
        return self._output

    def backward(self, slope: Tensor) -> Tensor:
        changed: Tensor = self._slope(slope, self._inputs, self._output)
        return changed


class _Dropout:
    def __init__(self, layer: Dropout) -> None:
        self._draw = layer.draw

    def forward(self, inputs: Tensor) -> Tensor:
        self._mask = self._draw(inputs)
        return inputs * self._mask

    def backward(self, slope: Tensor) -> Tensor:
        return slope * self._mask


def _layer(layer: nn.Module) -> _Layer:
    if isinstance(layer, nn.Linear):
        return _Linear(layer)
    return _Dropout(layer) if isinstance(layer, Dropout) else _Activation(layer)


def _is_known(layer: nn.Module) -> bool:
    if isinstance(layer, Dropout):
        return _is_off(layer) or layer.draws_bits
    if type(layer) is not nn.Linear:
        return type(layer) in _SLOPES
    own = layer.weight, layer.bias
    # Autograd multiplies the other way round where it may take a row for a column.
    return layer.in_features > 1 and all(
        each.requires_grad and each.device.type == "cpu" and each.dtype is torch.float32
        for each in own
    )


def _is_off(layer: nn.Module) -> bool:
    return isinstance(layer, Dropout) and not layer.p
