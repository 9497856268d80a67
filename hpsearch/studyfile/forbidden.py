"""Classes that no study file may name because they access the machine, by their path.

Python's own library can run any command. The large libraries hold such classes too:
`torch.distributed` starts processes, `numpy.memmap` opens files for writing. Only the parts of
these libraries that training needs may be named.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

_SAFE = frozenset(
    {
        *("pathlib.Path", "datetime.timedelta", "collections.OrderedDict", "fractions.Fraction"),
        "functools.partial",  # what it calls is checked like any class path
    }
)
_OF_LIGHTNING = (
    *("callbacks", "loggers", "profilers", "plugins.io", "plugins.precision"),
    *("core", "trainer.trainer", "demos.boring_classes"),
    *("Callback", "LightningModule", "LightningDataModule", "Trainer"),
)
_OF_FABRIC = ("loggers", "plugins.io", "plugins.precision")
# The parts of each library that a study file may name. Their constructors were searched for calls
# that run commands, load code or open files; only torchvision's data sets open files.
OPEN_PARTS: Mapping[str, tuple[str, ...]] = {
    "torch": (
        *("amp", "cuda.amp", "distributions", "nn", "optim", "utils.data"),
        *("Generator", "_C.Generator", "Size", "Tensor", "_C._nn", "device", "dtype"),
    ),
    "torchvision": ("datasets", "models", "ops", "transforms"),
    "numpy": ("random",),
    "scipy": (),
    "optuna": ("distributions", "integration", "pruners", "samplers"),
    "pytorch_lightning": _OF_LIGHTNING,
    "lightning_fabric": _OF_FABRIC,
    "lightning": (
        *("Callback", "LightningModule", "LightningDataModule", "Trainer"),
        *(f"pytorch.{part}" for part in _OF_LIGHTNING),
        *(f"fabric.{part}" for part in _OF_FABRIC),
    ),
    "hpsearch": ("data", "models", "search.rungs.sampler.RungSampler"),
}
# Functions of torch itself that only compute.
OPEN_FUNCTIONS = (
    *("abs", "celu", "cos", "erf", "exp", "log", "logsumexp", "mean", "relu", "selu", "sigmoid"),
    *("sin", "softmax", "sqrt", "sum", "tanh"),
)
# In an allowed part, but they read pickled files, which can contain code.
_CLOSED = (
    "torchvision.datasets.lsun",
    "torchvision.datasets.LSUN",
    "torchvision.datasets.LSUNClass",
)


def forbidden_reason(class_path: str) -> str | None:
    """Returns why a study file may not name this class; None if it may.

    Only the path is inspected; nothing is imported.
    """
    path = class_path.strip()
    root, dot, inner = path.partition(".")
    if not dot or path in _SAFE:
        return None
    if root in sys.stdlib_module_names:
        return (
            f"{path[:80]} is part of Python's standard library, which a study file may not call; "
            "name your own class that uses it"
        )
    if root not in OPEN_PARTS or (root == "torch" and inner in OPEN_FUNCTIONS):
        return None
    private = path.rpartition(".")[2].startswith("_")
    if is_part(inner, OPEN_PARTS[root]) and not private and not is_part(path, _CLOSED):
        return None
    return f"a study file may not name {path[:120]}: {_open_words(root)}; use it in your own class"


def is_part(path: str, parts: Iterable[str]) -> bool:
    """Returns whether a dotted path is one of the parts or lies inside one."""
    return any(f"{path}.".startswith(f"{part}.") for part in parts)


def _open_words(root: str) -> str:
    parts = [part for part in OPEN_PARTS[root] if part.islower() and not part.startswith("_")]
    if not parts:
        return f"no class of {root} may be named"
    return f"of {root} only public classes of {', '.join(parts)} may be named"
