import os
import subprocess
import sys

import pytest

from hpsearch.studyfile.diagnostics import StudyFileError
from hpsearch.studyfile.read import read_parsed, read_study
from hpsearch.studyfile.yaml_text import MAX_BYTES

STUDY = """\
study:
  name: small
  objective: {val_accuracy: maximize}
  trials: 4
model:
  class_path: m.CNN
  init_args:
    channels: ["~int(8, 64)", 16]
    dropout: ~float(0, 0.5)
data:
  class_path: m.Data
  init_args:
    augment: {shift: 0.1}
optimizer:
  ~choice:
    adam: {class_path: m.Adam, init_args: {lr: 1e-3}}
    sgd: {class_path: m.SGD}
trainer: {max_epochs: 12}
"""
FIVE_ERRORS = """\
study:
  name: small
  objective: {val_accuracy: maximise}
  samplr: tpe
  trials: 4
model:
  class_path: m.CNN
  init_args:
    hidden: ~int(64, 8)
data:
  class_path: m.Data
  init_args: {size: ~float(0, 1, step=0.1), batch: 3}
trainer:
  max_epochs: 12
  accelerator: gpu
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(STUDY)
    return path


def errors_of(path, *overrides):
    with pytest.raises(StudyFileError) as caught:
        read_study(path, overrides)
    return caught.value.diagnostics


def test_a_file_is_read_with_its_own_folder_for_imports(file, monkeypatch, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    spec = read_study(file)
    assert spec.name == "small"
    assert spec.import_paths == (str(tmp_path), str(tmp_path / "elsewhere"))


def test_a_file_with_five_errors_gives_five_errors_at_their_lines(tmp_path):
    path = tmp_path / "five.yaml"
    path.write_text(FIVE_ERRORS)
    diagnostics = errors_of(path)
    assert [(diagnostic.line, diagnostic.path) for diagnostic in diagnostics] == [
        (3, "study.objective"),
        (4, "study.samplr"),
        (9, "model.hidden"),
        (12, "data.size"),
        (15, "trainer.accelerator"),
    ]
    error = str(StudyFileError(diagnostics))
    assert error.startswith(f"{path}:3: error: study.objective: 'maximise'")
    assert ">    9 |     hidden: ~int(64, 8)\n" in error
    assert error.endswith(f"\n{path} has 5 errors")


def test_grammar_errors_are_reported_without_the_slow_imports(tmp_path):
    path = tmp_path / "five.yaml"
    path.write_text(FIVE_ERRORS)
    code = (
        "import sys, time\n"
        "from hpsearch.studyfile.read import read_study\n"
        "try:\n    read_study(sys.argv[1])\n"
        "except Exception as error:\n    print(type(error).__name__)\n"
        "slow = {'torch', 'numpy', 'optuna', 'pydantic', 'pytorch_lightning'}\n"
        "print(sorted(slow & set(sys.modules)), time.process_time() < 0.5)\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "StudyFileError\n[] True\n"


def test_an_override_replaces_a_value_with_or_without_init_args(file):
    document = read_study(
        file,
        [
            "trainer.max_epochs=1",
            "model.dropout=~float(0, 0.2)",
            "model.init_args.channels.1=32",
            "optimizer.adam.lr=1e-4",
            "optimizer.sgd.momentum=0.9",
            "data.augment={shift: 0.2, rotate: 10}",
            "study.seed=3",
            "trainer.precision=16-mixed",
            "speed.compile=reduce-overhead",
            "tensorboard.graph=true",
            "model.class_path=m.MLP",
            "model.from_data.words=vocab_size",
            "model.from_data.labels=classes",
        ],
    ).document
    assert document["trainer"] == {"max_epochs": 1, "precision": "16-mixed"}
    assert document["model"] == {
        "class_path": "m.MLP",
        "init_args": {"channels": ["~int(8, 64)", 32], "dropout": "~float(0, 0.2)"},
        "from_data": {"words": "vocab_size", "labels": "classes"},
    }
    branches = document["optimizer"]["~choice"]
    assert branches["adam"]["init_args"] == {"lr": 1e-4}
    assert branches["sgd"] == {"class_path": "m.SGD", "init_args": {"momentum": 0.9}}
    assert document["data"]["init_args"] == {"augment": {"shift": 0.2, "rotate": 10}}
    assert document["study"]["seed"] == 3
    assert document["speed"] == {"compile": "reduce-overhead"}
    assert document["tensorboard"] == {"graph": True}


def test_an_override_takes_a_branch_by_its_name(file):
    parsed = read_parsed(file, ["optimizer=adam", "optimizer.lr=yes"])
    assert parsed.source.tree["optimizer"] == {"class_path": "m.Adam", "init_args": {"lr": None}}
    assert parsed.source.place_of(("optimizer", "class_path")).line == 16
    assert [diagnostic.path for diagnostic in parsed.diagnostics] == ["optimizer.lr"]


def test_an_override_takes_the_branch_of_a_branch(tmp_path):
    path = tmp_path / "x.yaml"
    nested = "{~choice: {none: null, some: {~choice: {a: 1, b: 2}}}}"
    path.write_text(STUDY + f"tensorboard: {{}}\nschedule: {nested}\n")
    assert read_parsed(path, ["schedule=none"]).source.tree["schedule"] is None
    assert read_parsed(path, ["schedule.some=b"]).source.tree["schedule"] == {
        "~choice": {"none": None, "some": 2}
    }


@pytest.mark.parametrize(
    ("override", "diagnostic"),
    [
        ("optimizer=adm", "optimizer: there is no branch 'adm'; did you mean 'adam'?"),
        ("trainer.max_epochs=0", "trainer.max_epochs: must be a whole number, 1 or more, not 0"),
        (
            "trainer.accumulate_grad_batches=~choice(0, 2)",
            "trainer.accumulate_grad_batches: must be a whole number, 1 or more, not 0",
        ),
        (
            "trainer.check_val_every_n_epoch=0",
            "trainer.check_val_every_n_epoch: must be a whole number, 1 or more, not 0",
        ),
        (
            "trainer.limit_train_batches=3.5",
            "trainer.limit_train_batches: must be a share from 0 to 1, or a whole number of",
        ),
        (
            "trainer.accumulate_grad_batches=1.5",
            "trainer.accumulate_grad_batches: must be a whole number, 1 or more, not 1.5",
        ),
        ("trainer.min_steps=-1", "trainer.min_steps: must be a whole number, 0 or more, not -1"),
        ("trainer.max_epochs=.inf", "trainer.max_epochs: must be a whole number, 1 or more, not i"),
        (
            "trainer.limit_val_batches=.nan",
            "trainer.limit_val_batches: must be a share from 0 to 1",
        ),
        (
            "trainer.gradient_clip_val=~choice(0.5, -1)",
            "trainer.gradient_clip_val: must be 0 or more, not -1; leave it out for no clipping",
        ),
        (
            "trainer.gradient_clip_algorithm=abs",
            "trainer.gradient_clip_algorithm: must be norm or value, not 'abs'",
        ),
        (
            "trainer.profiler=full",
            "trainer.profiler: must be simple or advanced or pytorch or xla,",
        ),
        (
            "trainer.max_time=1h30m",
            "trainer.max_time: must be days:hours:minutes:seconds, as in 00:01:30:00, not '1h30m'",
        ),
        ("trainer.val_check_interval=0", "trainer.val_check_interval: must be above 0: a share of"),
        ("trainer.max_epochs=yes", "trainer.max_epochs: some YAML readers take yes for a boolean"),
        ("model.dropout=~float(1, 0)", "model.dropout: low 1 is above high 0"),
        ("study.trails=3", "study.trails: study has no key 'trails'; did you mean 'trials'?"),
        ("modle.hidden=3", "modle: there is no section 'modle'; did you mean 'model'?"),
        ("data.augment.shfit=1", "data.augment.shfit: there is no key 'shfit'; did you mean 'sh"),
        ("optimizer.adm.lr=1", "optimizer.adm.lr: there is no branch 'adm'; did you mean 'adam'"),
        (
            "model.channels.2=1",
            "model.channels.2: '2' is not an index of a list of 2, counted from 0",
        ),
        ("study.name.x=1", "study.name.x: 'small' has no parts; set it as a whole"),
        ("trainer", "write key=value"),
        ("=3", "write key=value"),
        ("study.storage=pg://u:secret@h/d", "study.storage: holds a password"),
    ],
)
def test_an_error_of_an_override_is_reported_as_one(file, override, diagnostic):
    (found,) = errors_of(file, override)
    assert found.where == f"--set {override.replace('secret', '***')}"
    assert found.line is None
    assert f"{found.path}: {found.message}".removeprefix(": ").startswith(diagnostic)


def test_what_a_faulty_mapping_lacks_is_no_error_of_its_own(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(STUDY.replace("{max_epochs: 12}", "\n  <<: {max_epochs: 12}"))
    (found,) = read_parsed(path).diagnostics
    assert found.message.startswith("merge keys (<<) are not supported")


@pytest.mark.parametrize("wrong", ["0", "yes", "~int(3, 2)"])
def test_an_override_corrects_an_error_of_the_file(tmp_path, wrong):
    path = tmp_path / "x.yaml"
    path.write_text(STUDY.replace("{max_epochs: 12}", f"\n  max_epochs: {wrong}"))
    assert len(errors_of(path)) == 1
    assert read_study(path, ["trainer.max_epochs=2"]).max_reports() == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: &a [*a]\n", "more than 10000 values or 32 levels, with aliases unfolded"),
        (b"", "the study file is empty; begin with study:, model:, data:, trainer:"),
        (b"- 1\n", "the study file must be a mapping of sections"),
        (b"name: caf\xe9\n", "the file is not UTF-8 text (byte 9); save it as UTF-8"),
        (b"x" * (MAX_BYTES + 1), f"the file is over the limit of {MAX_BYTES} bytes"),
    ],
)
def test_a_file_that_is_not_a_study_is_reported_in_one_sentence(tmp_path, content, message):
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    (diagnostic,) = errors_of(path)
    assert message in diagnostic.message


def test_bytes_that_are_no_text_have_a_line(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"study:\n  name: caf\xe9\n")
    (diagnostic,) = errors_of(path)
    assert diagnostic.line == 2


@pytest.mark.parametrize(
    ("options", "pair"),
    [
        ("64, '64'", "64 and '64'"),
        ("1.5, '1.5'", "1.5 and '1.5'"),
        ("a, null, 'null'", "null and 'null'"),
        ("true, 'true'", "true and 'true'"),
        ("[1, 2], '[1, 2]'", "'[1, 2]' and '[1, 2]'"),
    ],
)
def test_options_that_read_the_same_are_refused_in_a_file(tmp_path, options, pair):
    path = tmp_path / "x.yaml"
    path.write_text(STUDY.replace("~float(0, 0.5)", f"~choice({options})"))
    (diagnostic,) = errors_of(path)
    rule = f"~choice has options that cannot be told apart: {pair}; leave one out"
    assert (diagnostic.line, diagnostic.path, diagnostic.message) == (9, "model.dropout", rule)


def test_a_path_that_is_not_a_file_is_reported_in_one_sentence(tmp_path):
    assert [f.message for f in errors_of(tmp_path / "no.yaml")] == ["there is no such file"]
    (example,) = errors_of(tmp_path / "studies" / "spirals.yaml")
    assert example.message == ("there is no such file; `hpsearch init spirals` writes that example")
    (tmp_path / "quickstart.yaml").touch()
    for slip in ("quickstat.yaml", "quickstart", "quickstart.yml"):
        (error,) = errors_of(tmp_path / slip)
        assert error.message.endswith(f"no such file; did you mean {tmp_path}/quickstart.yaml?")
    assert [f.message for f in errors_of(tmp_path)] == ["this is a folder; name a study file in it"]
    (tmp_path / "net.py").write_text("class Net: ...")
    assert [f.message for f in errors_of(tmp_path / "net.py")] == [
        f"this is a Python file, and a study file is YAML; `hpsearch init {tmp_path}/net.py` writes"
        " one for its model"
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_an_unreadable_file_is_reported_in_one_sentence(file):
    file.chmod(0)
    assert [f.message for f in errors_of(file)] == ["the file cannot be read: Permission denied"]


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".x", "a\\0b", "a\\nb", "x" * 600, "a b", "é"])
def test_a_name_that_could_lead_elsewhere_is_refused_from_the_command_line_too(tmp_path, name):
    path = tmp_path / "small.yaml"
    path.write_text("study: {name: small, objective: {a: maximize}}\n")
    parsed = read_parsed(path, [f'study.name="{name}"'])
    diagnostics = [
        diagnostic for diagnostic in parsed.diagnostics if diagnostic.path == "study.name"
    ]
    assert len(diagnostics) == 1
    assert "cannot name a study; use up to 64 letters" in diagnostics[0].message
