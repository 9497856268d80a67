"""The files that optuna-dashboard offers beside a trial, made when they are asked for."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn, final

from optuna.artifacts.exceptions import ArtifactNotFound
from optuna.storages import BaseStorage

from hpsearch.search.attributes import RUNS
from hpsearch.search.results import trial_folder
from hpsearch.spec.messages import Report
from hpsearch.views.dashboard.curves import as_csv, as_svg, read_reports


@dataclass(frozen=True)
class Kind:
    """A kind of file that every trial with reports has."""

    filename: str
    mimetype: str
    make: Callable[[Sequence[Report]], bytes]


KINDS = (Kind("curves.csv", "text/csv", as_csv), Kind("curves.svg", "image/svg+xml", as_svg))
PICTURE = 1  # its place among the kinds


def artifact_id(study_id: int, number: int, kind: int) -> str:
    """Returns the name of a trial's file; the dashboard allows hexadecimal digits and hyphens."""
    return f"{study_id:x}-{number:x}-{kind:x}"


def artifact_path(study_id: int, trial_id: int, number: int, kind: int) -> str:
    """Returns where the dashboard serves a trial's file."""
    return f"/artifacts/{study_id}/{trial_id}/{artifact_id(study_id, number, kind)}"


def artifact_attributes(study_id: int, trial_id: int, number: int) -> dict[str, str]:
    """Returns the study's attributes that tell the dashboard of a trial's files."""
    files = {artifact_id(study_id, number, place): kind for place, kind in enumerate(KINDS)}
    return {
        f"dashboard:artifacts:{trial_id}:{name}": json.dumps(
            {
                "artifact_id": name,
                "filename": kind.filename,
                "mimetype": kind.mimetype,
                "encoding": None,
            }
        )
        for name, kind in files.items()
    }


@final
class TrialFiles:
    """An artifact store that makes a trial's files from what the trial wrote itself.

    Args:
        storage: tells where a study's runs are.
    """

    def __init__(self, storage: BaseStorage) -> None:
        self._storage = storage

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """Returns a file's content.

        Raises:
            ArtifactNotFound: there is no such file.
        """
        try:
            study_id, number, kind = (int(part, 16) for part in artifact_id.split("-"))
            runs = Path(self._storage.get_study_user_attrs(study_id)[RUNS])
            name = self._storage.get_study_name_from_id(study_id)
            made = KINDS[kind].make(read_reports(runs / name / trial_folder(number)))
        except (ValueError, KeyError, IndexError) as error:
            raise ArtifactNotFound(f"there is no file {artifact_id}") from error
        return io.BytesIO(made)

    def write(self, artifact_id: str, content_body: BinaryIO) -> NoReturn:
        """Refuses: the dashboard only shows."""
        raise PermissionError(f"{artifact_id} cannot be written: the dashboard only shows")

    def remove(self, artifact_id: str) -> NoReturn:
        """Refuses: the dashboard only shows."""
        raise PermissionError(f"{artifact_id} cannot be removed: the dashboard only shows")
