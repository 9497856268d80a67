"""`hpsearch init`: a first study file, which passes `check` unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from fault_score import FULL, left_out

from hpsearch.classes.components import importing_from
from hpsearch.classes.project import data_beside, model_in
from hpsearch.cli import main
from hpsearch.errors import InputError
from hpsearch.measure.draft import Draft, Origin, habit, objective_among, read_configuration
from hpsearch.measure.draft.configuration import from_hydra
from hpsearch.measure.draft.habits import changes_measure, is_batch_size, is_off
from hpsearch.measure.draft.searchable import searchable
from hpsearch.measure.draft.sections import note_on_program, sections_of
from hpsearch.studyfile.read import read_sections, read_study
from hpsearch.views.draft import draft_notes

ROOT = Path(__file__).parent.parent
SHAPES = ROOT / "tests" / "shapes"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "default", "expression"),
    [
        ("lr", 0.01, "~float(0.001, 0.1, log=True)"),
        ("learning_rate", None, "~float(0.0001, 0.01, log=True)"),
        ("lr", 0.5, "~float(0.05, 1, log=True)"),
        ("weight_decay", 0.0, "~float(1e-6, 0.01, log=True)"),
        ("attention_dropout", 0.1, "~float(0.0, 0.5)"),
        ("momentum", 0.9, "~float(0.8, 0.99)"),
        ("batch_size", 32, "~choice(16, 32, 64)"),
        ("hidden_size", 64, "~int(16, 256, log=True)"),
        ("width", 2, "~int(1, 8, log=True)"),
        ("num_layers", 2, "~int(1, 4)"),
        ("kernel_size", 5, "~choice(3, 5, 7)"),
        ("num_heads", 4, "~choice(2, 4, 8)"),
        ("channels", (16, 32), ["~int(4, 64, log=True)", "~int(8, 128, log=True)"]),
        # Of these, people search none by habit.
        ("input_dim", 784, None),
        ("in_channels", 3, None),
        ("num_classes", 10, None),
        ("n_features", None, None),
        ("n_num_features", 5, None),
        ("use_dropout", True, None),
        ("window", 8, None),
        ("per_device_eval_batch_size", None, None),
        ("hidden", "auto", None),
        ("lr_scheduler", None, None),
        ("lr_decay_steps", 100, None),
        ("hidden_act", None, None),
        ("channels", [0.5, 1.0], None),
        ("T", 4.0, "~float(1, 16, log=True)"),
        ("T", 1000, None),
        ("temperature", 0.1, "~float(0.025, 0.4, log=True)"),
        ("alpha", 0.5, "~float(0.125, 0.75, log=True)"),
        ("tau", 0.005, "~float(0.00125, 0.02, log=True)"),
        ("gamma", 0.99, "~float(0.9, 0.999)"),
        ("gamma", 2.0, "~float(0.5, 8, log=True)"),
        ("beta", 0.9, "~float(0.5, 0.99)"),
        ("lambda_l1", 100.0, "~float(25, 400, log=True)"),
        ("kl_weight", 1.0, "~float(0.25, 4, log=True)"),
        ("weight_kl", 0.0, None),
        ("margin", None, None),
        ("lr_gamma", 0.1, None),
        ("T_max", 50, None),
        ("weights", "imagenet", None),
        # The default is in its range.
        ("momentum", 0.0, "~float(0, 0.99)"),
        ("label_smoothing", 0.3, "~float(0.0, 0.3)"),
        ("kernel_size", 9, "~choice(5, 9, 19)"),
        ("lr", 10, "~float(1, 10, log=True)"),
        ("weight_decay", 1e-7, "~float(1e-07, 0.01, log=True)"),
        ("n_layers", 0, None),
        ("start_lr", 0.0, None),
        # The same thing has many names.
        ("n_embd", 64, "~int(16, 256, log=True)"),
        ("n_layer", 2, "~int(1, 4)"),
        ("n_factors", 40, "~int(10, 160, log=True)"),
        ("attn_pdrop", 0.1, "~float(0.0, 0.5)"),
        ("drop_path_rate", 0.1, "~float(0.0, 0.5)"),
        ("mlp_dims", [8, 4], ["~int(2, 32, log=True)", "~int(1, 16, log=True)"]),
        ("lora_rank", 8, "~choice(4, 8, 16)"),
        ("r", 1, "~choice(1, 2)"),
        ("n_neighbors", 20, "~choice(10, 20, 40)"),
        ("lr_output", 0.1, "~float(0.01, 1, log=True)"),
        # And similar names mean other things.
        ("min_lr", 1e-6, None),
        ("lr_reduce_factor", 0.5, None),
        ("bn_momentum", 0.1, None),
        ("base_momentum", 0.9, None),
        ("trainable_backbone_layers", 3, None),
        ("num_nodes", 1, None),
        ("obs_dim", 4, None),
        ("n_channels", 3, None),
        ("r", 0.5, None),
        ("rank", 0, None),
        ("local_rank", -1, None),
        ("rank", None, None),
        ("dim_mults", (1, 2, 4), None),
    ],
)
def test_a_range_follows_from_the_name_and_the_default(
    name: str, default: Any, expression: Any
) -> None:
    assert habit(name, default) == expression


def test_what_heads_divide_is_divisible_by_each_of_them() -> None:
    assert habit("heads", 2) == "~choice(1, 2, 4)"
    assert habit("width", 8, beside=["heads"]) == "~choice(4, 8, 16)"


@pytest.mark.parametrize(
    ("metrics", "objective"),
    [
        (["train_loss", "val_acc", "val_loss"], ("val_acc", "maximize")),
        (["train_acc", "val_loss"], ("val_loss", "minimize")),
        (["train/loss", "val/loss", "val/kl"], ("val/loss", "minimize")),
        (["loss"], ("loss", "minimize")),
        (["f1", "acc_train"], ("f1", "maximize")),
        (["reward", "total_reward"], ("total_reward", "maximize")),
        (["d_loss", "g_loss", "fid"], ("fid", "minimize")),
        (["val_loss", "val_cer", "train_cer"], ("val_cer", "minimize")),
        (["boundary_loss", "total_loss"], ("total_loss", "minimize")),
        (["val_box_loss", "val_loss", "val_loss_epoch"], ("val_loss", "minimize")),
        (["val_map", "val_loss"], ("val_map", "maximize")),
        (["val_mape"], ("val_mape", "minimize")),
        (["val_BinaryF1Score", "val_loss"], ("val_BinaryF1Score", "maximize")),
        (["val_dice_loss", "val_ce"], ("val_dice_loss", "minimize")),
        (["elbo", "kl", "reconstruction"], ("reconstruction", "minimize")),
        (["val_elbo", "train_loss"], ("val_elbo", None)),
    ],
)
def test_the_objective_is_a_measure_of_the_validation(
    metrics: list[str], objective: tuple[str, str | None]
) -> None:
    assert objective_among(metrics) == objective


PROJECTS = {
    "adversarial": ["adversarial.Adversaries"],
    "callbacks": ["callbacks.OfMappings", "--data", "callbacks.Mappings"],
    "feeding": ["feeding"],
    "series": ["series.Forecaster"],
    "transformer": ["transformer.FineTuned"],
    "unet": ["unet"],
    "vae": ["vae.Vae"],
}
ALWAYS = ("feeding", "transformer")


@pytest.mark.parametrize(
    "project",
    [
        pytest.param(
            name,
            marks=[] if FULL or name in ALWAYS else pytest.mark.skip(left_out(f"init of {name}")),
        )
        for name in PROJECTS
    ],
)
def test_check_passes_unchanged(folder: Path, project: str) -> None:
    assert main(["init", *PROJECTS[project], "-o", "study.yaml"]) == 0
    assert main(["check", "study.yaml", "--devices", "cpu:1"]) == 0
    assert read_study("study.yaml").space.parameters, "something is searched"


def test_the_file_says_what_it_searches_and_what_it_could(folder: Path) -> None:
    assert main(["init", "transformer.FineTuned"]) == 0
    assert Path("fine-tuned.yaml").read_text() == (
        """\
