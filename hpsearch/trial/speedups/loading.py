"""Lightning without most of what it loads: torch's compiler, and all metrics but their base class.

Lightning asks only whether a module is compiled, and whether a value is a metric. For the answers,
torch loads its compiler with sympy and triton, and torchmetrics loads torchvision, matplotlib and
a hundred metrics: as much as all the rest.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch
from torch.optim import Optimizer

from hpsearch.internals.lightning import (
    hide_optimizers_by,
    load_compiler,
    name_parts_of_metrics,
)

COMPILER, METRICS = "torch._dynamo", "torchmetrics"


@contextmanager
def loading_little() -> Iterator[None]:
    """Has Lightning load neither inside the block; whoever imports them later gets them whole.

    An optimizer's steps do not load the compiler from then on. Until it is loaded, there is nothing
    compiled that they would have to be hidden from.
    """
    with _without_compiler(), _with_base_metric():
        yield


def load_the_rest() -> None:
    """Loads what was left out."""
    load_compiler()
    parts = {name.rpartition(".")[2]: part for name, part in sys.modules.items() if _is_part(name)}
    with _without_scipy_signal():
        import torchmetrics
    for name, part in parts.items():
        setattr(torchmetrics, name, part)


@contextmanager
def _without_compiler() -> Iterator[None]:
    if COMPILER in sys.modules:
        yield
        return
    stand_in: Any = ModuleType(COMPILER)
    stand_in.OptimizedModule, stand_in.disable = _OptimizedModule, _disable
    with _as_modules({COMPILER: stand_in}):
        yield
    hide_optimizers_by(_disable, _step)


class _IfCompiled(type):
    def __instancecheck__(cls, instance: object) -> bool:
        compiler = sys.modules.get(COMPILER)
        return compiler is not None and isinstance(instance, compiler.OptimizedModule)


class _OptimizedModule(metaclass=_IfCompiled):
    """Stands for the class of compiled modules."""


def _disable(function: Callable[..., Any], *args: Any, **named: Any) -> Callable[..., Any]:
    """Stands for the compiler's own: hides a function from it, once it is loaded."""

    @functools.cache
    def hidden() -> Any:
        return sys.modules[COMPILER].disable(function, *args, **named)

    @functools.wraps(function)
    def call(*given: Any, **also: Any) -> Any:
        return (hidden() if COMPILER in sys.modules else function)(*given, **also)

    return call


def _step(step: Any) -> Callable[..., Any]:
    """Returns an optimizer's step that does not load the compiler to hide from it."""
    bare = step.__wrapped__

    @functools.wraps(step)
    def take(self: Optimizer, *args: Any, **named: Any) -> Any:
        if COMPILER in sys.modules:
            return step(self, *args, **named)
        with torch.set_grad_enabled(self.defaults["differentiable"]):
            return bare(self, *args, **named)

    return take


@contextmanager
def _with_base_metric() -> Iterator[None]:
    found = importlib.util.find_spec(METRICS)
    if METRICS in sys.modules or found is None:
        yield
        return
    package: Any = importlib.util.module_from_spec(found)
    plot: Any = ModuleType("torchmetrics.utilities.plot")
    name_parts_of_metrics(package, plot)
    plot.plot_single_or_multi_val = _plot
    with _as_modules({METRICS: package}):
        with _as_modules({plot.__name__: plot}):
            import torchmetrics.utilities  # noqa: F401
            from torchmetrics.__about__ import __version__
            from torchmetrics.collections import MetricCollection
            from torchmetrics.metric import Metric
        package.__version__ = __version__
        package.Metric, package.MetricCollection = Metric, MetricCollection
        yield


def _plot(*args: Any, **named: Any) -> Any:
    from torchmetrics.utilities.plot import plot_single_or_multi_val

    return plot_single_or_multi_val(*args, **named)


def _is_part(name: str) -> bool:
    return name.rpartition(".")[0] == METRICS


@contextmanager
def _without_scipy_signal() -> Iterator[None]:
    """Stands in for scipy.signal, which torchmetrics loads to add a name that one package needs."""
    name = "scipy.signal"
    if name in sys.modules:
        yield
        return
    stand_in: Any = ModuleType(name)
    stand_in.hamming = None
    with _as_modules({name: stand_in}):
        yield


@contextmanager
def _as_modules(stand_ins: dict[str, ModuleType]) -> Iterator[None]:
    """Has these imported under their names inside the block."""
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in stand_ins:
            sys.modules.pop(name, None)
