"""The commands, on a real search of a tiny model that the first test of them needs makes once."""

from __future__ import annotations

import inspect
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from commanded import run_commands

from hpsearch.cli import _COMMANDS, main

STUDY = """
study:
  name: tiny
  objective: {val_accuracy: maximize}
  sampler: random
  pruner: none
  trials: 3
  seed: 1
model:
  class_path: tiny.TinyModel
  init_args:
    width: ~int(2, 8)
    dropout: ~float(0, 0.5)
data:
  class_path: tiny.TinyData
trainer: {max_epochs: 2}
"""


GRID = ("study.sampler=grid", "study.trials=null", "model.width=~int(1, 4)", "model.dropout=0")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study file, and a database in which its study is done."""
    run = "run tiny.yaml --inline --devices cpu:1"
    return run_commands(tmp_path_factory, "tiny.yaml", STUDY, run)


@pytest.fixture
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(home)
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    return home


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    return tmp_path


def printed_json(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def test_list_is_an_array_with_name_state_and_counts(
    at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    studies = printed_json(["list"], capsys)
    tiny = next(study for study in studies if study["name"] == "tiny")
    assert tiny["state"] == "done"
    assert tiny["counts"]["complete"] == 3
    assert set(tiny["last_run"]) == {"began", "ended", "why"}


def test_status_has_what_scripts_read(at_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = printed_json(["status", "tiny"], capsys)
    assert (status["study"], status["state"], status["budget"]) == ("tiny", "done", 3)
    assert set(status["counts"]) == {
        *("complete", "pruned", "failed", "running", "waiting", "paused")
    }
    assert set(status["best"]) >= {"number", "value", "params", "checkpoint"}
    assert Path(status["best"]["checkpoint"]).is_file()


def test_show_has_what_scripts_read(at_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trial = printed_json(["show", "tiny", "0"], capsys)
    assert trial["number"] == 0
    assert trial["state"] == "complete"
    assert set(trial["params"]) == {"model.width", "model.dropout"}
    assert list(trial["values_by_epoch"]) == ["1", "2"]
    assert trial["value"] in trial["values_by_epoch"].values()
    assert trial["seconds"] > 0
    assert trial["device"] == "cpu"
    assert len(trial["attempts"]) == 1


def test_best_has_the_trial_that_status_names(
    at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    best = printed_json(["best", "tiny"], capsys)
    assert best["number"] == printed_json(["status", "tiny"], capsys)["best"]["number"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["list"], "next: hpsearch status"),
        (["status", "tiny"], "next: hpsearch show tiny"),
        (["show", "tiny", "1"], "tiny, trial 1  complete"),
        (["show", "tiny", "best"], "next: hpsearch confirm tiny"),
        (["best", "tiny"], "next: hpsearch best tiny --yaml best.yaml"),
        (["doctor"], "opens (schema"),
        (["summary", "tiny.yaml"], "tiny.TinyModel(width=8, dropout=0.5)"),
        (["check", "tiny.yaml", "--set", *GRID], "4 trials on"),
        (["--version"], "hpsearch 0"),
    ],
)
def test_commands_print_for_people(
    at_home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(arguments) == 0
    assert words in capsys.readouterr().out


def test_show_names_the_folder_of_curves_only_where_it_is(
    at_home: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert main(["show", "tiny", "0"]) == 0
    assert f"curves: tensorboard --logdir {at_home / 'runs/tiny'}" in capsys.readouterr().out
    shutil.copy("hpsearch.db", tmp_path)  # the database alone
    monkeypatch.chdir(tmp_path)
    assert main(["show", "tiny", "0"]) == 0
    assert "tensorboard" not in capsys.readouterr().out


def test_run_of_a_study_that_is_done_trains_nothing_and_says_so(
    at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = printed_json(["status", "tiny"], capsys)
    assert main(["run", "tiny.yaml", "--inline"]) == 0
    assert "tiny: 3 done, 0 to go; nothing to train" in capsys.readouterr().out
    assert printed_json(["status", "tiny"], capsys) == before


def test_check_measures_each_end_and_the_cost(
    at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["tiny.yaml", "--set", "study.trials=3", "trainer.max_epochs=3"]
    assert main(["check", *words, "--devices", "cpu:2"]) == 0
    out = capsys.readouterr().out
    assert "tiny.yaml is valid: 2 parameters" in out
    assert "smallest       12" in out
    assert "largest        42" in out
    assert "3 trials on 2 slots take about" in out
    assert out.rstrip().endswith(f"next: hpsearch run {' '.join(words)}")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("model.plan=raise", "ValueError: planned to fail"),
        (
            "data.split_seed=~int(1, 2)",
            "the validation rows of this setting are not those of the first that trains",
        ),
    ],
)
def test_check_fails_where_a_trial_does(
    at_home: Path, capsys: pytest.CaptureFixture[str], change: str, words: str
) -> None:
    assert main(["check", "tiny.yaml", "--set", change]) == 2
    assert words in capsys.readouterr().out


def test_best_as_a_study_file_runs_as_it_is(
    at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in ("written", "written again"):
        assert main(["best", "tiny", "--yaml", "best.yaml"]) == 0
    assert "next: hpsearch run best.yaml" in capsys.readouterr().out
    document = yaml.safe_load((at_home / "best.yaml").read_text())
    best = printed_json(["best", "tiny"], capsys)
    assert document["model"]["init_args"]["width"] == best["params"]["model.width"]
    assert main(["run", "best.yaml", "--inline"]) == 0
    assert "1 done, 0 to go (1 complete)" in capsys.readouterr().out


def test_classes_are_checked_before_a_search_begins(
    at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "tiny.yaml", "--inline", "--set", "study.name=other", "model.widht=3"]) == 2
    assert "did you mean 'width'?" in capsys.readouterr().err
    assert "other" not in {study["name"] for study in printed_json(["list"], capsys)}


FIVE_ERRORS = """\
study:
  name: five
  objective: {val_accuracy: maximise}
  trials: 3
