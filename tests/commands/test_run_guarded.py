from __future__ import annotations

import errno
import warnings
from pathlib import Path
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


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EIO, "the disk failed to read or write"),
        (errno.ESTALE, "the file server no longer has this file"),
        (errno.ENOLCK, "this file system gives no locks"),
        (errno.ENAMETOOLONG, "this name is too long for the file system"),
        (errno.ELOOP, "its links lead in a circle"),
        (errno.EMFILE, "too many files are open; raise the limit: ulimit -n 4096"),
        (errno.ENFILE, "too many files are open on this machine"),
        (errno.ENOMEM, "the machine has no memory left"),
    ],
)
def test_what_the_machine_refuses_is_a_sentence(number: int, words: str) -> None:
    said = complaint(OSError(number, "as the system says it", "runs"))
    assert said is not None
    assert said.startswith(f"error: runs: {words}")


def test_a_current_folder_that_was_removed_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (gone := tmp_path / "gone").mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert complaint(FileNotFoundError(errno.ENOENT, "No such file")) == (
        "error: the current folder does not exist any more; change to another one (cd)"
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
