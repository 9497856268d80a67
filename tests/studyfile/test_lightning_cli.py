"""What `--print_config` of LightningCLI writes, plus a `study:` section, is a study file."""

from pathlib import Path

import pytest

from hpsearch.studyfile.lightning_cli import adopt
from hpsearch.studyfile.parse import parse_study
from hpsearch.studyfile.read import read_parsed
from hpsearch.studyfile.yaml_text import parse

STUDY = "study: {name: s, objective: {val_loss: minimize}, trials: 2}\n"
CONFIG = """\
# lightning.pytorch==2.6.6
seed_everything: 7
trainer:
  accelerator: auto
  strategy: auto
  devices: auto
  num_nodes: 1
  precision: null
  logger: null
  callbacks:
  - class_path: lightning.pytorch.callbacks.EarlyStopping
    init_args: {monitor: val_loss, patience: 3}
  fast_dev_run: false
  max_epochs: 3
  max_steps: -1
  limit_val_batches: null
  enable_checkpointing: null
  enable_progress_bar: null
  enable_model_summary: null
  barebones: false
  default_root_dir: null
model:
  class_path: lightning.pytorch.demos.boring_classes.DemoModel
  init_args: {out_dim: 10, learning_rate: "~float(0.01, 0.1)"}
data:
  class_path: lightning.pytorch.demos.boring_classes.BoringDataModule
optimizer:
  class_path: torch.optim.Adam
  init_args:
    lr: 0.001
    betas:
    - 0.9
    - 0.999
    foreach: null
lr_scheduler:
  class_path: lightning.pytorch.cli.ReduceLROnPlateau
  init_args: {monitor: val_loss, patience: 1}
ckpt_path: null
"""


def tree_of(text):
    document = adopt(parse(text, "c.yaml"))
    assert document.diagnostics == ()
    return document.tree


def test_a_printed_configuration_with_a_study_section_is_accepted(tmp_path: Path):
    (tmp_path / "c.yaml").write_text(CONFIG + STUDY)
    parsed = read_parsed(tmp_path / "c.yaml")
    assert parsed.diagnostics == ()
    assert parsed.settings.seed == 7
    assert list(parsed.space.parameters) == ["model.learning_rate"]
    assert parsed.source.tree["trainer"].keys() == {
        *("precision", "callbacks", "max_epochs", "max_steps", "limit_val_batches")
    }


def test_classes_of_the_program_are_those_of_the_module_of_its_cli():
    text = "model: {class_path: __main__.Deep, init_args: {act: [__main__.gelu]}}\n"
    printed = {"class_path": "__main__.Deep", "init_args": {"act": ["__main__.gelu"]}}
    named = {"class_path": "bin.train.Deep", "init_args": {"act": ["bin.train.gelu"]}}
    assert tree_of(text)["model"] == printed
    assert tree_of(f"{text}cli: bin.train.MyCLI")["model"] == named


def test_a_schedule_of_the_configuration_is_stepped_once_an_epoch():
    assert tree_of(CONFIG)["schedule"] == {
        "interval": "epoch",
        "class_path": "torch.optim.lr_scheduler.ReduceLROnPlateau",
        "init_args": {"patience": 1},
        "monitor": "val_loss",
    }


def test_arguments_beside_the_class_path_are_gathered_and_keep_their_lines():
    text = STUDY + "model:\n  class_path: a.Net\n  hidden: 3\n  wide: '~int(5, 4)'\ntrainer: 3\n"
    document = adopt(parse(text, "c.yaml"))
    assert document.tree["model"]["init_args"] == {"hidden": 3, "wide": "~int(5, 4)"}
    errors = {fault.path: fault.line for fault in parse_study(document).diagnostics}
    assert errors == {"model.wide": 5, "trainer": 6}


def test_the_sections_of_fit_may_stand_under_its_name():
    assert tree_of(
        "study: {name: s}\nfit: {model: {class_path: a.B}, trainer: {max_epochs: 2}}"
    ) == {
        "study": {"name": "s"},
        "model": {"class_path": "a.B"},
        "trainer": {"max_epochs": 2},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trainer: {devices: 2, max_epochs: 1}", "trainer.devices: cannot be set: hpsearch gives"),
        ("trainer: {num_nodes: true, max_epochs: 1}", "trainer.num_nodes: cannot be set"),
        (
            "trainer: {max_epochs: 1}\nckpt_path: a.ckpt",
            "'ckpt_path'; a trial starts without a",
        ),
        ("trainer: {max_epochs: 1}\nmodel: {hidden: 3}", "name its class, or the LightningCLI cl"),
        ("trainer: {max_epochs: 1}\nmodel: a.Net", "write model: {class_path: a.Net}"),
        ("trainer: {max_epochs: 1}\noptimizer: Adam", "write optimizer: {class_path: torch.optim."),
        ("trainer: {max_epochs: 1}\noptimizer: [{class_path: a.B}]", "one of them, without its da"),
        (
            "trainer: {max_epochs: 1}\nlr_scheduler: {class_path: a.B}",
            "needs an optimizer: section",
        ),
        ("trainer: {class_path: Trainer, max_epochs: 1}", "holds the Trainer's own arguments, as"),
        ("trainer: {init_args: {max_epochs: 1}}", "holds the Trainer's own arguments, as in {max_"),
        (
            "trainer: {max_epochs: 1}\nearly_stopping: {patience: 1}",
            "callbacks go into trainer.cal",
        ),
        ("trainer: {max_epochs: 1}\nsubcommand: test", "'subcommand'; only fit is searched"),
    ],
)
def test_what_would_change_something_is_refused(text, message):
    model = "" if "model" in text else "model: {class_path: a.B}\n"
    parsed = parse_study(adopt(parse(STUDY + model + text, "c.yaml")))
    assert [message in f"{fault.path}: {fault.message}" for fault in parsed.diagnostics] == [True]


def test_what_other_commands_have_and_what_is_unset_is_left_out():
    text = "subcommand: fit\nconfig: null\nfit: {model: {class_path: a.B}}\nvalidate: {model: {}}"
    assert tree_of(f"{text}\ntest: {{}}") == {"model": {"class_path": "a.B"}}


def test_a_program_may_have_sections_of_its_own():
    text = "cli: m.MyCLI\ntrainer: {max_epochs: 1}\noptimizer: {lr: 0.1}\n"
    text += "stop: {patience: '~int(1, 3)'}\nearly_stopping: {patience: 5}"
    parsed = parse_study(adopt(parse(f"{STUDY}model: {{a: 1}}\n{text}\nemail: a@b.c\n", "c.yaml")))
    assert parsed.diagnostics == ()
    assert list(parsed.space.parameters) == ["stop.patience"]
    assert parsed.source.tree["optimizer"] == {"init_args": {"lr": 0.1}}
    (fault,) = parse_study(adopt(parse(f"{STUDY}{text}\nmodle: {{}}", "c.yaml"))).diagnostics
    assert fault.message == "there is no section 'modle'; did you mean 'model'?"
