from __future__ import annotations

import errno
import warnings
from typing import Any

import pytest

from hpsearch.commands.guarded import complaint, guarded
from hpsearch.spec.errors import InputError
from hpsearch.spec.faults import Fault, StudyFileError


def raises(error: BaseException) -> Any:
    def command() -> None:
        raise error

    return command


def test_command_without_a_code_is_a_success() -> None:
    assert guarded(lambda: None) == 0
    assert guarded(lambda: 1) == 1


def test_input_error_is_a_sentence_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(raises(InputError("no such study"))) == 2
    assert capsys.readouterr() == ("", "error: no such study\n")


def test_faults_of_a_study_file_are_printed_as_they_are() -> None:
    fault = Fault("a.yaml", 3, "model", "is wrong")
    words = complaint(StudyFileError([fault]))
    assert words == "a.yaml:3: error: model: is wrong\na.yaml has 1 error"


def test_full_disk_is_a_sentence() -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "best.yaml")
    assert complaint(error) == (
        "error: best.yaml: the disk is full; make room and give the same command again"
    )


def test_bug_leaves_as_an_exception() -> None:
    with pytest.raises(ZeroDivisionError, match="of ours"):
        guarded(raises(ZeroDivisionError("of ours")))
    with pytest.raises(FileNotFoundError, match="of ours"):
        guarded(raises(FileNotFoundError("of ours")))


def test_ctrl_c_is_exit_code_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(raises(KeyboardInterrupt())) == 130
    assert capsys.readouterr() == ("", "")


def test_libraries_warnings_stay_off_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: warnings.warn("advice", UserWarning, stacklevel=1)) == 0
    assert capsys.readouterr().err == ""
