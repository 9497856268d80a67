"""What the class of a LightningCLI program adds to the files that it reads."""

import sys
import textwrap

import pytest

from hpsearch.classes.check import check_components
from hpsearch.classes.cli import with_cli
from hpsearch.classes.components import ComponentError, importing_from
from hpsearch.studyfile.read import read_parsed

PROGRAM = """
class Callback: ...
class Stop(Callback): ...
class Model: ...
class Rows: ...
class Adam: ...
class Decay: ...

class MyCLI:
    def add_arguments_to_parser(self, parser):
        parser.add_argument("--email", default="nobody")
        parser.add_lightning_class_args(Stop, "stop")
        parser.set_defaults({"stop.monitor": "val_loss", "stop.patience": 5})
        parser.set_defaults({"model.width": 8, "trainer.devices": 4})
        parser.add_optimizer_args(Adam)
        parser.add_lr_scheduler_args(Decay)

def main(): MyCLI(Model, Rows)
"""


OTHER = """
class CLI:
    def add_arguments_to_parser(self, parser): ...

class Mine(CLI): ...
"""


@pytest.fixture(autouse=True)
def program(tmp_path):
    (tmp_path / "theprogram.py").write_text(textwrap.dedent(PROGRAM))
    with importing_from([str(tmp_path)]):
        yield
    sys.modules.pop("theprogram", None)


def filled(**sections):
    return with_cli({"cli": "theprogram.MyCLI", "trainer": {"max_epochs": 1}, **sections})


def component(name, **arguments):
    return {"class_path": f"theprogram.{name}", "init_args": arguments}


def test_a_callback_of_the_program_is_built_from_the_section_of_its_name():
    config = filled(stop={"patience": 2})
    assert config["trainer"]["callbacks"] == [component("Stop", monitor="val_loss", patience=2)]
    mine = {"class_path": "m.Mine"}
    config = filled(trainer={"max_epochs": 1, "callbacks": mine})
    assert config["trainer"] == {
        "max_epochs": 1,
        "callbacks": [mine, component("Stop", monitor="val_loss", patience=5)],
    }


def test_classes_that_the_program_knows_need_not_be_in_the_file():
    config = filled(optimizer={"init_args": {"lr": 0.1}}, model={"init_args": {"depth": 2}})
    assert config["optimizer"] == component("Adam", lr=0.1)
    assert config["schedule"]["class_path"] == "theprogram.Decay"
    assert config["model"] == component("Model", width=8, depth=2)
    assert filled(optimizer=component("Other"))["optimizer"] == component("Other")


@pytest.mark.parametrize(
    ("call", "model", "data"),
    [
        ("Mine(Model, Rows)", "Model", "Rows"),
        ("Mine(Model, datamodule_class=Rows)", "Model", "Rows"),
        ("Mine(datamodule_class=Rows)", None, "Rows"),
        ("CLI(Model, None)", "Model", None),
        ("CLI(chosen_by(argv), Rows)", None, "Rows"),
    ],
)
def test_the_call_of_a_cli_of_any_name_names_the_classes(tmp_path, call, model, data):
    text = PROGRAM.replace("MyCLI(Model, Rows)", call)
    (tmp_path / "theprogram.py").write_text(f"{text}\n{OTHER}")
    own = {} if model else {"model": {"class_path": "m.Own"}}
    config = filled(**own, cli="theprogram.Mine")
    assert config["model"]["class_path"] == (f"theprogram.{model}" if model else "m.Own")
    assert config.get("data") == (data and {"class_path": f"theprogram.{data}"})


def test_a_class_that_neither_the_program_nor_the_file_names_is_asked_for(tmp_path):
    text = PROGRAM.replace("MyCLI(Model, Rows)", "...")
    (tmp_path / "theprogram.py").write_text(text)
    with pytest.raises(ComponentError) as refused:
        filled(model={"width": 2})
    assert str(refused.value) == (
        "cli: where MyCLI is defined, no call of it names the class of model; write"
        " model.class_path"
    )


def test_the_check_says_it_at_the_line_of_the_cli(tmp_path):
    (tmp_path / "theprogram.py").write_text(PROGRAM.replace("MyCLI(Model, Rows)", "..."))
    file = tmp_path / "study.yaml"
    file.write_text(
        "study: {name: s, objective: {a: maximize}, trials: 1}\n"
        "cli: theprogram.MyCLI\nmodel: {width: 2}\ntrainer: {max_epochs: 1}\n"
    )
    [found] = check_components(read_parsed(file))
    assert (found.line, found.path) == (2, "cli")
    assert found.message.startswith("where MyCLI is defined, no call of it names the class of mod")


def test_the_check_names_the_methods_that_no_trial_calls(tmp_path):
    hook = "    def before_fit(self): self.model.width = 3\n\ndef main"
    (tmp_path / "theprogram.py").write_text(PROGRAM.replace("\ndef main", hook))
    file, notes = tmp_path / "study.yaml", []
    file.write_text(
        "study: {name: s, objective: {a: maximize}, trials: 1}\n"
        'cli: theprogram.MyCLI\nmodel: {width: "~choice(1, 2)"}\ntrainer: {max_epochs: 1}\n'
    )
    check_components(read_parsed(file), note=notes.append)
    assert [note for note in notes if " cli: " in note] == [
        f"{file}:2: note: cli: hpsearch does not call before_fit of theprogram.MyCLI; a value set"
        " there, such as an argument of the model, belongs in the file"
    ]


def test_the_study_itself_stays_as_it_is():
    sections = {"cli": "theprogram.MyCLI", "trainer": {"max_epochs": 1}, "stop": {"patience": 2}}
    with_cli(sections)
    assert sections == {
        "cli": "theprogram.MyCLI",
        "trainer": {"max_epochs": 1},
        "stop": {"patience": 2},
    }
