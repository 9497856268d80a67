"""Where a command may write its file, said before it does anything else."""

from __future__ import annotations

from pathlib import Path

import pytest
from users import as_another_user

from hpsearch.commands.context import check_target
from hpsearch.errors import InputError


def test_a_file_in_a_folder_of_others_is_refused_by_its_own_name() -> None:
    with as_another_user(), pytest.raises(InputError) as refused:
        check_target(Path("/digits.onnx"))
    assert str(refused.value) == "/digits.onnx cannot be written: you may not write to the folder /"


def test_a_file_in_ones_own_folder_may_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "digits.onnx").touch()
    check_target(tmp_path / "digits.onnx")
    check_target(tmp_path / "new.onnx")


def test_anybody_may_write_to_a_pipe_or_a_device_in_a_folder_of_others() -> None:
    with as_another_user():
        check_target(Path("/dev/null"))
