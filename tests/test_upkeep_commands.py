"""`rename`, `delete`, `prune-checkpoints`, `du` and `run --restart`, on a search that is done."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from commanded import run_commands
from users import as_another_user

from hpsearch.cli import main
from hpsearch.search.store.database import close_storage, open_storage
from hpsearch.search.store.lease import take_lease
from hpsearch.search.store.load import open_study
from hpsearch.trial.saving.checkpoint import verified

STUDY = """
study:
  name: tiny
  objective: {val_loss: minimize}
  sampler: random
  pruner: none
  trials: 3
model:
  class_path: tested.TestedModel
  init_args: {width: "~int(2, 16)"}
data: {class_path: tested.TestedData}
trainer: {max_epochs: 2}
"""
INLINE = ["--inline", "--devices", "cpu:1"]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a search is done and confirmed."""
    run = "run tiny.yaml --inline --devices cpu:1"
    confirm = "confirm tiny --inline --devices cpu:1 --top 1 --seeds 2"
    return run_commands(tmp_path_factory, "tiny.yaml", STUDY, run, confirm)


@pytest.fixture
def home(
    tmp_path: Path,
    done: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Path:
    """A copy of that folder; its original is out of sight."""
    home = tmp_path / "home"
    shutil.copytree(done, home)
    monkeypatch.chdir(home)
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    capsys.readouterr()
    return home


def status(capsys: pytest.CaptureFixture[str], name: str) -> Any:
    capsys.readouterr()
    assert main(["status", name, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def checkpoints() -> list[str]:
    return sorted(str(file) for file in Path("runs").glob("tiny/trial-*/*.ckpt"))


def test_a_renamed_study_keeps_its_trials_its_files_and_its_confirmation(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = status(capsys, "tiny")
    assert main(["rename", "tiny", "small"]) == 0
    assert "write `name: small` into its study file" in capsys.readouterr().out

    after = status(capsys, "small")
    assert after["trials"] == before["trials"]
    assert after["confirmation"]["study"] == "small.confirm"
    assert [path.name for path in sorted(Path("runs").iterdir())] == ["small", "small.confirm"]
    assert main(["status", "tiny"]) == 2
    assert main(["fsck", "small"]) == 0
    assert main(["fsck", "small.confirm"]) == 0
    assert main(["resume", "small", *INLINE, "--add", "1"]) == 0
    assert [trial["state"] for trial in status(capsys, "small")["trials"]] == ["complete"] * 4
    assert not Path("runs/small/orphans").exists(), "the files are still its trials' own"


def test_a_checkpoint_stays_its_trials_whatever_the_study_is_called(home: Path) -> None:
    best = next(Path("runs").glob("tiny/trial-*/best.ckpt"))
    owner = {**json.loads(best.with_suffix(".json").read_text())}
    known = {name: owner[name] for name in ("owner", "study", "trial", "parameters", "seed")}
    assert verified(best, known) is not None
    assert verified(best, {**known, "owner": "small, trial 0"}) is not None
    assert verified(best, {**known, "study": "another"}) is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rename", "tiny", "tiny"], "a study tiny already exists; choose another name"),
        (["rename", "tiny", "a/b"], "'a/b' cannot name a study; use up to 64 letters"),
        (["rename", "tiny", "taken"], "taken already exists; move it away, or choose another"),
        (["rename", "tiny.confirm", "b"], "tiny.confirm is the confirmation of tiny; rename that"),
        (["delete", "tiny"], "to delete it without being asked, add --yes"),
        (["delete", "tony", "--yes"], "there is no study 'tony'"),
    ],
)
def test_what_would_lose_something_is_refused(
    home: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("runs/taken").mkdir()
    assert main(arguments) == 2
    assert words in capsys.readouterr().err
    assert len(status(capsys, "tiny")["trials"]) == 3


def test_a_study_that_runs_is_left_alone(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored = open_study(open_storage("sqlite:///hpsearch.db"), "tiny")
    lease = take_lease(stored.database.engine, stored.row, "tiny")
    for arguments in (["delete", "tiny", "--yes"], ["delete", "tiny"], ["rename", "tiny", "b"]):
        assert main(arguments) == 2
        said = capsys.readouterr().err
        assert "the study tiny is being run by another process" in said
        assert "--yes" not in said, "that would not help"
    assert main(["prune-checkpoints", "tiny"]) == 2
    lease.release()
    assert len(status(capsys, "tiny")["trials"]) == 3


def test_what_a_lost_database_had_can_be_rebuilt_and_each_command_says_so(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rebuild = "hpsearch fsck {} --rebuild --storage sqlite:///hpsearch.db"
    Path("hpsearch.db").unlink()
    for arguments in (["list"], ["status", "tiny"]):
        assert main(arguments) == 2
        words = f"runs has trials: if their database is lost, rebuild it with `{rebuild}`"
        assert words.format("NAME") in capsys.readouterr().err

    close_storage(open_storage("sqlite:///hpsearch.db"))
    assert main(["list"]) == 0
    assert rebuild.format("NAME") in capsys.readouterr().out
    assert main(["resume", "tony"]) == 2
    assert "`hpsearch list` shows what there is" in capsys.readouterr().err
    for arguments in (["resume", "tiny"], ["show", "tiny", "0"], ["report", "tiny"]):
        assert main(arguments) == 2
        assert "runs/tiny has trials: if their database is lost" in capsys.readouterr().err
    assert main(rebuild.format("tiny").split()[1:]) == 0
    assert len(status(capsys, "tiny")["trials"]) == 3


def test_a_deleted_study_can_be_brought_back(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = status(capsys, "tiny")["trials"]
    assert main(["delete", "tiny", "--yes"]) == 0
    *_, back = capsys.readouterr().out.splitlines()
    assert main(["list"]) == 0
    assert "no studies yet" in capsys.readouterr().out
    assert not Path("runs/tiny").exists()

    move, _, rebuild = back.strip().partition(" && ")
    assert os.system(move) == 0
    assert main(rebuild.split()[1:]) == 0
    assert "next: hpsearch show tiny" in capsys.readouterr().out, "there is nothing to resume"
    values = [trial["value"] for trial in status(capsys, "tiny")["trials"]]
    assert values == [trial["value"] for trial in before]


class Keyboard(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "code"), [("tiny\n", 0), ("yes\n", 2), ("\n", 2)])
def test_a_person_is_asked_before(
    home: Path, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    monkeypatch.setattr(sys, "stdin", Keyboard(typed))
    assert main(["delete", "tiny"]) == code
    assert Path("runs/tiny").exists() == bool(code)


def test_only_the_best_keep_their_checkpoints(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(checkpoints()) == 3
    assert main(["prune-checkpoints", "tiny", "--keep", "2"]) == 0
    assert capsys.readouterr().out.startswith("freed ")
    assert len(checkpoints()) == 2
    assert main(["prune-checkpoints", "tiny"]) == 0
    best = status(capsys, "tiny")["best"]["number"]
    assert checkpoints() == [f"runs/tiny/trial-{best:04d}/best.ckpt"]
    assert main(["prune-checkpoints", "tiny"]) == 0
    assert capsys.readouterr().out.startswith("there was nothing to remove; write `keep_check")
    assert main(["fsck", "tiny"]) == 0


def test_du_counts_every_byte_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["du", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    files = [file for file in Path("runs/tiny").rglob("*") if file.is_file()]
    sizes = {file.stat().st_ino: file.stat().st_size for file in files}
    assert found["tiny"]["total"] == sum(sizes.values())
    assert found["tiny"]["best"] == sum(Path(file).stat().st_size for file in checkpoints())
    assert main(["delete", "tiny", "--yes"]) == 0
    assert main(["run", "tiny.yaml", *INLINE, "--trials", "1"]) == 0
    capsys.readouterr()
    assert main(["du"]) == 0
    assert "(trash)" in capsys.readouterr().out


def test_du_leaves_out_what_this_user_may_not_read(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with TemporaryDirectory() as folder:  # pytest's own is closed to others
        shutil.copytree(home, folder, dirs_exist_ok=True)
        Path(folder).chmod(0o755)
        Path(folder, "runs").chmod(0)
        monkeypatch.chdir(folder)
        with as_another_user():
            assert main(["du"]) == 0
            assert main(["du", "tiny"]) == 2
        monkeypatch.undo()
        Path(folder, "runs").chmod(0o755)
    said = capsys.readouterr()
    left_out = "left out: tiny: you have no permission to read "
    assert re.search(rf"{left_out}/\S+/runs/tiny\n", said.err)
    assert re.search(r"error: /\S+/runs/tiny: no permission to write or read there\n", said.err)
    assert "tiny" not in said.out


def test_a_restarted_study_begins_anew(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "tiny.yaml", *INLINE, "--restart", "--trials", "1"]) == 0
    assert "tiny starts over; its files are in " in capsys.readouterr().err
    assert len(status(capsys, "tiny")["trials"]) == 1