model:
  class_path: tiny.TinyModel
  init_args:
    widht: 4
    dropout: ~float(0.5, 0)
data:
  class_path: tiny.TinyDate
trainer:
  max_epochs: 2
  precision: 17
"""


@pytest.mark.parametrize("command", ["check", "run"])
def test_five_errors_of_both_kinds_are_five_errors_at_their_lines(
    nowhere: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    Path("five.yaml").write_text(FIVE_ERRORS)
    assert main([command, "five.yaml"]) == 2
    out, err = capsys.readouterr()
    printed = [line.split(": ")[:3] for line in err.splitlines() if ": error: " in line]
    assert printed == [
        ["five.yaml:3", "error", "study.objective"],
        ["five.yaml:9", "error", "model.dropout"],
        ["five.yaml:8", "error", "model.widht"],
        ["five.yaml:11", "error", "data.class_path"],
        ["five.yaml:14", "error", "trainer.precision"],
    ]
    assert err.endswith("five.yaml has 5 errors\n")
    assert out == ""
    assert not Path("hpsearch.db").exists()


def test_a_constructor_that_refuses_its_values_is_named_with_them(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("refusing.py").write_text(
        "import tiny\n\n\nclass Refusing(tiny.TinyModel):\n"
        "    def __init__(self, width: int = 4):\n"
        "        if width % 4:\n"
        "            raise ValueError('width must be a multiple of 4')\n"
        "        super().__init__(width)\n"
    )
    document = yaml.safe_load(STUDY)
    document["model"] = {"class_path": "refusing.Refusing", "init_args": {"width": "~int(1, 7)"}}
    Path("refusing.yaml").write_text(yaml.safe_dump(document))
    monkeypatch.syspath_prepend(".")
    assert main(["summary", "refusing.yaml"]) == 2
    assert capsys.readouterr().err == (
        "error: refusing.Refusing cannot be built with model.width=7: ValueError: width must be a"
        " multiple of 4; --set model.width=... chooses another value\n"
    )
    assert main(["summary", "refusing.yaml", "--set", "model.width=4"]) == 0


def test_changes_may_follow_one_set_or_have_one_each(
    at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = ["--set", "model.width=5", "model.dropout=0.25", "--set", "trainer.max_epochs=1"]
    assert main(["summary", "tiny.yaml", *changes]) == 0
    assert "TinyModel(width=5, dropout=0.25)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], 'Unknown command "rnu". Did you mean "run"?'),
        (["run"], "error: hpsearch run needs STUDY; see hpsearch run --help"),
        (["status"], "error: hpsearch status needs NAME; `hpsearch list` shows the names"),
        (["run", "a.yaml", "--set"], "error: --set needs a value; see hpsearch run --help"),
        (["run", "a.yaml", "--trials", "x"], "error: --trials must be a whole number, not 'x'"),
        (["confirm", "a", "--top", "2.5"], "error: --top must be a whole number, not '2.5'"),
        (["dashboard", "--port", "8080.5"], "--port must be a whole number, not '8080.5'"),
        (["copy", "a", "b.db"], "hpsearch copy does not take 'b.db'; see hpsearch copy --help"),
        (["resume", "a", "--trails", "9"], "Unknown option: --trails. Did you mean --trials?"),
        (["resume", "a", "--foo"], "Unknown option: --foo. See hpsearch resume --help"),
        (
            ["resume", "a", "--set", "study.trials=9"],
            "a study keeps the settings of its file; --trials, --add and --timeout change its"
            " budget, and `hpsearch run FILE --set study.name=OTHER` searches with others",
        ),
        (["run", "a.yaml", "--trails", "3"], "Did you mean --trials?"),
        (["run", "a.yaml", "--trials", "0"], 'Invalid value "0" for --trials'),
        (["run", "a.yaml", "--timeout", "3x"], "3x is not a duration; use 90s, 30m"),
        (["run", "a.yaml"], "a.yaml"),
        (["show", "tiny", "x"], "'x' is not a trial; write its number, or best"),
        (["list"], "there is no database sqlite:///hpsearch.db"),
        (["status", "tiny"], "hpsearch.db in /"),
        (["resume", "tiny"], "there is no database"),
        (["list", "--storage", "sqlite:///."], "is a folder"),
        (["list", "--storage", "nonsense"], "not a database URL"),
    ],
)
def test_wrong_input_is_one_clear_line_and_exit_code_2(
    nowhere: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert words in err
    assert out == ""
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["status", "tinny"], "did you mean tiny?"),
        (["show", "tiny", "99"], "the study tiny has no trial 99; it has 0 to 2"),
        (["best", "tiny", "--yaml", "no/folder/best.yaml"], "name a file in a folder that exists"),
        (
            ["best", "tiny", "--yaml", "tiny.yaml"],
            "tiny.yaml exists, and not as `best` writes it: it would be lost; name another file",
        ),
        (["preview", "tiny.yaml", "-o", "."], "name a file in a folder that exists"),
        (["preview", "tiny.yaml"], "tiny.TinyData: a preview can be drawn of hpsearch"),
    ],
)
def test_wrong_names_say_what_there_is(
    at_home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(arguments) == 2
    assert words in capsys.readouterr().err


def test_preview_draws_the_packaged_digits(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = yaml.safe_load(STUDY)
    augment = {"shift": "~float(0, 0.1)"}
    document["data"] = {"class_path": "hpsearch.data.ImageData", "init_args": {"augment": augment}}
    Path("digits.yaml").write_text(yaml.safe_dump(document))
    assert main(["preview", "digits.yaml", "-o", "digits.png"]) == 0
    assert Path("digits.png").read_bytes().startswith(b"\x89PNG")
    assert "drew digits.png" in capsys.readouterr().out


def hpsearch(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hpsearch", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--help"], {"torch", "optuna", "numpy", "pytorch_lightning", "psutil", "subprocess"}),
        (["status", "tiny"], {"torch", "torchvision", "pytorch_lightning", "lightning", "scipy"}),
        (["run", "tiny.yaml"], {"torch", "torchvision", "pytorch_lightning", "lightning"}),
        (["predict", "gone.onnx", "seven.png"], {"torch", "optuna", "onnxruntime"}),
    ],
)
def test_command_imports_nothing_heavy(
    at_home: Path, arguments: list[str], unwanted: set[str]
) -> None:
    code = (
        "import sys; from hpsearch.cli import main;"
        f"code = main({arguments!r});"
        f"assert code == {2 * ('gone.onnx' in arguments)};"
        f"assert not {unwanted!r} & set(sys.modules)"
    )
    stubs = str(Path(__file__).parent / "stubs")
    paths = os.pathsep.join(filter(None, (stubs, os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.process
def test_the_launchers_are_the_same_command(at_home: Path) -> None:
    launcher = Path(__file__).parent.parent / "cli.py"
    by_file = subprocess.run(
        [sys.executable, str(launcher), "status", "tiny"], capture_output=True, check=True
    )
    assert by_file.stdout.decode() == hpsearch("status", "tiny").stdout


@pytest.fixture
def in_the_foreground() -> Iterator[None]:
    """A shell's job in the background ignores Ctrl-C, and so do its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.process
