"""A trial's own record, as far as it is proved to be its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from optuna.trial import Trial

from hpsearch.protocol.events import Record, read_record
from hpsearch.protocol.job import Job, attempt_number, attempt_token
from hpsearch.protocol.layout import read_claim
from hpsearch.search.coordinator.observer import Observer
from hpsearch.search.coordinator.running import RunningTrial
from hpsearch.search.store import EVENTS, StudyWriter, examine_folder, move_to_orphans
from hpsearch.search.store.keys import ATTEMPTS


def open_record(job: Job, observer: Observer) -> Record:
    """Returns the record of a trial about to begin; moves files of another trial to `orphans/`."""
    folder = Path(job.folder)
    evidence = examine_folder(folder, job.identity, job.params)
    if evidence.foreign:
        place = move_to_orphans(folder, evidence.whose)
        observer.note(
            f"trial {job.number}: the files in its folder are of {evidence.whose}, as after a copy"
            f" of the database was put back; they are in {place} now"
        )
    return evidence.record


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
