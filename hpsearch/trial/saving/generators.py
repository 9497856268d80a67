"""The generators of random numbers that a loader and its parts own, and their states."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

Generator = torch.Generator | np.random.Generator | np.random.RandomState | random.Random


def own_generators(loaders: Iterable[Any]) -> list[Generator]:
    """Returns the generators of these loaders, their samplers and data sets, each once.

    Whatever an attribute is called, it may be one; those called `generator` come first.
    """
    parts = [part for loader in loaders for part in _parts(loader)]
    held = [getattr(part, "generator", None) for part in parts]
    held += [value for part in parts for value in getattr(part, "__dict__", {}).values()]
    return list({id(one): one for one in held if isinstance(one, Generator)}.values())


def get_state(generator: Generator) -> Any:
    """Returns a generator's state as plain data: a tensor for torch, else a text."""
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    if isinstance(generator, random.Random):
        return json.dumps(generator.getstate())
    if isinstance(generator, np.random.RandomState):
        return json.dumps(generator.get_state(legacy=False), default=_as_list)
    return json.dumps(generator.bit_generator.state, default=_as_list)


def set_state(generator: Generator, state: Any) -> None:
    """Restores what `get_state` returned."""
    if isinstance(generator, torch.Generator):
        generator.set_state(state)
    elif isinstance(generator, random.Random):
        version, words, gauss = json.loads(state)
        generator.setstate((version, tuple(words), gauss))
    elif isinstance(generator, np.random.RandomState):
        generator.set_state(json.loads(state))
    else:
        generator.bit_generator.state = json.loads(state)


@contextmanager
def kept(loaders: Iterable[Any]) -> Iterator[None]:
    """Restores the generators of these loaders at the end: reading rows leaves no trace."""
    before = [(generator, get_state(generator)) for generator in own_generators(loaders)]
    try:
        yield
    finally:
        for generator, state in before:
            set_state(generator, state)


def _parts(loader: Any) -> Iterator[Any]:
    yield loader
    for name in ("sampler", "batch_sampler", "dataset"):
        part = getattr(loader, name, None)
        yield part
        # A batch sampler has a sampler, a subset has the whole data set, both may be augmented.
        yield from (getattr(part, inner, None) for inner in ("sampler", "dataset", "transform"))


def _as_list(array: Any) -> Any:
    return array.tolist()
