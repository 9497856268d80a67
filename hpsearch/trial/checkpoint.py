"""Checkpoints that are whole or absent: written beside, synced, renamed, checked by SHA-256."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from pathlib import Path

import pytorch_lightning as pl

LAST = "last.ckpt"
BEST = "best.ckpt"


def save(trainer: pl.Trainer, path: Path) -> None:
    """Writes the trainer's whole state to `path`, with its SHA-256 beside it.

    A kill at any moment leaves the earlier file or the new one. If it falls between the two
    renames, the pair does not match and `verified` says so.
    """
    beside = path.with_suffix(".tmp")
    trainer.save_checkpoint(beside)
    with beside.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    facts = {"sha256": digest, "size": beside.stat().st_size, "epoch": trainer.current_epoch + 1}
    _write(_sidecar(path), json.dumps(facts))
    beside.replace(path)


def keep(path: Path, kept: Path) -> None:
    """Keeps the checkpoint under another name; free where the file system has hard links."""
    for source, target in ((path, kept), (_sidecar(path), _sidecar(kept))):
        beside = target.with_suffix(".keep")
        beside.unlink(missing_ok=True)
        try:
            os.link(source, beside)
        except OSError:
            shutil.copyfile(source, beside)
        beside.replace(target)


def verified(path: Path) -> int | None:
    """Returns the epochs done at the checkpoint; None if it is missing, cut or changed."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        facts = json.loads(_sidecar(path).read_text())
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == facts["sha256"]:
                return int(facts["epoch"])
    return None


def _sidecar(path: Path) -> Path:
    return path.with_suffix(".json")


def _write(path: Path, text: str) -> None:
    beside = path.with_suffix(".json.tmp")
    with beside.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
