"""Classes as other people write them are checked, built and trained from a study file alone."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from desk import job as job_in
from desk import run

from hpsearch.classes.check import check_components
from hpsearch.protocol.job import Placement
from hpsearch.protocol.messages import Started
from hpsearch.studyfile.read import read_parsed
from hpsearch.studyfile.study import StudySpec
from hpsearch.trial.probes.probe import probe
from hpsearch.trial.rehearsal import rehearsal_failure
from hpsearch.trial.trained_model import build
from hpsearch.trial.training import build_data, build_module, prepare

CLASSES = '''
import enum
from collections.abc import Callable, Iterable

import pytorch_lightning as pl
import torch
from pytorch_lightning.cli import LightningCLI
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Act(enum.Enum):
    TANH = "tanh"
    RELU = "relu"


def build(width):
    """A factory that does not say what it returns."""
    return nn.Linear(4, width)


class Steps(pl.LightningModule):
    def training_step(self, batch, batch_idx):
        return self.net(batch[0]).square().mean()

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self.net(batch[0]).square().mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Kwargs(Steps):
    """Reads its hyperparameters from **kwargs, as a public template does."""

    def __init__(self, lr=0.01, **kwargs):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Linear(4, self.hparams.outputs)


class KwargsRows(pl.LightningDataModule):
    def __init__(self, num_workers=0, **kwargs):
        super().__init__()
        self.kwargs = kwargs

    def train_dataloader(self):
        return DataLoader(TensorDataset(torch.ones(32, 4)), self.kwargs["batch_size"])

    val_dataloader = train_dataloader


class Base(pl.LightningDataModule):
    def __init__(self, dataset_class, batch_size=16, **kwargs):
        super().__init__()
        self.dataset_class, self.batch_size = dataset_class, batch_size

    def train_dataloader(self):
        return DataLoader(self.dataset_class(torch.ones(32, 4)), self.batch_size)

    val_dataloader = train_dataloader


class Rows(Base):
    """Fixes what its base asks for."""

    def __init__(self, batch_size=16, **kwargs):
        super().__init__(TensorDataset, batch_size, **kwargs)
        self.save_hyperparameters("batch_size")

    def setup(self, stage=None):
        self.num_labels = 3


class Enumerated(Steps):
    def __init__(self, act: Act = Act.TANH):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 2), nn.ReLU() if act is Act.RELU else nn.Tanh())


class Hydra(Steps):
    """A network and factories of what is built from it, as a public template has them."""

    def __init__(
        self,
        net: nn.Module,
        optimizer: torch.optim.Optimizer = torch.optim.Adam,
        scheduler: torch.optim.lr_scheduler = None,
        compile: bool = False,
    ):
        super().__init__()
        self.net, self.optimizer, self.scheduler = net, optimizer, scheduler

    @classmethod
    def from_width(cls, width):
        return cls(nn.Linear(4, width))

    def configure_optimizers(self):
        optimizer = self.optimizer(params=self.parameters())
        if self.scheduler is None:
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": self.scheduler(optimizer=optimizer)}


class Typed(Hydra):
    def __init__(self, net: nn.Module, optimizer: type[torch.optim.Optimizer] = torch.optim.Adam):
        super().__init__(net, optimizer)


class Sized(Steps):
    """Gets what only the data know, and the batch size too."""

    def __init__(
        self,
        n_classes: int,
        batch_size: int = 16,
        optimizer: Callable[[Iterable], torch.optim.Optimizer] = torch.optim.SGD,
    ):
        super().__init__()
        self.save_hyperparameters(ignore=["optimizer"])
        self.net, self.optimizer = nn.Linear(4, n_classes), optimizer

    def configure_optimizers(self):
        return self.optimizer(self.parameters())


class Sourced(Steps):
    """Takes the data module itself."""

    def __init__(self, datamodule):
        super().__init__()
        self.net = nn.Linear(4, datamodule.num_labels)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Own(Steps):
    """Has loaders of its own."""

    def __init__(self, width: int = 2):
        super().__init__()
        self.net = nn.Linear(4, width)

    def train_dataloader(self):
        return DataLoader(TensorDataset(torch.ones(32, 4)), 8)

    val_dataloader = train_dataloader


class Lazy(Own):
    """Takes its sizes from its first batch."""

    def __init__(self):
        super().__init__()
        self.net = nn.LazyLinear(2)


class Unvalidated(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(4, 2)

    training_step, configure_optimizers = Steps.training_step, Steps.configure_optimizers
    train_dataloader = val_dataloader = Own.train_dataloader


class Refusing(Own):
    def __init__(self, width: int):
        if width > 4:
            raise ValueError(f"{width} is too wide")
        super().__init__(width)


class MyCLI(LightningCLI):
    def add_arguments_to_parser(self, parser):
        parser.set_defaults({"trainer.max_epochs": 1})
        parser.link_arguments("data.batch_size", "model.batch_size")
        parser.link_arguments(
            "data.num_labels", "model.n_classes", lambda labels: labels + 1, apply_on="instantiate"
        )


class Whole(MyCLI):
    """Knows its optimizer, its schedule and a callback too."""

    def add_arguments_to_parser(self, parser):
        super().add_arguments_to_parser(parser)
        parser.add_optimizer_args(torch.optim.SGD)
        parser.add_lr_scheduler_args(torch.optim.lr_scheduler.StepLR)
        parser.add_lightning_class_args(pl.callbacks.EarlyStopping, "early_stopping")
        parser.set_defaults({"early_stopping.monitor": "val_loss"})
        parser.link_arguments("data.batch_size", "lr_scheduler.step_size")


def main():
    MyCLI(Sized, datamodule_class=Rows)
'''
HEAD = "study: {name: s, objective: {val_loss: minimize}, trials: 2}\ntrainer: {max_epochs: 1}\n"
ROWS = "data: {class_path: theirs.Rows, init_args: {batch_size: 8}}\n"
LINEAR = "net: {class_path: torch.nn.Linear, init_args: {in_features: 4, out_features: 2}}"


@pytest.fixture(autouse=True)
def theirs(tmp_path: Path) -> Any:
    (tmp_path / "theirs.py").write_text(CLASSES)
    yield
    sys.modules.pop("theirs", None)


def read(folder: Path, text: str) -> StudySpec:
    (folder / "s.yaml").write_text(HEAD + text)
    parsed = read_parsed(folder / "s.yaml")
    assert [*map(str, parsed.diagnostics)] == []
    assert [*map(str, check_components(parsed))] == []
    return StudySpec.from_parsed(parsed)


def job_of(spec: StudySpec, folder: Path, **values: Any) -> Any:
    params = {name.replace("__", "."): value for name, value in values.items()}
    config = spec.space.sample(lambda name, d: params.setdefault(name, d.bounds()[0]))
    return spec.job(0, params, config, Placement(folder))


@pytest.mark.parametrize(
    "text",
    [
        "model: {class_path: theirs.Kwargs, init_args: {outputs: 2, lr: '~float(0.01, 0.1)'}}\n"
        "data: {class_path: theirs.KwargsRows, init_args: {batch_size: 16}}",
        "model: {class_path: theirs.Kwargs, dict_kwargs: {outputs: 2}}\n" + ROWS,
        "model: {class_path: theirs.Enumerated, init_args: {act: '~choice(tanh, relu)'}}\n" + ROWS,
        "model: {class_path: theirs.Hydra.from_width, init_args: {width: '~int(2, 8)'}}\n" + ROWS,
        f"model: {{class_path: theirs.Typed, init_args: {{{LINEAR}, "
        "optimizer: '~choice(torch.optim.Adam, torch.optim.SGD)'}}\n" + ROWS,
        "model: {class_path: theirs.Hydra, init_args: {net: {class_path: theirs.build, "
        "init_args: {width: '~int(2, 8)'}}}}\n" + ROWS,
        f"model: {{class_path: theirs.Typed, init_args: {{{LINEAR}, optimizer: {{"
        "class_path: functools.partial, init_args: {func: torch.optim.Adam, "
        "lr: '~float(0.01, 0.1)'}}}}\n" + ROWS,
        f"model: {{class_path: theirs.Hydra, init_args: {{{LINEAR}, compile: false, optimizer: {{"
        "class_path: torch.optim.SGD, init_args: {lr: '~float(0.01, 0.1)'}}, scheduler: {"
        "class_path: torch.optim.lr_scheduler.StepLR, init_args: {step_size: 1}}}}\n" + ROWS,
        "model: {class_path: theirs.Sized, from_data: {n_classes: num_labels}, "
        "init_args: {batch_size: '~ref(data.batch_size)'}}\n" + ROWS.replace("8", "'~int(4, 8)'"),
        "model: {class_path: theirs.Hydra, init_args: {net: {class_path: torch.nn.Linear, "
        "init_args: {in_features: 4}, from_data: {out_features: num_labels}}}}\n" + ROWS,
        "model: {class_path: theirs.Sourced, from_data: {datamodule: self}}\n" + ROWS,
        "cli: theirs.MyCLI\nmodel: {optimizer: {class_path: torch.optim.Adam, init_args: {"
        "lr: '~float(0.01, 0.1)'}}}\ndata: {batch_size: '~int(4, 8)'}",
    ],
    ids=[
        "kwargs",
        "dict_kwargs",
        "enum",
        "class-method",
        "type",
        "factory",
        "partial",
        "hydra",
        "from_data",
        "from_data-within",
        "from_data-itself",
        "cli",
    ],
)
def test_a_class_is_checked_and_trains(tmp_path: Path, text: str) -> None:
    measured = probe(job_of(read(tmp_path, text), tmp_path))
    assert measured.get("failure") is None
    assert "val_loss" in measured["metrics"]


@pytest.mark.parametrize(("word", "layer"), [("tanh", "Tanh"), ("relu", "ReLU"), ("RELU", "ReLU")])
def test_each_word_of_an_enum_builds_another_network(tmp_path: Path, word: str, layer: str) -> None:
    text = f"model: {{class_path: theirs.Enumerated, init_args: {{act: {word}}}}}\n{ROWS}"
    job = job_of(read(tmp_path, text), tmp_path)
    job = prepare(job)
    assert type(build_module(job, build_data(job)).net[1]).__name__ == layer


def test_an_anchor_gives_model_and_data_one_batch_size(tmp_path: Path) -> None:
    text = (
        "model: {class_path: theirs.Sized, init_args: {n_classes: 2, batch_size: &b "
        "'~choice(4, 8, 16)'}}\ndata: {class_path: theirs.Rows, init_args: {batch_size: *b}}"
    )
    spec = read(tmp_path, text)
    assert (list(spec.space.parameters), spec.space.size()) == (["model.batch_size"], 3)
    job = job_of(spec, tmp_path, model__batch_size=16)
    job = prepare(job)
    data = build_data(job)
    assert data.batch_size == build_module(job, data).hparams.batch_size == 16
    assert probe(job).get("failure") is None  # both save it, and Lightning finds them equal


def test_links_of_a_cli_class_are_followed(tmp_path: Path) -> None:
    job = job_of(read(tmp_path, "cli: theirs.MyCLI\ndata: {batch_size: 4}\nmodel: {}"), tmp_path)
    job = prepare(job)
    data = build_data(job)
    module = build_module(job, data)
    assert (module.hparams.batch_size, module.hparams.n_classes) == (4, 4)


def test_a_trained_model_is_built_from_the_folder_of_its_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an ensemble does, in a process that has imported nothing of the study."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "theirs.py").rename(tmp_path / "elsewhere.py")
    config = {"model": {"class_path": "elsewhere.Own"}, "trainer": {"max_epochs": 1}}
    module, data = build(replace(job_in(tmp_path), config=config, import_paths=(str(tmp_path),)))
    assert (type(module).__name__, data) == ("Own", None)
    del sys.modules["elsewhere"]


def test_a_model_of_lazy_layers_trains_and_its_size_is_known_at_the_end(tmp_path: Path) -> None:
    job = job_of(read(tmp_path, "model: {class_path: theirs.Lazy}"), tmp_path / "trial")
    assert probe(job)["parameters"] == 10
    desk = run(job)
    assert isinstance(desk.heard[0], Started)
    assert "parameters" not in desk.heard[0].facts
    assert desk.ended.facts["parameters"] == 10


@pytest.mark.filterwarnings("ignore:You passed in a `val_dataloader`")
def test_a_module_that_does_not_validate_is_told_apart_from_missing_data(tmp_path: Path) -> None:
    job = job_of(read(tmp_path, "model: {class_path: theirs.Unvalidated}"), tmp_path)
    words = "nothing is validated, since Unvalidated has no validation_step. Log it with self.log("
    assert words in probe(job)["failure"]


def test_a_trial_has_the_optimizer_schedule_and_callbacks_of_a_cli_class(tmp_path: Path) -> None:
    text = (
        "cli: theirs.Whole\nmodel: {}\ndata: {batch_size: 4}\noptimizer: {lr: 0.5}\n"
        "early_stopping: {patience: '~int(1, 3)'}\nlr_scheduler: {gamma: 0.9}"
    )
    job = job_of(read(tmp_path, text), tmp_path / "trial")
    assert rehearsal_failure(job) is None
    assert run(job).ended.how == "complete"
    kept = torch.load(tmp_path / "trial" / "last.ckpt", weights_only=True)
    (optimizer,), (schedule,) = kept["optimizer_states"], kept["lr_schedulers"]
    assert optimizer["param_groups"][0]["initial_lr"] == 0.5
    assert (schedule["step_size"], schedule["gamma"]) == (4, 0.9)
    (stopping,) = [kept["callbacks"][key] for key in kept["callbacks"] if "EarlyStopping" in key]
    assert stopping["patience"] == 1


def test_what_follows_from_data_that_lack_it_is_reported(tmp_path: Path) -> None:
    text = f"model: {{class_path: theirs.Sized, from_data: {{n_classes: labels}}}}\n{ROWS}"
    words = "model.from_data: Rows has no attribute 'labels' after setup('fit')"
    assert words in probe(job_of(read(tmp_path, text), tmp_path))["failure"]


def test_a_constructor_that_refuses_a_value_makes_the_setting_infeasible(tmp_path: Path) -> None:
    spec = read(tmp_path, "model: {class_path: theirs.Refusing, init_args: {width: '~int(2, 8)'}}")
    refused = probe(job_of(spec, tmp_path, model__width=8))
    assert (refused["failure"], refused["kind"]) == ("ValueError: 8 is too wide", "infeasible")
    assert probe(job_of(spec, tmp_path)).get("failure") is None


@pytest.mark.parametrize("lr", ["0.1", "'~float(1e-4, 1e-1)'"])
def test_a_choice_over_a_class_path_ends_with_what_to_write(tmp_path: Path, lr: str) -> None:
    (tmp_path / "s.yaml").write_text(
        HEAD + "model: {class_path: theirs.Own}\noptimizer:\n  ~choice:\n"
        f"    class_path: torch.optim.Adam\n    init_args: {{lr: {lr}}}\n"
    )
    (fault,) = read_parsed(tmp_path / "s.yaml").diagnostics
    assert "each branch needs a name: put a word such as 'one:' above class_path" in fault.message