# transformer.FineTuned on transformer.Corpus, written by hpsearch init.
# A value that begins with ~ is searched: ~int(low, high), ~float(low, high), ~choice(a, b).
#   hpsearch check fine-tuned.yaml
#   hpsearch run fine-tuned.yaml
study:
  name: fine-tuned
  objective: {val_acc: maximize}            # logged too: val_loss
  trials: 20
  seed: 1
  # scheduler: promote    # trials pause, and the best continue; or hyperband, asha, median, none
  # sampler: rungs        # or tpe, random, grid, qmc, gp, cmaes
  # timeout: 2h           # with trials, or in their place
model:
  class_path: transformer.FineTuned
  init_args:
    width: ~choice(4, 8, 16)                # now 8
    heads: ~choice(1, 2, 4)                 # now 2
    lr: ~float(0.0001, 0.01, log=True)      # now 0.001
    # warmup: 2
data:
  class_path: transformer.Corpus
trainer:
  max_epochs: 10
"""
    )


def test_a_configuration_of_lightning_cli_keeps_what_it_says(folder: Path) -> None:
    config = {
        "seed_everything": True,
        "trainer": {"max_epochs": 3, "gradient_clip_val": 1.0, "limit_val_batches": None},
        "model": {"class_path": "series.Forecaster", "init_args": {"hidden": 8, "lr": 0.02}},
        "data": {"class_path": "series.Waves", "init_args": {"window": 4, "batch_size": 16}},
        "optimizer": None,
        "ckpt_path": None,
    }
    Path("config.yaml").write_text(yaml.safe_dump(config))
    assert main(["init", "--from", "config.yaml"]) == 0

    written = read_study("forecaster.yaml")
    assert written.document["model"]["init_args"] == {
        "hidden": "~int(2, 32, log=True)",
        "lr": "~float(0.002, 0.2, log=True)",
    }
    assert written.document["data"]["init_args"] == {
        "window": 4,
        "batch_size": "~choice(8, 16, 32)",
    }
    assert written.document["trainer"] == {"max_epochs": 3, "gradient_clip_val": 1.0}
    assert dict(written.objectives) == {"val_mse": "minimize"}


HALF_BROKEN = """
from typing import Literal
import feeding
import torch
from torch.utils.data import DataLoader, Subset

