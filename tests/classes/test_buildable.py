"""What a study file alone may have built: classes of the kind a place asks for, or known kinds."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
import torchvision

from hpsearch.classes.buildable import why_not_buildable
from hpsearch.studyfile.forbidden import forbidden_reason

# Found by searching the constructors of torch, numpy, torchvision, Lightning, Optuna and scipy for
# calls that run commands, load code, or read or write files; then Python itself.
MACHINE = [
    "torch.distributed.elastic.multiprocessing.subprocess_handler.SubprocessHandler",
    "torch.distributed.elastic.multiprocessing.subprocess_handler.subprocess_handler.SubprocessHandler",
    "torch.distributed.elastic.multiprocessing.api.DefaultLogsSpecs",
    "torch.distributed.elastic.multiprocessing.api.MultiprocessContext",
    "torch.distributed.elastic.multiprocessing.errors.ProcessFailure",
    "torch.distributed.elastic.rendezvous.etcd_server.EtcdServer",
    "torch.distributed.elastic.timer.file_based_local_timer.FileTimerServer",
    "torch.distributed.FileStore",
    "torch.distributed.TCPStore",
    "torch.distributed.checkpoint.FileSystemWriter",
    "torch.distributed.debug._frontend.FrontendServer",
    "torch.cuda.memory.CUDAPluggableAllocator",
    "torch.cuda.CUDAPluggableAllocator",
    "torch.xpu.memory.XPUPluggableAllocator",
    "torch.cuda.gds.GdsFile",
    "torch.package.PackageImporter",
    "torch.package.PackageExporter",
    "torch.export.pt2_archive._package.PT2ArchiveWriter",
    "torch.export.pt2_archive._package.PT2ArchiveReader",
    "torch.serialization._open_file",
    "torch.PyTorchFileWriter",
    "torch._C.PyTorchFileWriter",
    "torch.backends.xeon.run_cpu._CPUinfo",
    "torch.utils.tensorboard.SummaryWriter",
    "torch.utils.tensorboard.writer.FileWriter",
    "torch.utils.cpp_extension.BuildExtension",
    "torch.utils.benchmark.utils.valgrind_wrapper.timer_interface.GlobalsBridge",
    "torch.utils.data.dataloader._MultiProcessingDataLoaderIter",
    "torch.fx.GraphModule",
    "torch.multiprocessing.spawn.SpawnContext",
    "torch.profiler.profile",
    "numpy.memmap",
    "numpy._core.memmap.memmap",
    "numpy.lib.npyio.DataSource",
    "numpy.lib.npyio.NpzFile",
    "numpy.distutils.misc_util.Configuration",
    "scipy.io.FortranFile",
    "scipy.io.netcdf_file",
    "scipy.odr.ODR",
    "torchvision.io.VideoReader",
    "torchvision.datasets.LSUN",
    "torchvision.datasets.lsun.LSUNClass",
    "lightning.pytorch.cli.LightningCLI",
    "pytorch_lightning.cli.LightningCLI",
    "pytorch_lightning.cli.SaveConfigCallback",
    "pytorch_lightning.serve.ServableModuleValidator",
    "pytorch_lightning.demos.mnist_datamodule.MNISTDataModule",
    "pytorch_lightning.demos.transformer.WikiText2",
    "pytorch_lightning.strategies.DeepSpeedStrategy",
    "lightning_fabric.plugins.environments.LSFEnvironment",
    "lightning_fabric.loggers.csv_logs._ExperimentWriter",
    "lightning_fabric.plugins.precision.utils._ClassReplacementContextManager",
    "optuna.storages.RDBStorage",
    "optuna.storages.JournalStorage",
    "optuna.storages.journal.JournalFileBackend",
    "optuna.artifacts.FileSystemArtifactStore",
    "hpsearch.engines.local.LocalEngine",
    "subprocess.Popen",
    "tempfile.NamedTemporaryFile",
    "logging.FileHandler",
    "zipfile.ZipFile",
    "ctypes.CDLL",
]

PLAIN = [
    "torch.nn.ReLU",
    "torch.nn.modules.activation.ReLU",
    "torch.nn.CrossEntropyLoss",
    "torch.optim.Adam",
    "torch.optim.lr_scheduler.StepLR",
    "torch.utils.data.DataLoader",
    "torch.utils.data.ConcatDataset",
    "torch.distributions.Normal",
    "torch.Generator",
    "torch.Tensor",
    "torchvision.transforms.Compose",
    "torchvision.transforms.v2.RandomCrop",
    "torchvision.datasets.FakeData",
    "torchvision.ops.StochasticDepth",
    "torchvision.models.ResNet",
    "torchmetrics.Accuracy",
    "torchmetrics.MetricCollection",
    "numpy.random.PCG64",
    "pathlib.Path",
    "pytorch_lightning.callbacks.EarlyStopping",
    "pytorch_lightning.loggers.CSVLogger",
    "optuna.samplers.TPESampler",
    "optuna.pruners.MedianPruner",
    "hpsearch.models.OneCycle",
    "hpsearch.data.ImageData",
]


class Scaler:
    """A class of the study's own."""


