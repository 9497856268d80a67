"""Which parts of a batch a module's `forward` takes, and how: batches may have any structure."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from torch import Tensor

from hpsearch.errors import InputError

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_TARGETS = ("label", "labels", "target", "targets")
CallForm = Literal["alone", "in order", "as a tuple", "by name", "as a mapping"]


@dataclass(frozen=True)
class Inputs:
    """How a module is called with the parts of a batch.

    Attributes:
        form: with one tensor, with several in order or as a tuple, with tensors by name, or with a
            mapping of tensors.
        names: of the tensors, in their order; keys of the batch, if it has keys. Empty for one
            tensor of a batch without keys.
        depth: how far within a batch of nested tuples several tensors are: 1 for
            `((users, items), ratings)`.
    """

    form: CallForm
    names: tuple[str, ...] = ()
    depth: int = 0

    def of(self, batch: Any) -> tuple[Tensor, ...]:
        """Returns the tensors among a prepared batch."""
        if self.form in ("in order", "as a tuple"):
            return tuple(_sequences(batch)[self.depth][: len(self.names)])
        found = first_of(batch)
        return tuple(found[name] for name in self.names) if self.names else (found,)

    def call(self, module: torch.nn.Module, tensors: tuple[Tensor, ...]) -> Any:
        """Calls the module with the tensors."""
        if self.form in ("alone", "in order"):
            return module(*tensors)
        if self.form == "as a tuple":
            return module(tensors)
        named = dict(zip(self.names, tensors, strict=True))
        return module(named) if self.form == "as a mapping" else module(**named)


def find_inputs(module: pl.LightningModule, batch: Any) -> Inputs:
    """Returns how a module is called with a prepared batch, found by trying.

    For a list or tuple, the first part counts, as in (inputs, targets); or as many parts as
    `forward` needs, as in (users, items, ratings); or the whole. For a mapping, the parts that
    `forward` has arguments for; or the whole mapping, or one of its tensors. Targets, such as
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
    for inputs in _candidates(module, batch):
        try:
            with torch.inference_mode():
                # Two rows alone could be unpacked as if they were two tensors.
                for rows in (2, 3):
                    inputs.call(module, tuple(tensor[:rows] for tensor in inputs.of(batch)))
        except Exception as error:
            # A module may raise anything if it is called in the wrong form.
            # What is wrong with a tuple says little: most modules take tensors.
            if inputs.form != "as a tuple":
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


def _sequences(batch: Any) -> list[Any]:
    """Returns the lists and tuples around the first part of a batch, from the outermost inwards."""
    found = []
    while isinstance(batch, list | tuple) and batch:
        found.append(batch)
        batch = batch[0]
    return found


def _candidates(module: pl.LightningModule, batch: Any) -> Iterator[Inputs]:
    value = first_of(batch)
    if isinstance(value, Tensor):
        yield from _of_tensors(module, _sequences(batch))
    elif isinstance(value, Mapping):
        yield from _of_mapping(module, value)


def _of_tensors(module: pl.LightningModule, sequences: Sequence[Any]) -> Iterator[Inputs]:
    parameters = inspect.signature(module.forward).parameters.values()
    needed = [p.name for p in parameters if p.default is p.empty and p.kind in _POSITIONAL]
    several = [
        (depth, sum(1 for _ in takewhile(lambda part: isinstance(part, Tensor), sequence)))
        for depth, sequence in enumerate(sequences)
    ]
    wholes = [
        Inputs("as a tuple", tuple(f"{needed[0]}_{n}" for n in range(count)), depth)
        for depth, count in several
        if needed and count == len(sequences[depth]) > 1
    ]
    # Within a batch, a tuple is all inputs; the batch itself has targets, too.
    yield from (whole for whole in wholes if whole.depth)
    yield Inputs("alone")
    for depth, count in reversed(several):
        if 1 < len(needed) <= count:
            yield Inputs("in order", tuple(needed), depth)
    yield from (whole for whole in wholes if not whole.depth)


def _of_mapping(module: pl.LightningModule, value: Mapping[str, Any]) -> Iterator[Inputs]:
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