class Rows(feeding.Feed):
    def __init__(self, folder: str, batch_size: int = 8, rows: Literal["all", "some"] = "all"):
        super().__init__()
        self.rows = {"all": feeding.ROWS, "some": 8}[rows]

    def val_dataloader(self):
        return DataLoader(Subset(self.source, range(self.rows)), 8)

class Net(feeding.Fed):
    def __init__(self, lr: float, layers: int = 1, heads: int = 2):
        super().__init__(lr=lr)
        self.grown = torch.nn.Linear(4, 4 if layers == 1 else 5)

    def training_step(self, batch, batch_idx):
        self.grown(torch.ones(4)) @ torch.ones(4)
        return super().training_step(batch, batch_idx)

    def validation_step(self, batch, batch_idx):
        self.log("quality", 1.0)
"""
LOOSE = """
import feeding
import torch

class Rows(feeding.Feed):
    size = 4

class Net(feeding.Fed):
    def __init__(self, **kwargs):
        super().__init__()
        self.save_hyperparameters()
        self.lr = (saved := self.hparams).step_size

class Named(feeding.Fed):
    def __init__(self, width):
        super().__init__()
        self.wdith

class Blind(feeding.Fed):
    def training_step(self, batch, batch_idx):
        raise RuntimeError("\x1b[91mno gradient\x1b[0m")

class Sized(feeding.Fed):
    def __init__(self, width):
        super().__init__()
        torch.zeros(3) @ torch.zeros(width)

class Unsized(feeding.Fed):
    def __init__(self, size=None):
        super().__init__()
        1 / (size or 0)

