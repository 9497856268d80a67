"""No training process reads test images, and every other reader is recorded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.data import DataError, ImageData, TestSplitClosedError
from hpsearch.data.sources import Request, load_test
from hpsearch.data.test_access import (
    LOG,
    evaluations_of,
    keep_test_split_closed,
    record_evaluation,
    recorded_by_caller,
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_no_class_opens_the_test_split_while_a_model_is_trained() -> None:
    message = "the test split is closed while a model is trained"
    opened = ImageData()
    opened.open_test_split("before the training")
    with keep_test_split_closed():
        with pytest.raises(TestSplitClosedError, match=message):
            ImageData().open_test_split("just this once")
        with pytest.raises(TestSplitClosedError, match=message):
            opened.test_dataloader()
        with pytest.raises(TestSplitClosedError, match=message):
            load_test(Request(), "just this once")
    assert len(opened.test_dataloader()) == 40


def test_no_process_started_by_the_training_opens_it() -> None:
    code = "from hpsearch.data import ImageData; ImageData().open_test_split('from beside')"
    with keep_test_split_closed():
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "TestSplitClosedError: the test split is closed while a model is trained" in done.stderr


def test_an_evaluation_is_recorded_before_the_images_are_returned(folder: Path) -> None:
    images = load_test(Request(), "a look from a notebook")
    [line] = evaluations_of(folder, images.fingerprint)
    assert (line["source"], line["reason"]) == ("mnist", "a look from a notebook")
    assert line["pid"] == os.getpid()


def test_an_evaluation_that_the_caller_records_is_recorded_once(folder: Path) -> None:
    with recorded_by_caller():
        images = load_test(Request(), "the final figure")
    assert evaluations_of(folder, images.fingerprint) == []


def test_the_result_of_an_evaluation_is_added_to_its_record(folder: Path) -> None:
    token = record_evaluation(folder, "ab12", {"study": "one", "trial": 3})
    [before] = evaluations_of(folder, "ab12")
    record_evaluation(folder, "ab12", {"study": "one", "trial": 3, "metrics": {"a": 0.5}}, token)
    [after] = evaluations_of(folder, "ab12")
    assert "metrics" not in before
    assert after == {**before, "metrics": {"a": 0.5}}


def test_evaluations_are_found_by_their_images_despite_damaged_lines(folder: Path) -> None:
    record_evaluation(folder, "ab12", {"study": "one"})
    with (folder / LOG).open("a") as file:
        file.write('{"token": "torn, "images\n[1]\n\xff\n')
    record_evaluation(folder, "cd34", {"study": "two"})
    record_evaluation(folder, "ab12", {"study": "three"})
    assert [one["study"] for one in evaluations_of(folder, "ab12")] == ["one", "three"]
    assert evaluations_of(folder / "elsewhere", "ab12") == []


def test_the_test_split_stays_closed_if_nothing_can_be_recorded(folder: Path) -> None:
    (folder / LOG).mkdir()
    with pytest.raises(
        DataError, match=r"cannot be written .* the evaluation of the test split cann"
    ):
        load_test(Request(), "a look")


def test_lines_are_json(folder: Path) -> None:
    record_evaluation(folder, "ab12", {"reason": 'with "quotes"\nand a line'})
    [text] = (folder / LOG).read_text().splitlines()
    assert json.loads(text)["reason"] == 'with "quotes"\nand a line'
