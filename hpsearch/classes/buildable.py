"""Which classes a study file may build, and where: a pure rule over classes and hints.

The text of a study file chooses classes, and building one runs its constructor. A component nested
in the arguments of another may therefore only be of the type that its argument asks for. If the
argument asks for none, it may be a class of the study's own modules, or of a kind that trainings
are made of.
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Callable, Container
from typing import Any

from hpsearch.classes.components import origin_of
from hpsearch.classes.signature import parts_of, returned_type
from hpsearch.studyfile.forbidden import OPEN_FUNCTIONS, forbidden_reason, is_part

_LIGHTNINGS = ("pytorch_lightning", "lightning.pytorch")
# Base classes that need no type hint, by full name, so that nothing is imported to compare.
KINDS = frozenset(
    {
        "torch.nn.modules.module.Module",
        "torch.optim.optimizer.Optimizer",
        "torch.optim.lr_scheduler.LRScheduler",
        "torch.utils.data.dataset.Dataset",
        "torch.utils.data.sampler.Sampler",
        "torch.utils.data.dataloader.DataLoader",
        "torch.distributions.distribution.Distribution",
        "torch.distributions.transforms.Transform",
        "torch.distributions.constraints.Constraint",
        "torch.amp.grad_scaler.GradScaler",
        "torch.Tensor",
        "torch._C.Generator",
        "pathlib.Path",
        *(f"{package}.core.datamodule.LightningDataModule" for package in _LIGHTNINGS),
        *(f"{package}.callbacks.callback.Callback" for package in _LIGHTNINGS),
        "lightning_fabric.loggers.logger.Logger",
        "lightning.fabric.loggers.logger.Logger",
        "optuna.samplers._base.BaseSampler",
        "optuna.pruners._base.BasePruner",
        "albumentations.core.serialization.Serializable",
        "monai.transforms.transform.Transform",
        "torchio.transforms.transform.Transform",
        "sklearn.base.BaseEstimator",
    }
)
# Kinds without a common base class: whole parts of libraries.
_PARTS = ("torchvision.transforms", "numpy.random", "hpsearch.data", "hpsearch.models")
# What only computes.
_FUNCTIONS = (
    *(f"torch.{name}" for name in OPEN_FUNCTIONS),
    *("torch.nn.functional", "torch.nn.init", "torch._C._nn"),
    *("torchvision.transforms.functional", "torchvision.transforms._functional_tensor"),
    *("torchvision.ops", "torchmetrics.functional"),
)
# Packages whose functions return networks without a return type.
_FACTORIES = ("timm", "segmentation_models_pytorch", "torchvision.models")
_ADVICE = "give the argument a type in your own class, or build it in a class of your own"


def why_not_buildable(target: Callable[..., Any], hint: Any, own: Container[str]) -> str | None:
    """Returns why a study file may not build this in this place; None if it may.

    The functions that may be named only compute, or are factories: these declare what they return,
    or are in a package of networks.

    Args:
        target: the class or function that the file names.
        hint: the type of the argument it is for, as evaluated; None if there is none.
        own: the names of the study's own top-level modules.
    """
    path, is_class = origin_of(target), isinstance(target, type)
    if path.partition(".")[0] in own or (is_part(path, _FUNCTIONS) and not is_class):
        return None
    if reason := forbidden_reason(path):
        return reason
    wanted, anything = _wanted(hint)
    returned = returned_type(target)
    fits = returned and (issubclass(returned, wanted) or (anything and _is_known(returned)))
    if fits or (is_part(path, _FACTORIES) and not is_class):
        return None
    if not is_class:
        rule = "does not declare that it returns something that may be built here"
        return f"{path} {rule}; {_ADVICE}"
    if not anything:
        return f"{path} is not a {' or '.join(sorted(kind.__name__ for kind in wanted))}"
    return (
        f"{path} may not be built for an argument without a type, which allows only network"
        " modules, losses, metrics, transforms, data sets, optimizers, schedules, callbacks,"
        f" loggers; {_ADVICE}"
    )


def _is_known(cls: type[Any]) -> bool:
    lineage = {origin_of(base) for base in cls.__mro__}
    return bool(lineage & KINDS) or is_part(origin_of(cls), _PARTS)


def _wanted(hint: Any) -> tuple[tuple[type[Any], ...], bool]:
    """Returns the classes that a hint asks for, and whether it leaves the class open."""
    named = (typing.get_origin(part) or part for part in parts_of(hint))
    classes = [part for part in named if isinstance(part, type)]
    narrow = [cls for cls in classes if not _is_open(cls)]
    return tuple(narrow), not narrow or len(narrow) < len(classes)


def _is_open(cls: type[Any]) -> bool:
    """Returns whether almost any class fits this one, as for `object` or `Iterable`."""
    standard = cls.__module__.partition(".")[0] in sys.stdlib_module_names
    return standard or typing.Protocol in cls.__bases__