class Smooth(feeding.Fed):
    def __init__(self, lr=0.01, label_smoothing=0.0, alpha: float = 1, encoder_lr=None):
        super().__init__(lr=lr)
"""
PRINTED = """
seed_everything: 7
trainer: {accelerator: gpu, devices: 1, max_epochs: -1, deterministic: false}
model: {class_path: half_broken.Net, init_args: {layers: 1}}
data: {class_path: half_broken.Rows, init_args: {folder: here}}
test_after: true
"""


LIGHTNING = "import pytorch_lightning as pl\n"


@pytest.fixture
def half_broken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(folder))
    Path("half_broken.py").write_text(HALF_BROKEN)
    Path("loose.py").write_text(LOOSE)
    Path("rows.py").write_text(f"{LIGHTNING}class Rows(pl.LightningDataModule): ...\n")
    Path("alone.py").write_text(f"{LIGHTNING}class Alone(pl.LightningModule): ...\n")
    Path("parts.yml").write_text("defaults: [_self_, {model: net}]\n")
    Path("open.yml").write_text(OPEN.replace("/rows", "${paths.rows}").replace("8", "${w:}"))


@pytest.mark.usefixtures("half_broken")
def test_what_does_not_train_is_left_out_and_a_guess_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["init", "half_broken.Net", "--set", "data.folder=here"]) == 0
    text = Path("net.yaml").read_text()
    guess = "if more is better, write {quality: maximize}"
    assert f"objective: {{quality: minimize}}            # {guess}\n" in text
    assert capsys.readouterr().out.splitlines()[:2] == [
        "wrote net.yaml",
        f"note: its objective is to be minimized, which is a guess: {guess}",
    ]
    assert "layers: 1  " in text
    assert "# not every value of ~int(1, 3) can be trained and compared" in text
    assert "# not every value of ~choice(all, some) can be trained and compared" in text
    assert "lr: ~float(0.0001, 0.01, log=True)      # it has no default" in text
    assert set(read_study("net.yaml").space.parameters) == {
        "model.lr",
        "model.heads",
        "data.batch_size",
    }


@pytest.mark.usefixtures("half_broken")
def test_what_changes_the_objective_itself_is_not_searched() -> None:
    assert main(["init", "loose.Smooth"]) == 0
    text = Path("smooth.yaml").read_text()
    why = "# another value may change val_loss, not the model alone\n"
    assert f"label_smoothing: 0.0                    {why}" in text
    assert f"alpha: 1.0                              {why}" in text
    assert set(read_study("smooth.yaml").space.parameters) == {"model.lr"}
    for name in ("label_smoothing", "lambda_l1", "T", "kl_weight"):
        assert changes_measure(name, "val/NLL")
        assert not changes_measure(name, "val_accuracy")
    assert not changes_measure("weight_decay", "val_loss")


def test_of_the_data_the_batches_of_the_training_are_searched() -> None:
    names = ["batch_size", "train_batch_size", "per_device_train_batch_size", "val_batch_size"]
    assert [*filter(is_batch_size, [*names, "max_batch_size"])] == names[:3]


@pytest.mark.usefixtures("half_broken")
def test_a_learning_rate_that_null_turns_off_stays_off_and_is_named() -> None:
    assert main(["init", "loose.Smooth"]) == 0
    assert "    # encoder_lr: null\n" in Path("smooth.yaml").read_text()
    assert not any(is_off(name, None) for name in ("lr", "base_lr", "initial_learning_rate"))
    assert all(is_off(name, None) for name in ("encoder_lr", "lr_min", "head_learning_rate"))
    assert not any(is_off(name, None) for name in ("width", "dropout"))
    assert not is_off("encoder_lr", 0.1)


TEMPLATE = """
from dataclasses import dataclass
import feeding
import torch
from pytorch_lightning.cli import LightningCLI

@dataclass
class Sizes:
    hidden: int = 8
    bias: bool = True

@dataclass
class Style:
    name: str = "plain"

class Rows(feeding.Feed):
    def __init__(self, batch_size: int = 8):
        super().__init__()
        self.classes_known = 2

