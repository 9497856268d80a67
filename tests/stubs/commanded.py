"""A folder in which commands have been run, which the tests of a file share."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.cli import main


def run_commands(factory: pytest.TempPathFactory, file: str, study: str, *commands: str) -> Path:
    """Returns a new folder with a study file, in which commands have been run.

    Args:
        factory: makes the folder.
        file: the study file's name.
        study: its text.
        commands: what follows `hpsearch`, each in one string.
    """
    folder = factory.mktemp(Path(file).stem)
    (folder / file).write_text(study)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("HPSEARCH_STORAGE", raising=False)
        for command in commands:
            assert main(command.split()) == 0
    return folder
