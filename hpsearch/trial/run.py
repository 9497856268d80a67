"""One trial in its process: where it continues from, its training, and how it ended."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from hpsearch.data.test_access import keep_test_split_closed
from hpsearch.protocol.events import EventLog
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Ended, Report
from hpsearch.protocol.types import primary
from hpsearch.studyfile.yaml_text import to_yaml
from hpsearch.trial.causes import failed
from hpsearch.trial.inference.cost import latency_probe
from hpsearch.trial.lightning_namespace import in_namespace
from hpsearch.trial.loggers import services, tensorboard
from hpsearch.trial.progress import SayProgress
from hpsearch.trial.ranks import HeardLog, Rank
from hpsearch.trial.rehearsal import rehearse_apart
from hpsearch.trial.reports import RefusedError, Reports, Send
from hpsearch.trial.saving import checkpoint
from hpsearch.trial.saving.attributes import OwnAttributes
from hpsearch.trial.saving.claim import Claim, SupersededError
from hpsearch.trial.saving.metrics import LastMetrics
from hpsearch.trial.saving.position import DataPosition
from hpsearch.trial.saving.tuning import restrain_tuners
from hpsearch.trial.stage import StageTracker
from hpsearch.trial.training import assemble, prepare


@keep_test_split_closed()
def run_trial(job: Job, send: Send, number: int = 0, meeting: str = "") -> None:
    """Trains the job's model, or continues from its last checkpoint, and reports the end.

    Never raises when the trial fails: a failure is reported as `Ended("failed", ...)`.

    Args:
        job: the trial.
        send: sends a message and returns the decision on it.
        number: of this process among those that train the trial together, from 0.
        meeting: path of the file by which they find each other.
    """
    where, claim, log = StageTracker(), None, None
    rank = Rank(number, job.processes, meeting)
    try:
        if rank.leads:
            Path(job.folder).mkdir(parents=True, exist_ok=True)
            claim = Claim(Path(job.folder), job.attempt)
            # After the claim: until then, the folder's previous process may have reported.
            log = EventLog(Path(job.folder) / "events.jsonl", job.identity, job.attempt)
            log.begin()
            _write_params(job)
        ended = _fit(job, log, send, where, claim, rank)
        if claim and log and ended.how != "stopped":
            claim.hold()
            log.append(ended)
    except (SupersededError, RefusedError):
        # It continues in another process already; or its data are not the study's.
        ended = Ended("stopped")
    except (Exception, SystemExit) as error:
        # Lightning exits on SIGTERM: the trial continues later, from its last checkpoint. Before
        # the training, it is the study's own code that exits.
        exits = isinstance(error, SystemExit) and where.kind != "set-up"
        ended = Ended("stopped") if exits else failed(error, job, where)
        # A logger may have made the folder anew; nobody makes another claim.
        if claim and ended.how == "failed" and not claim.there:
            words = f"its folder {job.folder} is gone: it was moved or removed while it trained"
            ended = replace(ended, failure=words)
        with contextlib.suppress(OSError, SupersededError):
            kept = ended.how == "failed" and not ended.fatal and ended.failure_kind != "disk"
            # With several processes, only the process that started them knows the cause.
            kept = kept and rank.count == 1
            if claim and log and kept:
                claim.hold()
                log.append(ended)
    send(ended)


def _fit(
    job: Job,
    log: EventLog | None,
    send: Send,
    where: StageTracker,
    claim: Claim | None,
    rank: Rank,
) -> Ended:
    job = prepare(job, rank)
    last = Path(job.folder) / checkpoint.LAST
    begun = _recover(job, log) if log is not None else None
    rank.join(job)
    refused, done, notes, known = rank.share(begun)
    if refused:
        return Ended(**vars(refused))
    heard = HeardLog(known) if log is None else log

    def build_reports(namespace: Any) -> list[Any]:
        position = DataPosition(notes)
        latency = latency_probe(job, heard.reports)
        made = in_namespace(Reports, namespace)
        reports = made(job, heard, send, claim, done, notes, *latency)
        kept = (position, LastMetrics(), OwnAttributes())
        return [SayProgress(send, job), *kept, *latency, reports]

    training = assemble(job, where, build_reports, rank)
    reports: Reports = training.callbacks[-1]
    reports.catch_up()
    trainer, data = training.trainer, training.data
    notes = [*training.notes, *restrain_tuners(trainer, training.module, continues=done > 0)]
    for note in notes if rank.leads else ():
        print(note, flush=True)
    tensorboard.declare_columns(training.board, job)
    others = [logger for logger in trainer.loggers if logger is not training.board]
    services.write_settings(others, job)
    ckpt_path = last if done else None
    try:
        trainer.fit(training.module, datamodule=data, ckpt_path=ckpt_path, weights_only=True)
    finally:
        best = heard.best(*primary(job.objectives))
        tensorboard.fill_columns(training.board, best, trainer.global_step)
        has_failed = sys.exc_info()[0] is not None
        for note in services.end(others, best, trainer.global_step, has_failed):
            print(note, flush=True)
    return Ended(reports.how, facts=reports.end())


def _recover(job: Job, log: EventLog) -> tuple[Ended | None, int, list[str], list[Report]]:
    """Restores the trial's folder to the point it continues from, and rehearses a new trial.

    Returns:
        Why it cannot be trained, if the rehearsal failed; the step it continues from; what is wrong
        with later checkpoints; and its reports up to that step.
    """
    done, notes = checkpoint.recover(Path(job.folder), job.owner)
    log.drop_after(done)
    refused = None
    if job.rehearse and not done:
        refused = rehearse_apart(replace(job, processes=1))
    return refused, done, notes, log.reports


def _write_params(job: Job) -> None:
    text = to_yaml({"params": dict(job.params), **job.config})
    (Path(job.folder) / "params.yaml").write_text(text, encoding="utf-8")