class Program(LightningCLI):
    def add_arguments_to_parser(self, parser):
        parser.link_arguments("data.batch_size", "model.rows_at_once")

class Tuned(Program):
    def add_arguments_to_parser(self, parser):
        parser.add_optimizer_args(torch.optim.SGD)

class Hooked(Program):
    def before_instantiate_classes(self):
        self.config.model.depth = 3

    def before_fit(self): ...

class Inner(torch.nn.Module):
    def __init__(self, size: int, lin1: int = 8):
        super().__init__()

class Net(feeding.Fed):
    def __init__(
        self, net: torch.nn.Module, optimizer: torch.optim.Optimizer, classes_known: int,
        style: Style, depth: int = 2, batch_size: int = 8, rows_at_once: int = 8,
        max_epochs: int = 5,
        sizes: Sizes = Sizes(hidden=4, bias=False),
    ):
        super().__init__()
        assert isinstance(sizes, Sizes) and not sizes.bias and style == Style()
        assert classes_known == 2 and batch_size in (4, 8, 16)

def run():
    Program(Net, Rows)
"""
# Composed by Hydra, but not filled in.
OPEN = """
data: {_target_: net.Rows, folder: "/rows"}
model: {_target_: net.Net, width: "8"}
callbacks:
  saved: {_target_: pytorch_lightning.callbacks.ModelCheckpoint, dirpath: "${paths.output}"}
trainer:
  _target_: lightning.Trainer
  default_root_dir: "${paths.output}"
  gpus: 1
  max_epochs: 3
paths: {root: "${oc.env:PROJECT_ROOT}", output: "${hydra:runtime.output_dir}"}
"""
COMPOSED: dict[str, Any] = {
    "task_name": "train",
    "model": {
        "_target_": "template.Net",
        "net": {"_target_": "template.Inner", "size": 4, "lin1": 8},
        "optimizer": {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 0.01},
    },
    "data": {"_target_": "template.Rows"},
    "callbacks": {"early": {"_target_": "pytorch_lightning.callbacks.EarlyStopping"}},
    "trainer": {"_target_": "lightning.Trainer", "max_epochs": 3, "accelerator": "cpu"},
}


@pytest.fixture
def template(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(folder))
    Path("template.py").write_text(TEMPLATE)
    Path("config.yaml").write_text(yaml.safe_dump(COMPOSED, sort_keys=False))


@pytest.mark.usefixtures("template")
def test_a_configuration_of_hydra_is_read_and_its_inner_components_are_searched() -> None:
    assert main(["init", "--from", "config.yaml", "--set", "model.depth=1"]) == 0
    text = Path("net.yaml").read_text().partition("model:")[2]
    assert (
        text
        == """
  class_path: template.Net
  from_data:
    classes_known: classes_known            # an attribute of the data module
  init_args:
    net:
      class_path: template.Inner
      init_args:
        size: 4
        lin1: ~int(2, 32, log=True)         # now 8
    optimizer:
      class_path: torch.optim.Adam
      init_args:
        lr: ~float(0.001, 0.1, log=True)    # now 0.01
    depth: 1
    style:
      name: plain
    sizes:
      hidden: ~int(1, 16, log=True)         # now 4
      bias: false
    batch_size: ~ref(data.batch_size)       # now 8
    max_epochs: ~ref(trainer.max_epochs)    # now 5
    # rows_at_once: 8
data:
  class_path: template.Rows
  init_args:
    batch_size: ~choice(4, 8, 16)           # now 8
trainer:
  max_epochs: 3
