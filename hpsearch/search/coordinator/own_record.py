"""A trial's own record, as far as it is proved to be its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from optuna.trial import Trial

from hpsearch.protocol.events import Record, read_record
from hpsearch.protocol.job import Job, attempt_number, attempt_token
from hpsearch.protocol.layout import CHECKPOINTS, TrialFiles, read_claim
from hpsearch.protocol.regular_file import read_regular
from hpsearch.search.coordinator.observer import Observer
from hpsearch.search.coordinator.running import RunningTrial
from hpsearch.search.store import (
    EVENTS,
    StudyWriter,
    examine_folder,
    free_name,
    move_to_orphans,
)
from hpsearch.search.store.keys import ATTEMPTS


def open_record(job: Job, observer: Observer) -> Record:
    """Returns the record of a trial about to begin.

    What the trial cannot continue from is moved aside: files of another trial, checkpoints with
    reports that its record has lost, and what is not a file.
    """
    folder = Path(job.folder)
    for words in _set_aside_strange(folder):
        observer.note(f"trial {job.number}: {words}")
    evidence = examine_folder(folder, job.identity, job.params)
    if evidence.foreign:
        place = move_to_orphans(folder, evidence.whose)
        observer.note(
            f"trial {job.number}: the files in its folder belonged to {evidence.whose}, perhaps"
            f" because a copy of the database was restored; they are in {place} now"
        )
    elif _has_lost_reports(folder, evidence.record):
        place = move_to_orphans(folder, "lost reports")
        observer.note(
            f"trial {job.number}: its record has lost reports, so its best epoch is unknown; its"
            f" files are in {place} now, and it starts over"
        )
        return Record()
    return evidence.record


def _set_aside_strange(folder: Path) -> Iterator[str]:
    """Renames what a trial would wait for, or fail at; yields what each was, in words."""
    for path, words in TrialFiles(folder).not_files():
        aside = free_name(path.with_name(f"{path.name}.damaged"))
        path.rename(aside)
        yield f"{path} was {words}; it is {aside.name} now"


def _has_lost_reports(folder: Path, record: Record) -> bool:
    """Returns whether lines of a record are gone, between two others or at its end.

    A report is on disk before the checkpoint that is saved after it.
    """
    if record.missing:
        return True
    reported = {report.step for report in record.reports}
    for name in CHECKPOINTS:
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            facts = json.loads(read_regular(TrialFiles(folder).digest(name)))
            # Version 0.2.0 wrote no step: a report was an epoch.
            if facts.get("reported", True) and facts.get("step", facts["epoch"]) not in reported:
                return True
    return False


def next_attempt(job: Job, trial: Trial, *, rehearse: bool) -> Job:
    """Returns the job as the trial's next attempt, later than all before it.

    A restored database knows fewer attempts than have claimed the folder.
    """
    known = len(trial.user_attrs.get(ATTEMPTS, []))
    number = max(known, attempt_number(read_claim(Path(job.folder)))) + 1
    return replace(job, rehearse=rehearse, attempt=attempt_token(number))


def catch_up(running: RunningTrial, writer: StudyWriter) -> None:
    """Writes the reports that the trial's previous process made until it lost the folder.

    Call it once the trial's new process has the folder: nobody else reports there then.
    """
    known = {report.step for report in running.reports}
    record = read_record(Path(running.job.folder) / EVENTS, running.job.identity)
    late = [report for report in record.reports if report.step not in known]
    if late:
        writer.replay(running.trial, late)
        running.reports[:] = sorted([*running.reports, *late], key=lambda each: each.step)
