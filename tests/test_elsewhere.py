"""A search ends the same on a cluster's login node, in an allocation, and without UTF-8."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
# The third of the four tasks of a job: a rank that Lightning would have log nothing.
ALLOCATION = {
    "SLURM_JOB_ID": "77",
    "SLURM_JOB_NAME": "search",
    "SLURM_NTASKS": "4",
    "SLURM_PROCID": "2",
    "SLURM_LOCALID": "2",
    "SLURM_NODEID": "0",
    "RANK": "2",
    "LOCAL_RANK": "2",
    "WORLD_SIZE": "4",
}
NO_UTF8 = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
STUDY = """
study: {name: small, objective: {val_loss: minimize}, trials: 1}
model: {class_path: speaking.Speaking}
data: {class_path: tiny.TinyData}
optimizer: {class_path: torch.optim.SGD, init_args: {lr: 0.1}}
trainer: {max_epochs: 1}
"""
SPEAKING = """
from tiny import TinyModel


class Speaking(TinyModel):
    def on_train_start(self):
        print("läuft", flush=True)
"""


def hpsearch(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "stubs")])
    return subprocess.run(
        [sys.executable, "-m", "hpsearch", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def srun(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH on which Slurm's launcher is found."""
    folder = tmp_path_factory.mktemp("slurm")
    (folder / "srun").write_text("#!/bin/sh\nexit 1\n")
    (folder / "srun").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.mark.process
def test_a_search_in_a_job_and_in_ascii_ends_as_anywhere(tmp_path: Path, srun: str) -> None:
    variables = ALLOCATION | NO_UTF8
    (tmp_path / "small.yaml").write_text(STUDY)
    (tmp_path / "speaking.py").write_text(SPEAKING)
    ran = hpsearch(tmp_path, "run", "small.yaml", PATH=srun, **variables)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stderr == ""
    assert "1 complete" in ran.stdout

    shown = hpsearch(tmp_path, "show", "small", "0", "--json", PATH=srun, **variables)
    trial: dict[str, Any] = json.loads(shown.stdout)
    assert trial["state"] == "complete"
    folder = tmp_path / "runs" / "small" / "trial-0000"
    # The rehearsal of the first trial prints there, too; Lightning's advice on srun does not.
    assert set((folder / "output.txt").read_text(encoding="utf-8").splitlines()) == {"läuft"}
    written = [file.stat().st_size for file in (folder / "tensorboard").iterdir()]
    assert max(written) > 400
