"""Which parts of a batch a module's `forward` takes, and how: batches may have any structure."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from torch import Tensor

from hpsearch.errors import InputError

_TARGETS = ("label", "labels", "target", "targets")
CallForm = Literal["alone", "by name", "as a mapping"]


@dataclass(frozen=True)
class Inputs:
    """How a module is called with the parts of a batch.

    Attributes:
        form: with one tensor, with tensors by name, or with a mapping of tensors.
        names: keys of the batch, in the order of the tensors; empty for a batch without keys.
    """

    form: CallForm
    names: tuple[str, ...] = ()

    def of(self, batch: Any) -> tuple[Tensor, ...]:
        """Returns the tensors among a prepared batch."""
        found = first_of(batch)
        return tuple(found[name] for name in self.names) if self.names else (found,)

    def call(self, module: torch.nn.Module, tensors: tuple[Tensor, ...]) -> Any:
        """Calls the module with the tensors."""
        if self.form == "alone":
            return module(tensors[0])
        named = dict(zip(self.names, tensors, strict=True))
        return module(named) if self.form == "as a mapping" else module(**named)


def find_inputs(module: pl.LightningModule, batch: Any) -> Inputs:
    """Returns how a module is called with a prepared batch, found by trying.

    For a list or tuple, the first part counts, as in (inputs, targets). For a mapping, the parts
    that `forward` has arguments for; or the whole mapping, or one of its tensors. Targets, such as
    `labels`, are left out if it can be called without them.

    Raises:
        InputError: none of these works; the message says what to change.
    """
    name = type(module).__name__
    if _is_lightnings_own(module):
        raise InputError(
            f"{name} has no forward(), so there is nothing to export but its weights: --format"
            " state. Or give it a forward that maps the inputs of a batch to outputs"
        )
    value = first_of(batch)
    failure = "none of that is a tensor"
    for inputs in _candidates(module, value):
        try:
            with torch.inference_mode():
                inputs.call(module, tuple(tensor[:2] for tensor in inputs.of(batch)))
        except Exception as error:
            # A module may raise anything if it is called in the wrong form.
            failure = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            continue
        return inputs
    arguments = ", ".join(inspect.signature(module.forward).parameters)
    raise InputError(
        f"{name}.forward({arguments}) cannot be called with a batch of its data, {_holds(value)}:"
        f" {failure}. Let forward take that; if it takes something else, such as noise, export the"
        " weights alone: --format state"
    )


def _holds(value: Any) -> str:
    """Returns what an exported model would take of a batch, in words."""
    if isinstance(value, Mapping):
        return f"whose parts are {', '.join(map(str, value))}"
    if not isinstance(value, Tensor):
        return f"which holds {'nothing' if value is None else f'a {type(value).__name__}'}"
    sizes = " x ".join(map(str, value.shape[1:]))
    return (
        f"whose first part has {f'the shape {sizes}' if sizes else 'one number'} for each example"
    )


def first_of(value: Any, *stops: type) -> Any:
    """Returns the first part of nested lists and tuples; None if it is empty."""
    while isinstance(value, (list, tuple, *stops)):
        parts: Any = list(value.values()) if isinstance(value, Mapping) else value
        value = parts[0] if len(parts) else None
    return value


def _candidates(module: pl.LightningModule, value: Any) -> Iterator[Inputs]:
    if isinstance(value, Tensor):
        yield Inputs("alone")
    if not isinstance(value, Mapping):
        return
    tensors = [key for key, part in value.items() if isinstance(part, Tensor)]
    parameters = inspect.signature(module.forward).parameters.values()
    yield from _with_and_without_targets(
        "by name", [p.name for p in parameters if p.name in tensors]
    )
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        yield from _with_and_without_targets("by name", tensors)
    yield from _with_and_without_targets("as a mapping", tensors)
    # Targets have fewer dimensions than inputs.
    by_dimension = sorted(tensors, key=lambda key: -value[key].dim())
    yield from (Inputs("alone", (key,)) for key in by_dimension)


def _with_and_without_targets(form: CallForm, names: Sequence[str]) -> Iterator[Inputs]:
    """Yields the call without targets first: who runs a model has none."""
    without = [name for name in names if name not in _TARGETS]
    for some in dict.fromkeys((tuple(without), tuple(names))):
        if some:
            yield Inputs(form, some)


def _is_lightnings_own(module: pl.LightningModule) -> bool:
    """Returns whether the module's forward is a base class's, which only raises."""
    owner = next(cls for cls in type(module).__mro__ if "forward" in vars(cls))
    return owner.__module__.endswith(".core.module")
