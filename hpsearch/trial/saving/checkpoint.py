"""Checkpoints that are complete or absent: written aside, synced, renamed, checked by SHA-256."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from hpsearch.internals.lightning import checkpoint_data
from hpsearch.protocol.job import is_owned
from hpsearch.protocol.regular_file import read_regular
from hpsearch.trial.saving.plain_state import missing_for_resume, missing_of_users, plain_part

LAST = "last.ckpt"
PREVIOUS = "previous.ckpt"
BEST = "best.ckpt"

Owner = Mapping[str, str | int]
_DAMAGED = "is damaged or belongs to another trial: its SHA-256 or owner differs"
_NOT_PLAIN = "not plain data, so it was not saved"


def save(
    trainer: pl.Trainer,
    path: Path,
    step: int,
    owner: Owner | None = None,
    *,
    reported: bool = True,
) -> None:
    """Writes the plain data of the trainer's state to `path`, with its SHA-256 beside it.

    The one before is kept as `previous.ckpt`. A kill at any moment leaves one of the two intact: if
    it comes between the renames of a pair, that pair does not match, which `verified` detects.

    Args:
        trainer: whose state is saved.
        path: where to.
        step: the step of the trial's last report.
        owner: whose state this is, so that another's is not mistaken for it.
        reported: whether this is the reported state, not a later one.

    Raises:
        OSError: the disk is full, or does not return what was written; earlier checkpoints stay.
    """
    _check_room(path)
    beside = path.with_suffix(".tmp")
    state, left_out = _plain_state(trainer)
    try:
        with state.getbuffer() as content:
            digest = hashlib.sha256(content).hexdigest()
            _write_whole(beside, content, digest)
    except OSError:
        # A partial file would take up the missing space.
        beside.unlink(missing_ok=True)
        raise
    facts = {
        **(owner or {}),
        "sha256": digest,
        "size": beside.stat().st_size,
        "epoch": trainer.current_epoch + 1,
        "step": step,
        "reported": reported,
        "left_out": left_out,
    }
    if path.exists() and _sidecar(path).exists():
        keep(path, path.with_name(PREVIOUS))
    _write(_sidecar(path), json.dumps(facts))
    beside.replace(path)
    _sync_folder(path.parent)


def take_part(trainer: pl.Trainer) -> None:
    """Takes part in saving, in a process of the trial other than rank 0.

    Some strategies divide the weights among the processes, and gather them to save.
    """
    checkpoint_data(trainer)


def _plain_state(trainer: pl.Trainer) -> tuple[io.BytesIO, list[str]]:
    """Returns the plain data of the state, serialized, and the paths of what is left out."""
    # Not the Trainer's own `save_checkpoint`: it writes to the folder for temporary files first,
    # where a kill would leave files behind, and whose disk may be full.
    dumped = checkpoint_data(trainer)
    plain, left_out = plain_part(dumped)
    state = io.BytesIO()
    torch.save(plain, state)
    return state, left_out


def room_needed(path: Path) -> int:
    """Returns how many bytes must be free to write the checkpoint again: twice its size."""
    return 2 * path.stat().st_size if path.exists() else 0


def _check_room(path: Path) -> None:
    if shutil.disk_usage(path.parent).free < room_needed(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def keep(path: Path, kept: Path) -> None:
    """Keeps the checkpoint under another name; free of cost on file systems with hard links."""
    for source, target in ((path, kept), (_sidecar(path), _sidecar(kept))):
        beside = target.with_suffix(".keep")
        beside.unlink(missing_ok=True)
        try:
            os.link(source, beside)
        except OSError:
            shutil.copyfile(source, beside)
        beside.replace(target)
        # Renaming one name of a file onto another keeps both: it was linked already.
        beside.unlink(missing_ok=True)


def recover(folder: Path, owner: Owner) -> tuple[int, list[str]]:
    """Returns the step of the newest intact checkpoint, which becomes `last.ckpt`.

    Args:
        folder: the trial's own.
        owner: whose checkpoints they must be.

    Returns:
        The step of its last report, 0 if there is no such checkpoint; and what is wrong with each
        newer one, or missing in this one.
    """
    notes: list[str] = []
    for name in (LAST, PREVIOUS, BEST):
        path = folder / name
        step = verified(path, owner)
        reason = _DAMAGED if step is None else _unusable(path)
        if step is not None and not reason:
            if name != LAST:
                keep(path, folder / LAST)
            if lost := missing_of_users(_facts(path).get("left_out", [])):
                notes.append(f"{name} lacks {', '.join(lost)}: {_NOT_PLAIN}")
            return step, notes
        if path.exists():
            notes.append(f"{name} {reason}")
    return 0, notes


def is_of_report(path: Path) -> bool:
    """Returns whether a checkpoint was written with the report of its step, not later."""
    return bool(_facts(path).get("reported", True))


def _unusable(path: Path) -> str:
    """Returns why a training cannot continue from an intact checkpoint; empty if it can.

    Reads none of its weights.
    """
    if lost := missing_for_resume(_facts(path).get("left_out", [])):
        return f"lacks {', '.join(lost)}: {_NOT_PLAIN}"
    try:
        torch.load(path, weights_only=True, mmap=True)
    except Exception:
        # Somebody else's pickle may fail in any way; its code is not run.
        return "holds more than plain data, and only plain data is loaded"
    return ""


def _facts(path: Path) -> dict[str, Any]:
    """Returns the contents of an intact checkpoint's sidecar."""
    facts: dict[str, Any] = json.loads(_sidecar(path).read_text(encoding="utf-8"))
    return facts


def verified(path: Path, owner: Owner | None = None) -> int | None:
    """Returns the step of a checkpoint; None if it is missing, changed or another trial's."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        facts = json.loads(read_regular(_sidecar(path)))
        if not path.is_file():
            return None
        with path.open("rb") as file:
            whole = hashlib.file_digest(file, "sha256").hexdigest() == facts["sha256"]
            if whole and is_owned(facts, owner or {}):
                # Version 0.2.0 wrote no step: a report was an epoch.
                return int(facts.get("step", facts["epoch"]))
    return None


def _write_whole(path: Path, content: memoryview, digest: str) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != digest:
            raise OSError(errno.EIO, f"{path} does not hold what was written to it")


def _sidecar(path: Path) -> Path:
    return path.with_suffix(".json")


def _write(path: Path, text: str) -> None:
    beside = path.with_suffix(".json.tmp")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _sync_folder(folder: Path) -> None:
    """Waits until the disk has the new names as well."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
