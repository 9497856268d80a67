"""`hpsearch confirm` as a person types it, in its own processes, killed once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from hpsearch.cli import main
from hpsearch.commands.confirm import ConfirmFlags, same_command
from hpsearch.search.store import StudyRecord, load_record, open_study
from hpsearch.search.store.database import open_storage

STUBS = Path(__file__).parent / "stubs"
STUDY = """
study:
  name: tiny
  objective: {val_accuracy: maximize}
  sampler: random
  pruner: none
  trials: 3
  seed: 4
model:
  class_path: tested.TestedModel
  init_args: {width: "~int(2, 64)"}
data: {class_path: tested.TestedData}
trainer: {max_epochs: 3}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a search is done."""
    (tmp_path / "tiny.yaml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    assert main(["run", "tiny.yaml", "--inline", "--devices", "cpu:1"]) == 0
    return tmp_path


def hpsearch(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "hpsearch", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                [str(STUBS), *filter(None, [os.environ.get("PYTHONPATH")])]
            ),
        },
    )


def recorded(folder: Path, name: str) -> StudyRecord:
    return load_record(open_storage(f"sqlite:///{folder}/hpsearch.db"), name)


def kill_after_one_run(folder: Path, process: subprocess.Popen[str]) -> None:
    """Kills the whole process group once a run has reported an epoch."""
    while not any(path.stat().st_size for path in folder.glob("runs/tiny.confirm/*/events.jsonl")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.process
def test_a_confirmation_that_was_killed_continues_and_opens_the_test_split_once(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("confirm", "tiny", "--top", "2", "--seeds", "3", "--devices", "cpu:2", "--json")
    kill_after_one_run(home, hpsearch(home, *words))
    assert main(["status", "tiny.confirm"]) == 0
    assert capsys.readouterr().out.endswith("\nnext: hpsearch confirm tiny --top 2 --seeds 3\n")

    process = hpsearch(home, *words, "--refit")
    out, err = process.communicate(timeout=120)

    assert process.returncode == 0, err
    record = json.loads(out)
    confirmation = recorded(home, "tiny.confirm")
    assert confirmation.counts["complete"] == len(confirmation.trials) == 6
    assert {len(one["values"]) for one in record["finalists"]} == {3}
    assert record["test"]["metric"] == "test_accuracy"
    assert Path(record["refit"]["checkpoint"]).is_file()
    (evaluation,) = recorded(home, "tiny").test_evaluations
    over_seeds, others = record["test"]["over_seeds"], evaluation["other_runs"]
    values = [record["test"]["value"], *(one["metrics"]["test_accuracy"] for one in others)]
    assert (over_seeds["runs"], over_seeds["highest"]) == (3, max(values))
    assert over_seeds["mean"] == pytest.approx(sum(values) / 3)
    assert evaluation["host"]
    assert evaluation["metrics"]["test_accuracy"] == record["test"]["value"]


def test_the_words_and_the_table(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["confirm", "tiny", "--top", "2", "--seeds", "2", "--inline", "--devices", "cpu:1"]
    capsys.readouterr()
    assert main(words) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "trial searched confirmed 95 % interval optimism runs weights time" in text
    assert "have two seeds in common, too few to measure noise; take three or more." in text
    assert "is taken" in text
    assert "50 examples), of the run with seed" in text
    assert "model " in text

    assert main(["status", "tiny"]) == 0
    status = " ".join(capsys.readouterr().out.split())
    assert "over 2 seeds, test_accuracy " in status
    assert "tested opened once, at " in status
    entry = printed_json(["status", "tiny"], capsys)
    assert entry["confirmation"]["chosen"] == entry["test_evaluations"][0]["trial"]
    names_one_winner(capsys)


def test_other_studies_and_databases_of_the_folder_see_that_the_images_were_opened(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ways = ("--inline", "--devices", "cpu:1")
    few = ("--top", "1", "--seeds", "1", *ways)
    assert main(["confirm", "tiny", *few]) == 0
    assert "The same test data had been opened" not in capsys.readouterr().out

    other = ("--storage", "sqlite:///other.db", "--runs", "elsewhere")
    assert main(["run", "tiny.yaml", "--trials", "1", *other, *ways]) == 0
    assert main(["confirm", "tiny", *few, *other]) == 0
    text = " ".join(capsys.readouterr().out.split())
    trial = recorded(home, "tiny").test_evaluations[0]["trial"]
    said = (
        f"The same test data had been opened once before in this folder, for trial {trial} of tiny"
        " at"
    )
    assert said in text
    assert "is too good, because it was chosen." in text


def names_one_winner(capsys: pytest.CaptureFixture[str]) -> None:
    """Whichever trial the confirmation takes, every screen names it."""
    study = open_study(open_storage("sqlite:///hpsearch.db"), "tiny").study
    found = study.user_attrs["hpsearch:confirmation"]
    for taken in (one["trial"] for one in found["finalists"]):
        study.set_user_attr("hpsearch:confirmation", {**found, "chosen": taken})
        assert recorded(Path(), "tiny").best == recorded(Path(), "tiny").trials[taken]
        assert printed_json(["best", "tiny"], capsys)["number"] == taken
        assert printed_json(["status", "tiny"], capsys)["best"]["number"] == taken
        assert printed_json(["compare", "tiny", "tiny"], capsys)[0]["best"]["number"] == taken
        assert main(["best", "tiny", "--yaml", "best.yaml"]) == 0
        assert Path("best.yaml").read_text().startswith(f"# Trial {taken} of the study tiny")
        assert main(["report", "tiny", "-o", "report.html"]) == 0
        assert f"(trial {taken})" in Path("report.html").read_text()


def printed_json(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_second_look_is_refused_with_the_table_and_exit_code_2(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["confirm", "tiny", "--inline", "--devices", "cpu:1"]
    assert main([*words, "--top", "1", "--seeds", "1"]) == 0
    # The model that was tested is no longer the same file: another one would be tested.
    best = next(home.glob("runs/tiny.confirm/trial-0000/best.ckpt"))
    best.write_bytes(best.read_bytes() + b"0")
    capsys.readouterr()
    assert main([*words, "--top", "1", "--seeds", "1"]) == 2
    out, err = capsys.readouterr()
    assert "confirmed" in out
    assert err.startswith("error: the test split of tiny was opened at ")
    assert "add --again; that is recorded, too" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["confirm", "tinny"], "there is no study 'tinny'"),
        (["confirm", "tiny", "--seeds", "0"], "--seeds"),
        (["confirm", "tiny", "--top", "none"], "--top"),
    ],
)
def test_what_is_given_wrong_is_said_in_a_line(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(words) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert message in err


def test_an_interrupted_confirmation_says_how_to_continue_without_a_password() -> None:
    options = ConfirmFlags(top=2, refit=True, storage="postgresql+psycopg://me:secret@h/db")
    url = "'postgresql+psycopg://me:***@h/db'"
    assert same_command("tiny", options) == f"hpsearch confirm tiny --refit --top 2 --storage {url}"
    assert same_command("tiny", ConfirmFlags()) == "hpsearch confirm tiny"
    assert same_command("tiny", ConfirmFlags(nodes="a,b")) == "hpsearch confirm tiny --nodes a,b"
