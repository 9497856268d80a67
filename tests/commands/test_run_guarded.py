from __future__ import annotations

import errno
import warnings
from typing import Any

import pytest

from hpsearch.commands.run_guarded import complaint, run_guarded
from hpsearch.errors import InputError
from hpsearch.studyfile.diagnostics import Diagnostic, StudyFileError


def raises(error: BaseException) -> Any:
    def command() -> None:
        raise error

    return command


def test_command_without_a_code_is_a_success() -> None:
    assert run_guarded(lambda: None) == 0
    assert run_guarded(lambda: 1) == 1


def test_input_error_is_a_sentence_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_guarded(raises(InputError("no such study"))) == 2
    assert capsys.readouterr() == ("", "error: no such study\n")


def test_faults_of_a_study_file_are_printed_as_they_are() -> None:
    diagnostic = Diagnostic("a.yaml", 3, "model", "is wrong")
    words = complaint(StudyFileError([diagnostic]))
    assert words == "a.yaml:3: error: model: is wrong\na.yaml has 1 error"


def test_full_disk_is_a_sentence() -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "best.yaml")
    assert complaint(error) == (
        "error: best.yaml: the disk is full; free some space and repeat the command"
    )


def test_bug_leaves_as_an_exception() -> None:
    with pytest.raises(ZeroDivisionError, match="of ours"):
        run_guarded(raises(ZeroDivisionError("of ours")))
    with pytest.raises(FileNotFoundError, match="of ours"):
        run_guarded(raises(FileNotFoundError("of ours")))


def test_ctrl_c_is_exit_code_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_guarded(raises(KeyboardInterrupt())) == 130
    assert capsys.readouterr() == ("", "")


def test_libraries_warnings_stay_off_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_guarded(lambda: warnings.warn("advice", UserWarning, stacklevel=1)) == 0
    assert capsys.readouterr().err == ""
