"""An ensemble of a search: chosen among the kept models, tested once on record, exported as one."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from inline import confirm_inline, run_inline

from hpsearch.cli import main
from hpsearch.errors import InputError
from hpsearch.search.confirm import (
    ConfirmOptions,
    EnsembleOptions,
    make_ensemble,
    opened_by_another,
)
from hpsearch.search.confirm.ensemble import EnsembleResult
from hpsearch.search.model import ensemble_of, export_ensemble
from hpsearch.search.options import RunOptions
from hpsearch.search.store import StoredStudy, StudyRecord, load_record, open_study
from hpsearch.search.store.database import open_storage
from hpsearch.studyfile.study import StudySpec
from hpsearch.trial.export.exported import open_model

STUDY = {
    "study": {
        "name": "tiny",
        "objective": {"val_error": "minimize"},
        "sampler": "random",
        "pruner": "none",
        "trials": 3,
        "seed": 1,
    },
    "model": {"class_path": "tested.Regression", "init_args": {"width": "~int(32, 64)"}},
    "data": {"class_path": "tested.TestedData", "init_args": {"batch_size": "~choice(8, 16)"}},
    "trainer": {"max_epochs": 2},
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The database of a small search."""
    folder = tmp_path_factory.mktemp("home")
    url = f"sqlite:///{folder}/study.db"
    run_inline(StudySpec.from_document(STUDY), url, folder / "runs")
    return url


def ensemble(url: str, **options: Any) -> EnsembleResult:
    where = RunOptions(engine="inline", devices="cpu:1")
    return make_ensemble(stored(url), replace(EnsembleOptions(), **options), where)


def stored(url: str) -> StoredStudy:
    return open_study(open_storage(url, create=False), "tiny")


def record_of(url: str) -> StudyRecord:
    return load_record(open_storage(url), "tiny")


def folders(url: str) -> list[Path]:
    return [Path(json.loads(job)["folder"]) for job in ensemble_of(stored(url))["jobs"]]


def test_an_ensemble_is_chosen_measured_tested_and_the_same_the_second_time(url: str) -> None:
    with pytest.raises(InputError, match="tiny has no ensemble yet; hpsearch ensemble tiny"):
        ensemble_of(stored(url))
    first = ensemble(url)
    record = first.record
    assert first.refused == ""
    assert len(record["members"]) > 1
    assert record["averaging"]["kind"] == "values"
    assert record["held_out"]["together"] < record["held_out"]["alone"]
    alone = record["alone"]["values"]["val_error"]
    best = record_of(url).best
    assert best is not None
    assert best.values is not None
    assert alone == pytest.approx(best.values[0], rel=1e-5)
    assert record["values"]["val_error"] < alone
    assert record["test"]["what"] == f"the ensemble of {len(record['members'])} models"
    assert record["test"]["value"] > 0
    assert record["test"]["examples"] == 50

    assert ensemble(url).record == record, "nothing is drawn anew, and nothing opened again"
    assert record_of(url).ensemble == record
    assert len(record_of(url).test_evaluations) == 1


def test_the_exported_file_is_as_good_as_the_modules_found_together(
    url: str, tmp_path: Path
) -> None:
    target = tmp_path / "tiny.pt2"
    written = export_ensemble(stored(url), target)
    record = record_of(url).ensemble
    assert record is not None
    assert written["difference"] <= 1e-5
    assert len(written["metadata"]["members"]) == len(record["members"])
    points = torch.randn(96, 2, generator=torch.Generator().manual_seed(0))[64:]
    outputs = torch.from_numpy(open_model(target)(points.numpy()))
    error = torch.nn.functional.mse_loss(outputs, points).item()
    assert error == pytest.approx(record["values"]["val_error"], rel=1e-4)


def test_members_are_kept_apart_from_their_trials_and_those_of_an_earlier_one_are_gone(
    url: str,
) -> None:
    assert len(ensemble(url, members=2, again=True).record["members"]) == 2
    kept = folders(url)
    assert all((folder / "best.ckpt").is_file() for folder in kept)
    assert sorted(path for path in kept[0].parent.iterdir() if path.is_dir()) == sorted(kept)
    assert kept[0].parent.name == "ensemble"


def test_the_test_split_is_opened_for_the_ensemble_or_for_the_confirmed_model(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["confirm", "tiny", "--top", "1", "--seeds", "1", "--inline", "--devices", "cpu:1"]
    assert main([*words, "--storage", url]) == 2
    first, *_, last = capsys.readouterr().err.splitlines()
    opened = r"the test split of tiny was opened at \S+ for the ensemble of 2 models"
    assert re.match(rf"note: {opened}, so `confirm` tests nothing, and ends with exit", first)
    wanted = (
        rf"error: {opened} \(test_error .*; testing trial .*add --again; that is recorded, too$"
    )
    assert re.match(wanted, last)
    again = confirm_inline("tiny", url, ConfirmOptions(top=1, seeds=1, again=True))
    assert again.refused == ""
    both = [opened_by_another(stored(url).study, by) for by in ("ensemble", "confirm")]
    assert both == ["", ""], "each has its figure, which another call only repeats"

    made = ensemble(url, members=3)
    assert made.record["candidates"] == 4, "the run of the confirmation takes part"
    with pytest.raises(InputError, match=r"is a confirmation; hpsearch ensemble tiny$"):
        make_ensemble(
            open_study(open_storage(url), "tiny.confirm"), EnsembleOptions(), RunOptions()
        )


def test_one_model_is_no_ensemble(url: str) -> None:
    for path in [*Path(record_of(url).runs).glob("tiny*/trial-*/best.ckpt")][1:]:
        path.unlink()
    with pytest.raises(InputError, match=r"needs two models, and 1 of tiny have a checkpoint"):
        ensemble(url)