class Standard(Scaler):
    """One of its kind."""


def load(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("path", MACHINE)
def test_a_class_that_reaches_into_the_machine_is_refused_from_the_text(path: str) -> None:
    assert path in (forbidden_reason(path) or "")


@pytest.mark.parametrize("path", ["torch.relu", "torch.nn.functional.gelu"])
def test_functions_of_torch_that_only_compute_are_open(path: str) -> None:
    assert forbidden_reason(path) is None


@pytest.mark.parametrize("path", ["torch.load", "torch.from_file", "torch.hub.load", "numpy.load"])
def test_other_functions_are_not(path: str) -> None:
    assert path in (forbidden_reason(path) or "")


def test_there_are_at_least_forty_of_them() -> None:
    assert len(MACHINE) >= 40


@pytest.mark.parametrize("path", PLAIN)
def test_what_trainings_are_made_of_may_be_built_anywhere(path: str) -> None:
    assert forbidden_reason(path) is None
    assert why_not_buildable(load(path), None, ()) is None


def test_a_refusal_says_which_parts_of_the_library_are_open() -> None:
    assert forbidden_reason("numpy.memmap") == (
        "a study file may not name numpy.memmap: of numpy only public classes of random may be"
        " named; use it in your own class"
    )
    assert forbidden_reason("scipy.io.netcdf_file") == (
        "a study file may not name scipy.io.netcdf_file: no class of scipy may be named; use it"
        " in your own class"
    )


@pytest.mark.parametrize(
    ("hint", "allowed"),
    [
        (Scaler, True),
        (Scaler | None, True),
        (Sequence[Scaler], True),
        (dict[str, int | Scaler], True),
        (Callable[..., Scaler], True),
        (torch.nn.Module, False),
        (None, False),
        (Any, False),
        (object, False),
        (Iterable, False),
        (int, False),
    ],
)
def test_of_other_packages_only_the_kind_that_the_place_asks_for(hint: Any, allowed: bool) -> None:
    assert (why_not_buildable(Standard, hint, ()) is None) is allowed


def test_a_class_of_the_study_itself_may_be_built_anywhere() -> None:
    own = {Standard.__module__.partition(".")[0]}
    assert why_not_buildable(Standard, None, own) is None


def test_a_type_does_not_open_a_library_that_is_closed() -> None:
    assert "numpy.memmap" in str(why_not_buildable(np.memmap, np.ndarray, ()))


def test_the_reasons_say_what_to_do() -> None:
    name = f"{Standard.__module__}.Standard"
    assert why_not_buildable(Standard, torch.nn.Module, ()) == f"{name} is not a Module"
    assert why_not_buildable(Standard, None, ()) == (
        f"{name} may not be built for an argument without a type, which allows only network"
        " modules, losses, metrics, transforms, data sets, optimizers, schedules, callbacks,"
        " loggers;"
        " give the argument a type in your own class, or build it in a class of your own"
    )


def scaler() -> Scaler:
    return Scaler()


def anything():  # type: ignore[no-untyped-def]
    return Scaler()


@pytest.mark.parametrize(
    ("function", "hint", "allowed"),
    [
        (torch.relu, None, True),
        (torch.nn.functional.gelu, None, True),
        (torch.nn.functional.relu, Callable[..., Any], True),
        (torch.nn.init.kaiming_normal_, None, True),
        (torchvision.models.resnet18, None, True),
        (scaler, Scaler, True),
        (scaler, None, False),
        (anything, Scaler, False),
        (torch.from_file, None, False),
        (torch.load, torch.nn.Module, False),
        (torch.hub.load, torch.nn.Module, False),
        (exec, None, False),
    ],
)
def test_functions_may_be_named_where_they_just_compute_or_say_what_they_make(
    function: Any, hint: Any, allowed: bool
) -> None:
    assert (why_not_buildable(function, hint, ()) is None) is allowed
