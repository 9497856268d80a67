"""`logs`: the output of a trial, so far and from now on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TextIO

from cyclopts import Parameter

from hpsearch.commands.context import open_named, pick_trial, report
from hpsearch.commands.options import Storage, StudyName, TrialNumber
from hpsearch.errors import InputError

LOOK_S = 0.5
_BLOCK = 1 << 16


def logs(
    name: StudyName,
    number: TrialNumber,
    /,
    *,
    follow: Annotated[
        bool,
        Parameter(
            name=("--follow", "-f"),
            negative="",
            show_default=False,
            help="Keep printing until the trial ends.",
        ),
    ] = False,
    storage: Storage = None,
) -> None:
    """Print the output of a trial."""
    from hpsearch.protocol.layout import TrialFiles, trial_folder
    from hpsearch.protocol.regular_file import what_else

    stored = open_named(name, storage)
    study = stored.record()
    trial = pick_trial(study, number)
    output = TrialFiles(Path(study.runs) / study.name / trial_folder(trial.number)).output
    if not output.exists():
        raise InputError(
            f"trial {trial.number} has printed nothing: there is no {output} (a trial prints there"
            " unless it ran with --inline or on another machine's disk)"
        )

    if kind := what_else(output):
        raise InputError(f"{output} is {kind}, not a file: the trial's output is lost")

    def runs() -> bool:
        return follow and stored.record().trials[trial.number].state == "running"

    with output.open(encoding="utf-8", errors="replace") as file:
        _copy(file, runs)
        if not file.tell():
            report(f"trial {trial.number} has printed nothing")


def _copy(file: TextIO, runs: Callable[[], bool]) -> None:
    """Writes a file to stdout, and what is added to it while its trial runs."""
    more = True
    while more:
        # Checked before the last read, so that nothing printed in between is lost.
        more = runs()
        while block := file.read(_BLOCK):
            sys.stdout.write(block)
        sys.stdout.flush()
        if more:
            time.sleep(LOOK_S)