@pytest.mark.parametrize(
    "launcher",
    [
        ["-m", "hpsearch"],
        ["-c", "import sys; from hpsearch.__main__ import main; sys.exit(main())"],
    ],
)
@pytest.mark.usefixtures("in_the_foreground")
def test_ctrl_c_while_the_command_is_imported_ends_it_without_a_word(
    tmp_path: Path, launcher: list[str]
) -> None:
    # The first library that the command line needs.
    interrupting = "import os, signal; os.kill(os.getpid(), signal.SIGINT); os.getpid(); 1 / 0"
    (tmp_path / "cyclopts.py").write_text(interrupting)
    paths = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, *launcher, "--help"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.process
def test_output_without_a_reader_or_without_colour_is_quiet(at_home: Path) -> None:
    piped = f"{sys.executable} -m hpsearch status tiny --json | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", piped], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    plain = hpsearch("status", "tiny", env={**os.environ, "NO_COLOR": "1"})
    assert plain.returncode == 0
    assert "\x1b" not in plain.stdout


def test_status_lists_so_many_trials_in_any_order(
    at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trials = [printed_json(["show", "tiny", f"{number}"], capsys) for number in range(3)]
    narrowest = min(trials, key=lambda trial: trial["params"]["model.width"])["number"]
    assert main(["status", "tiny", "--top", "1", "--sort", "width"]) == 0
    shown = capsys.readouterr().out
    (row,) = [line for line in shown.splitlines() if " complete " in line]
    assert int(row.split()[0]) == narrowest
    assert "and 2 more" in shown
    assert main(["status", "tiny", "--sort", "breadth"]) == 2
    known = "--sort breadth: write val_accuracy, number, epochs, time, state, width, dropout"
    assert known in capsys.readouterr().err


def test_the_best_trial_may_be_named_by_that_word(
    at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    best = printed_json(["best", "tiny"], capsys)
    assert printed_json(["show", "tiny", "best"], capsys) == best
    assert main(["show", "tiny", "worst"]) == 2
    assert "'worst' is not a trial; write its number, or best" in capsys.readouterr().err


def test_logs_prints_what_a_trial_printed(
    at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["logs", "tiny", "0"]) == 2
    assert "trial 0 has printed nothing: there is no " in capsys.readouterr().err
    output = at_home / "runs" / "tiny" / "trial-0000" / "output.txt"
    output.touch()
    assert main(["logs", "tiny", "0"]) == 0
    assert capsys.readouterr() == ("", "trial 0 has printed nothing\n")
    output.write_text("epoch 1: 0.5\n")
    assert main(["logs", "tiny", "0", "-f"]) == 0, "it is over, so there is nothing to wait for"
    assert capsys.readouterr().out == "epoch 1: 0.5\n"


def test_a_search_that_is_over_is_watched_no_longer(
    at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", "tiny"]) == 0
    assert "tiny  done  3 done, 0 to go" in capsys.readouterr().out
    assert main(["watch"]) == 2
    assert "no study is running; name one, as" in capsys.readouterr().err


def test_the_help_says_of_a_command_what_its_docstring_says() -> None:
    for path, text in ((p, t) for group in _COMMANDS.values() for p, t in group.items()):
        module, _, name = path.partition(":")
        command = getattr(import_module(f"hpsearch.commands.{module}"), name)
        assert inspect.getdoc(command) == text.partition("\n")[0]


def test_the_help_groups_the_commands_and_shows_how_to_begin(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    places = [text.index(title) for title in ("Before a search", "Searching", "Results", "Upkeep")]
    assert places == sorted(places)
    assert "hpsearch run quickstart.yaml" in text
    assert main(["run", "--help"]) == 0
    assert "hpsearch run quickstart.yaml" not in capsys.readouterr().out


def test_windows_is_answered_by_where_it_works(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert main(["run", "study.yaml"]) == 2
    assert capsys.readouterr().err == (
        "error: hpsearch runs on Linux and macOS; on Windows, run it in WSL 2\n"
    )


def test_a_command_whose_standard_streams_are_closed_ends_as_usual(at_home: Path) -> None:
    command = f'"{sys.executable}" -m hpsearch list <&- >&- 2>&-'
    assert subprocess.run(["sh", "-c", command], cwd=at_home, check=False).returncode == 0
