"""Who may read the test images of a source, and the record of who did.

Test images answer one question once. A process that trains cannot read them through hpsearch's
classes, and any other reader adds a line to a file in its current folder. A line names the images
by a hash, so that an evaluation is seen from every study and database of that folder.
"""

from __future__ import annotations

import json
import os
import socket
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from hpsearch.errors import DataError, TestSplitClosedError

LOG = "hpsearch-test-openings.jsonl"
# In the environment, so that it also applies in the processes that this one starts.
_CLOSED = "HPSEARCH_TEST_SPLIT_CLOSED"
_recorded_by_caller = False


@contextmanager
def keep_test_split_closed() -> Iterator[None]:
    """Keeps this process, and those it starts, from reading test images inside the block."""
    before = os.environ.get(_CLOSED)
    os.environ[_CLOSED] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_CLOSED]


@contextmanager
def recorded_by_caller() -> Iterator[None]:
    """Opens test images inside the block, for a caller that records it with its result."""
    global _recorded_by_caller
    _recorded_by_caller = True
    try:
        yield
    finally:
        _recorded_by_caller = False


def require_open(reason: str | None) -> None:
    """Raises an error if test images would be read without a reason, or by a process that trains.

    Raises:
        TestSplitClosedError: this process trains, or nobody has opened them.
    """
    if os.environ.get(_CLOSED) and not _recorded_by_caller:
        raise TestSplitClosedError(
            "the test split is closed while a model is trained: it must not decide how, or"
            " which, model is trained. `hpsearch confirm` reads it once, for the winner"
        )
    if reason is None:
        raise TestSplitClosedError(
            "the test split is closed: settings are chosen on the validation split, and the "
            "test split is read once, for the winner. To read it, call "
            "open_test_split(reason) on the data module"
        )
    if not reason.strip():
        raise DataError("opening the test split needs a reason; give one")


def record_reading(images: str, source: str, reason: str) -> None:
    """Records that test images are read, unless the caller does so.

    Args:
        images: their fingerprint.
        source: where they come from.
        reason: why.
    """
    if not _recorded_by_caller:
        record_evaluation(Path.cwd(), images, {"source": source, "reason": reason})


def record_evaluation(folder: Path, images: str, facts: Mapping[str, Any], token: str = "") -> str:
    """Appends an evaluation or its result to a folder's record; returns its token.

    Args:
        folder: whose record it is.
        images: the test images' fingerprint.
        facts: what else is known: `reason`, `study`, `trial`, `metrics`...
        token: that of an evaluation recorded before, to add to it.

    Raises:
        DataError: the record cannot be written, so the images may not be read.
    """
    token = token or uuid.uuid4().hex
    line = {
        "token": token,
        "images": images,
        "opened": datetime.now().astimezone().isoformat(timespec="seconds"),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        **facts,
    }
    try:
        with (folder / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise DataError(
            f"{folder / LOG}: cannot be written ({error.strerror}), so the evaluation of the test"
            " split cannot be recorded, and it stays closed"
        ) from error
    return token


def evaluations_of(folder: Path, images: str) -> list[dict[str, Any]]:
    """Returns the evaluations on test images that a folder has on record, the earliest first.

    Args:
        folder: whose record is read.
        images: the images' fingerprint.
    """
    path = folder / LOG
    if not path.exists():
        return []
    found: dict[str, dict[str, Any]] = {}
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            line = json.loads(text)
            if line["images"] == images:
                # The time is that of the first line: when it was opened.
                known = found.setdefault(line["token"], {})
                known |= line | {"opened": known.get("opened", line["opened"])}
        except (ValueError, KeyError, TypeError):  # torn by a kill, or by hand
            continue
    return list(found.values())