"""
    )


@pytest.mark.usefixtures("half_broken")
def test_what_a_configuration_gives_to_kwargs_is_searched(folder: Path) -> None:
    given = {"class_path": "loose.Net", "init_args": {"lr": 0.01, "tag": "a"}}
    sections = {"model": given, "data": {"class_path": "loose.Rows"}}
    arguments, _ = searchable(sections_of(Origin(None, None, sections)))
    assert [(argument.path[-1], argument.text) for argument in arguments] == [
        ("lr", "~float(0.001, 0.1, log=True)")
    ]


@pytest.mark.usefixtures("half_broken")
def test_a_configuration_of_arguments_alone_is_for_the_classes_of_a_file(folder: Path) -> None:
    own = {"seed": 42, "model": {"lr": 0.01}, "data": {"folder": "here"}}
    changes = ["model.cfg.depth=1", "model.cfg.width=2"]
    tree = sections_of(Origin("half_broken.Net", None, from_hydra(own), changes))
    cfg = {"depth": 1, "width": 2}
    assert tree["model"] == {"class_path": "half_broken.Net", "init_args": {"lr": 0.01, "cfg": cfg}}
    assert tree["data"] == {"class_path": "half_broken.Rows", "init_args": {"folder": "here"}}
    assert "seed" not in tree


@pytest.mark.usefixtures("template")
def test_a_program_of_lightning_cli_names_classes_and_links_arguments() -> None:
    sections = {"model": {"net": "template.Inner"}, "cli": "template.Program"}
    tree = sections_of(Origin(None, None, sections, ["model.net=torch.nn.ReLU"]))
    tree["model"]["init_args"]["optimizer"] = "torch.optim.Adam"
    arguments, idle = searchable(tree)
    assert tree["model"]["class_path"] == "template.Net"
    assert [".".join(map(str, argument.path)) for argument in arguments] == [
        "model.init_args.optimizer.init_args.lr",
        "model.init_args.depth",
        "model.init_args.batch_size",
        "model.init_args.max_epochs",
        "model.init_args.sizes.hidden",
        "data.init_args.batch_size",
    ]
    assert idle == {}


@pytest.mark.usefixtures("template")
@pytest.mark.parametrize(
    ("program", "hooks"), [("Hooked", "before_instantiate_classes, before_fit"), ("Tuned", "")]
)
def test_what_a_program_of_lightning_cli_may_set_itself_is_named(program: str, hooks: str) -> None:
    note = note_on_program(Origin(None, None, {"cli": f"template.{program}"}))
    said = f"hpsearch does not call {hooks} of template.{program}; a value set there, such as"
    assert note == (f"{said} an argument of the model, belongs in the file" if hooks else "")


@pytest.mark.usefixtures("template")
def test_a_program_of_lightning_cli_names_its_optimizer() -> None:
    sections = {"model": {"net": "template.Inner"}, "optimizer": {"lr": 0.1}}
    tree = sections_of(Origin(None, None, {**sections, "cli": "template.Tuned"}))
    assert tree["optimizer"] == {"class_path": "torch.optim.sgd.SGD", "init_args": {"lr": 0.1}}
    with pytest.raises(InputError) as refused:
        sections_of(Origin("template.Net", None, sections))
    assert str(refused.value) == (
        "the configuration does not name the class of optimizer: write optimizer.class_path, or"
        " the program's class, as in `cli: main.MyCLI`"
    )


@pytest.mark.usefixtures("half_broken")
def test_what_a_program_and_hpsearch_set_themselves_is_left_out_of_its_configuration(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("printed.yaml").write_text(PRINTED)
    assert main(["init", "--from", "printed.yaml"]) == 0
    tree = yaml.safe_load(Path("net.yaml").read_text())
    assert tree["trainer"] == {"max_epochs": 10, "deterministic": False}
    assert "test_after" not in tree
    assert capsys.readouterr().err == (
        "note: left out of printed.yaml: trainer.accelerator, trainer.max_epochs, test_after; write"
        " what trials need of it, such as callbacks, under trainer:\n"
    )


@pytest.mark.usefixtures("half_broken")
def test_what_validates_but_does_not_train_is_no_range_that_does_not_train(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["init", "loose.Blind"]) == 2
    assert capsys.readouterr().err == (
        "error: this cannot be trained as it is: RuntimeError: no gradient (loose.py, line 21)\n"
    )


def test_a_function_with_some_arguments_is_one_of_functools() -> None:
    partial = {"_target_": "a.loss", "_partial_": True, "gamma": 2}
    made = {"_target_": "a.Loss", "_partial_": True}
    assert from_hydra({"_target_": "a.Net", "loss": partial, "other": made})["model"] == {
        "class_path": "a.Net",
        "init_args": {
            "loss": {
                "class_path": "functools.partial",
                "init_args": {"func": "a.loss", "gamma": 2},
            },
            "other": {"class_path": "a.Loss"},
        },
    }


@pytest.mark.usefixtures("half_broken")
def test_a_data_module_that_the_file_of_the_model_imports_is_its_own() -> None:
    text = f"{LIGHTNING}from rows import Rows\nclass Net(pl.LightningModule): ...\n"
    Path("importing.py").write_text(text)
    assert data_beside("importing.Net") == "rows.Rows"


@pytest.mark.parametrize(
    "sections",
    [{}, {"model": {"class_path": "a.Net"}, "trainer": {"max_epochs": 2}, "data": None}],
)
def test_what_is_not_of_hydra_is_left_alone(sections: dict[str, Any]) -> None:
    assert from_hydra(sections) == sections


def test_what_is_left_of_a_configuration_of_hydra_may_refer_to_anything(tmp_path: Path) -> None:
    (tmp_path / "open.yml").write_text(OPEN)
    assert read_configuration(read_sections(tmp_path / "open.yml")) == {
        "data": {"class_path": "net.Rows", "init_args": {"folder": "/rows"}},
        "model": {"class_path": "net.Net", "init_args": {"width": "8"}},
        "trainer": {"max_epochs": 3},
    }


def test_a_file_of_one_class_is_the_model() -> None:
    assert from_hydra({"_target_": "a.Net", "nets": [{"_target_": "a.Inner"}]}) == {
        "model": {"class_path": "a.Net", "init_args": {"nets": [{"class_path": "a.Inner"}]}}
    }


def test_a_file_that_validates_or_searches_nothing_says_so() -> None:
    unvalidated = "Net has no validation_step"
    assert draft_notes(Draft({}, {}, {}, searches=False, unvalidated=unvalidated)) == [
        "nothing is validated, since Net has no validation_step: its objective is measured on the"
        " training data, which a larger network fits better",
        "nothing is searched, since no argument has a usual range that trains; write one, such as"
        " ~float(0.1, 1), in place of a value",
    ]


@pytest.mark.parametrize(
    ("objective", "note"),
    [
        ("val_acc", ""),
        ("g_loss", "g_loss does not measure how good a model is: it falls when another network"),
        ("acc/dataloader_idx_0", "several data sets are validated, and its objective is of the"),
    ],
)
def test_a_file_whose_objective_may_mislead_says_so(objective: str, note: str) -> None:
    tree = {"study": {"objective": {objective: "minimize"}}}
    notes = draft_notes(Draft(tree, {}, {}))
    assert [each.startswith(note) for each in notes] == [True] * bool(note)


def test_a_module_of_a_package_that_is_imported_already_has_its_model(folder: Path) -> None:
    Path("packed").mkdir()
    Path("packed/__init__.py").touch()
    Path("packed/net.py").write_text(f"{LIGHTNING}class Net(pl.LightningModule): ...\n")
    with importing_from([str(folder)]):
        assert model_in("packed.net") == "packed.net.Net"


@pytest.mark.usefixtures("half_broken")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["half_broken.Net"],
            "some arguments have no default; give them: --set data.folder=VALUE",
        ),
        (["half_broken.Nett"], "half_broken has no class 'Nett'; did you mean 'Net'?"),
        (["nothing"], "there is no example and no module 'nothing'; `hpsearch init` lists the"),
        (["quikstart"], "there is no example 'quikstart'; did you mean quickstart?"),
        (["Net"], "there is no module 'Net'; write half_broken.Net"),
        (["half_broken.py"], "some arguments have no default; give them: --set data.folder=VALUE"),
        (["nowhere.Net"], "there is no module 'nowhere'"),
        (
            ["callbacks"],
            "callbacks has several models; name one: callbacks.Asking, callbacks.Hoarding,",
        ),
        (
            ["callbacks.Asking"],
            "callbacks has several data modules; name one with --data: callbacks.Testable,",
        ),
        (["feeding.Feed"], "model.class_path: must be LightningModule, not feeding.Feed"),
        (
            ["feeding.Fed", "--set", "model.plan=never"],
            "the validation logs no metric, and a search needs one: write",
        ),
        (
            ["loose.Net"],
            "object has no attribute 'step_size' (loose.py, line 12); give it a value: --set"
            " model.step_size=VALUE",
        ),
        (["loose.Named"], "object has no attribute 'wdith' (loose.py, line 17)\n"),
        (
            ["loose.Sized"],
            "tried with model.width=64, which have no default: if one does not fit, give it:"
            " --set model.width=VALUE",
        ),
        (
            ["loose.Unsized"],
            "division by zero (loose.py, line 31); model.size is null, and the data module has a"
            " size: if the model needs it, --set model.from_data.size=size",
        ),
        (
            ["feeding.Fed", "--set", "trainer.max_epochs=two"],
            "trainer.max_epochs: must be a whole number, 1 or more, not 'two'",
        ),
        (["printing_module"], "printing_module has no LightningModule; write MODULE.Class"),
        (
            ["alone"],
            "there is no LightningDataModule beside alone.Alone; name it: --data rows.Rows"
            " (hpsearch.data.ImageData for labelled images); of data sets that a script makes,"
            " LightningDataModule.from_datasets makes one, in a function of yours",
        ),
        (
            ["--from", "parts.yml"],
            "this is a Hydra configuration of several files; write it as one, as in"
            " `python train.py --cfg job --resolve > config.yaml`",
        ),
        (
            ["--from", "open.yml"],
            "open.yml: data.folder, model.width: Hydra fills in these values; have it do so:"
            " `python train.py --cfg job --resolve > config.yaml`",
        ),
        (["--from", "nothing.yaml"], "nothing.yaml: error: there is no such file"),
        (["quickstart", "-o", "nowhere/a.yaml"], "nowhere/a.yaml: there is no folder nowhere"),
    ],
)
def test_what_cannot_be_written_is_said_in_a_sentence(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not list(Path().glob("*.yaml"))


def test_an_example_is_written_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init"]) == 0
    listed = capsys.readouterr().out
    examples = [file.stem for file in (ROOT / "studies").glob("*.yaml")]
    assert all(f"  {name} " in listed for name in [*examples, "spirals"])

    capsys.readouterr()
    assert main(["init", "quickstart"]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        "wrote quickstart.yaml",
        "wrote seven.png: a digit for `hpsearch predict`, once a model is exported",
    ]
    assert main(["init", "quickstart", "-o", "again.yaml"]) == 0, "its picture is there already"
    assert capsys.readouterr().out.splitlines()[0] == "wrote again.yaml"
    assert main(["init", "spirals"]) == 0
    assert "#   hpsearch run spirals.yaml" in Path("spirals.yaml").read_text()
    assert Path("spirals.py").read_text() == (ROOT / "examples" / "spirals.py").read_text()
    Path("spirals.py").write_text("mine")
    Path("spirals.yaml").unlink()
    assert main(["init", "spirals"]) == 2
    assert "spirals.py already exists; name another file" in capsys.readouterr().err
    assert not Path("spirals.yaml").exists()


def test_a_file_that_exists_is_refused_before_anything_is_tried(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        "import pytorch_lightning as pl",
        "class Net(pl.LightningModule):",
        "    def __init__(self, lr: float = 0.1):",
        "        raise ValueError('it was tried')",
        "class Data(pl.LightningDataModule): ...",
    ]
    Path("untried.py").write_text("\n".join(lines))
    Path("net.yaml").write_text("mine")
    assert main(["init", "untried.Net"]) == 2
    assert capsys.readouterr().err.startswith("error: net.yaml already exists; name another file")
    assert Path("net.yaml").read_text() == "mine"
