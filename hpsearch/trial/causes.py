"""What an exception of a trial means: its cause, and which resource ran out."""

from __future__ import annotations

import errno
import re
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hpsearch.classes.signature import RefusedValuesError
from hpsearch.data import DataError
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Ended, FailureKind
from hpsearch.protocol.resources import SHARED_MEMORY, is_of_shared_memory, shared_memory_words
from hpsearch.trial.inference.cost import LatencyError
from hpsearch.trial.saving import checkpoint
from hpsearch.trial.speedups.speed import WrongMachineError
from hpsearch.trial.stage import NotFiniteError, StageTracker, is_out_of_memory
from hpsearch.trial.trainer import UnusableError
from hpsearch.trial.validations import BadMetricError

TRACEBACK_LINES = 30
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # that a terminal would show
OUT_OF_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def failed(error: BaseException, job: Job, where: StageTracker) -> Ended:
    """Returns what an exception means: this trial failed, or no trial can be trained at present.

    Or its process was interrupted (Ctrl-C, SIGTERM): it is stopped, and continues later.
    """
    if _was_interrupted(error):
        return Ended("stopped")
    full = find_full(error, Path(job.folder))
    if full is not None and full[1]:
        needs = checkpoint.room_needed(Path(job.folder) / checkpoint.LAST)
        return Ended("failed", full[0], "disk", facts={"needs": needs})
    if full is not None:
        return Ended("failed", full[0], "resources")
    if isinstance(error, DataError | WrongMachineError):
        return Ended("failed", str(error), where.kind, fatal=True)
    if isinstance(error, UnusableError):
        return Ended("failed", str(error), where.kind, fatal=job.rehearse)
    tail = "\n".join(traceback.format_exc().splitlines()[-TRACEBACK_LINES:])
    if isinstance(error, FileNotFoundError) and error.filename and where.kind == "set-up":
        missing = Path(_text(error.filename)).absolute()
        words = f"{missing}, which the data or the model reads, does not exist: correct its path"
        return Ended("failed", words, where.kind, tail, fatal=job.rehearse)
    facts = {"failed_at": where.at} if where.at else {}
    if isinstance(error, NotFiniteError):
        return Ended("failed", str(error), "not finite", facts=facts)
    if isinstance(error, RefusedValuesError):
        return Ended("failed", " ".join(str(error).split())[:500], "infeasible")
    if isinstance(error, BadMetricError | LatencyError):
        return Ended("failed", str(error), "metric", facts=facts)
    kind: FailureKind = "out of memory" if is_out_of_memory(error) else where.kind
    return Ended("failed", one_line(error), kind, tail, facts=facts)


def too_few_classes(job: Job, data: Any) -> str:
    """Returns what is wrong if the file gives the model fewer classes than the data have; or ""."""
    section = job.config["model"]
    given = (section.get("init_args") or {}).get("classes") if isinstance(section, dict) else None
    there = getattr(data, "classes", None)
    if not (isinstance(given, int) and isinstance(there, int) and given < there):
        return ""
    return (
        f"model.classes is {given}, and the data have {there} classes; leave it out, and the model"
        " gets the number from the data"
    )


def find_full(error: BaseException, folder: Path) -> tuple[str, bool] | None:
    """Returns what is full, as a sentence, and whether it is the disk of the trial's folder.

    None if the error does not say that anything is full.
    """
    causes = list(_with_causes(error))
    if any(map(_is_of_shared_memory, causes)):
        return shared_memory_words(), False
    refused = next((e for e in causes if isinstance(e, OSError) and e.errno in OUT_OF_ROOM), None)
    if refused is None:
        return None
    file = refused.filename
    if isinstance(file, str | bytes) and not _is_beside(Path(_text(file)), folder):
        return f"{_text(file)} cannot be written ({refused.strerror})", False
    return f"the disk that holds {folder} cannot be written ({refused.strerror})", True


def _was_interrupted(error: BaseException) -> bool:
    """Returns whether Lightning has ended the training at a signal: it exits Python then."""
    return isinstance(error, SystemExit) and (
        type(error).__name__ == "SIGTERMException"
        or any(isinstance(cause, KeyboardInterrupt) for cause in _with_causes(error))
    )


def _is_of_shared_memory(error: BaseException) -> bool:
    """Returns whether /dev/shm is full, which holds semaphores and loader workers' batches."""
    if isinstance(error, RuntimeError):
        return is_of_shared_memory(str(error))
    if not isinstance(error, OSError) or error.errno != errno.ENOSPC:
        return False
    if error.filename is not None:
        return Path(_text(error.filename)).is_relative_to(SHARED_MEMORY)
    frames = traceback.extract_tb(error.__traceback__)
    return any("multiprocessing" in Path(frame.filename).parts for frame in frames[-2:])


def _is_beside(file: Path, folder: Path) -> bool:
    """Returns whether two paths, or the nearest folders that exist, are on one disk."""
    try:
        return _nearest(file).stat().st_dev == _nearest(folder).stat().st_dev
    except OSError:
        return True


def _nearest(path: Path) -> Path:
    """Returns the path, or the nearest folder above it that exists."""
    return next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())


def _text(name: str | bytes) -> str:
    return name if isinstance(name, str) else name.decode(errors="replace")


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yields the error and its causes: loggers wrap a disk error in their own."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def one_line(error: BaseException) -> str:
    """Returns an exception's class and message in one line of at most 500 characters."""
    return whole_line(error)[:500]


def whole_line(error: BaseException) -> str:
    """Returns an exception's class and message in one line, however long."""
    return f"{type(error).__name__}: {' '.join(_COLOURS.sub('', str(error)).split())}"
