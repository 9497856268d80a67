"""A node's folders for one search: its scratch folder, and the shared one if it exists."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpsearch.engines.cluster.study_code import StudyCode

PROBE_BYTES = 1 << 20


@dataclass(frozen=True)
class Study:
    """What every node loads before its first trial.

    Attributes:
        modules: of the study's own classes.
        document: the study file as plain data.
        import_paths: folders where the study's modules are, on the coordinator's machine.
        code: those modules, as they were when the search began.
        folder: the study's run folder, as an absolute path.
        nonce: name and content of a file that is in the folder while the search runs.
        devices_per_trial: how many devices each trial takes.
    """

    modules: Sequence[str]
    document: Mapping[str, Any]
    import_paths: Sequence[str]
    code: StudyCode
    folder: str
    nonce: tuple[str, str]
    devices_per_trial: int = 1

    def to_message(self) -> dict[str, Any]:
        """Returns it as plain data."""
        return {**vars(self), "code": vars(self.code), "document": dict(self.document)}

    @classmethod
    def from_message(cls, fields: Mapping[str, Any]) -> Study:
        """Returns what `to_message` wrote."""
        name, content = fields["nonce"]
        return cls(**{**fields, "code": StudyCode(**fields["code"]), "nonce": (name, content)})


class Unusable(Exception):
    """A node cannot train the study's trials; the message says why."""


@dataclass(frozen=True)
class Workplace:
    """A node's folders for one search.

    Attributes:
        scratch: this agent's own folder, removed when it ends.
        shared: the study's run folder is the coordinator's, seen from here.
        import_paths: where the study's modules are imported from.
        log: file for the fork server's output.
        other_code: files here that have the name of a module of the study and other content.
    """

    scratch: Path
    shared: bool
    import_paths: tuple[str, ...]
    log: Path
    other_code: tuple[str, ...]

    @classmethod
    def prepare(cls, study: Study, parent: Path | None) -> Workplace:
        """Makes the scratch folder, writes the study's modules there, looks for the shared one.

        Args:
            study: what is to be trained.
            parent: where the scratch folder goes; the folder for temporary files if not given.

        Raises:
            Unusable: a disk is full or cannot be written, or the modules arrived damaged.
        """
        where = parent or Path(tempfile.gettempdir())
        try:
            scratch = Path(tempfile.mkdtemp(prefix="hpsearch-agent-", dir=where))
        except OSError as error:
            raise Unusable(
                f"the disk that holds {where} cannot be written ({error.strerror})"
            ) from error
        try:
            return cls._prepare(study, scratch)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise

    @classmethod
    def _prepare(cls, study: Study, scratch: Path) -> Workplace:
        shared = _holds(Path(study.folder), study.nonce)
        others = tuple(study.code.others())
        code = scratch / "code"
        try:
            for folder in (scratch, *([Path(study.folder)] if shared else [])):
                _probe(folder)
            code.mkdir()
            study.code.write(code)
        except OSError as error:
            place = error.filename or scratch
            raise Unusable(
                f"the disk that holds {place} cannot be written ({error.strerror})"
            ) from error
        except ValueError as error:
            raise Unusable(str(error)) from error
        there = [path for path in study.import_paths if Path(path).is_dir()]
        return cls(scratch, shared, (str(code), *there), scratch / "server.txt", others)

    def remove(self) -> None:
        """Removes the scratch folder."""
        shutil.rmtree(self.scratch, ignore_errors=True)


def _holds(folder: Path, nonce: tuple[str, str]) -> bool:
    """Returns whether the folder is the coordinator's: its file is there, with its content."""
    name, content = nonce
    try:
        return (folder / name).read_text(encoding="utf-8") == content
    except (OSError, ValueError):
        return False


def _probe(folder: Path) -> None:
    """Writes some bytes and removes them, since a disk's reported free space can be wrong.

    Raises:
        OSError: they cannot be written.
    """
    path = folder / f"probe-{os.getpid()}.tmp"
    try:
        with path.open("wb") as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        error.filename = str(path.parent)
        raise
    finally:
        path.unlink(missing_ok=True)
