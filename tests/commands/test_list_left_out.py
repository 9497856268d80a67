"""`list`, where no study of the database can be read."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from hpsearch.cli import main
from hpsearch.search.store import open_storage


def test_studies_that_are_left_out_are_not_called_no_studies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    half = optuna.create_study(storage=open_storage(url), study_name="half")
    half.set_user_attr("hpsearch:id", "half")

    assert main(["list", "--storage", url]) == 0

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("left out: half: its creation was interrupted")
