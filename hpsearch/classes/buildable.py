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
        "pytorch_lightning.core.datamodule.LightningDataModule",
        "pytorch_lightning.callbacks.callback.Callback",
        "lightning.pytorch.core.datamodule.LightningDataModule",
        "lightning.pytorch.callbacks.callback.Callback",
        "lightning_fabric.loggers.logger.Logger",
        "lightning.fabric.loggers.logger.Logger",
        "torchmetrics.metric.Metric",
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
_FUNCTIONS = (
    *("torch.nn.functional", "torch.nn.init", "torch._C._nn"),
    *("torchvision.transforms.functional", "torchvision.transforms._functional_tensor"),
    *("torchvision.ops", "torchmetrics.functional"),
)
# Packages whose functions return networks without a return type.
_FACTORIES = ("timm", "segmentation_models_pytorch", "torchvision.models")
_ADVICE = "give the argument a type in your own class, or build it in a class of your own"


def why_not_buildable(target: Callable[..., Any], hint: Any, own: Container[str]) -> str | None:
    """Returns why a study file may not build this in this place; None if it may.

    Args:
        target: the class or function that the file names.
        hint: the type of the argument it is for, as evaluated; None if there is none.
        own: the names of the study's own top-level modules.
    """
    path = origin_of(target)
    if path.partition(".")[0] in own:
        return None
    if not isinstance(target, type):
        return _why_not_callable(target, path, hint)
    if reason := forbidden_reason(path):
        return reason
    if _fits(target, hint):
        return None
    wanted, anything = _wanted(hint)
    if not anything:
        return f"{path} is not a {' or '.join(sorted(kind.__name__ for kind in wanted))}"
    return (
        f"{path} may not be built for an argument without a type, which allows only network"
        " modules, losses, metrics, transforms, data sets, optimizers, schedules, callbacks,"
        f" loggers; {_ADVICE}"
    )


def _why_not_callable(function: Callable[..., Any], path: str, hint: Any) -> str | None:
    """Returns why a function may not be named; None for functions that only compute, and factories.

    A factory declares what it returns, or is in a package of networks.
    """
    module, _, name = path.rpartition(".")
    if is_part(module, _FUNCTIONS) or (module == "torch" and name in OPEN_FUNCTIONS):
        return None
    if reason := forbidden_reason(path):
        return reason
    returned = returned_type(function)
    if returned is not None and _fits(returned, hint):
        return None
    if is_part(path, _FACTORIES):
        return None
    return f"{path} does not declare that it returns something that may be built here; {_ADVICE}"


def _fits(cls: type[Any], hint: Any) -> bool:
    wanted, anything = _wanted(hint)
    return any(issubclass(cls, kind) for kind in wanted) or (anything and _is_known(cls))


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
