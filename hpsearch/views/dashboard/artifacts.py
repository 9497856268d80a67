"""The files that optuna-dashboard offers for a trial, created on request."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn, final

import optuna
from optuna.artifacts.exceptions import ArtifactNotFound
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from hpsearch.errors import InputError
from hpsearch.protocol.layout import trial_folder
from hpsearch.protocol.messages import Report
from hpsearch.search.store import EVENTS, find_runs, own_reports
from hpsearch.search.store.keys import ID
from hpsearch.views.dashboard import confusion
from hpsearch.views.dashboard.curves import as_csv, as_svg, last_words


@dataclass(frozen=True)
class OwnFiles:
    """A trial's own files: its folder, and its reports if the folder is its own."""

    folder: Path
    reports: Sequence[Report]


@dataclass(frozen=True)
class Kind:
    """A kind of file that is created from one of the trial's own."""

    filename: str
    mimetype: str
    source: str
    make: Callable[[OwnFiles], bytes]


KINDS = (
    Kind("curves.csv", "text/csv", EVENTS, lambda files: as_csv(files.reports)),
    Kind("curves.svg", "image/svg+xml", EVENTS, lambda files: as_svg(files.reports)),
    Kind(
        "confusion.svg",
        "image/svg+xml",
        confusion.CONFUSION,
        lambda files: confusion.as_svg(files.folder),
    ),
)
# The pictures for the note: what each shows, and its index among the kinds.
PICTURES = {"learning curves": 1, "confusion matrix": 2}


def artifact_id(study_id: int, number: int, kind: int) -> str:
    """Returns the name of a trial's file; the dashboard allows hexadecimal digits and hyphens."""
    return f"{study_id:x}-{number:x}-{kind:x}"


def artifact_path(study_id: int, trial_id: int, number: int, kind: int) -> str:
    """Returns where the dashboard serves a trial's file."""
    return f"/artifacts/{study_id}/{trial_id}/{artifact_id(study_id, number, kind)}"


def find_files(study: optuna.Study, trial: FrozenTrial) -> OwnFiles:
    """Returns a trial's own files; another trial's files in its folder do not count."""
    study_id = study.user_attrs.get(ID, "")
    try:
        folder = find_runs(study, None) / study.study_name / trial_folder(trial.number)
    except (InputError, KeyError):  # There is no proof that the folder is this study's.
        return OwnFiles(Path(), ())
    reports = own_reports(folder, study_id, trial.number, trial.params)
    return OwnFiles(folder, last_words(reports))


def kinds_of(files: OwnFiles) -> list[int]:
    """Returns the indices of the kinds that can be created for a trial."""
    if not files.reports:
        return []
    return [place for place, kind in enumerate(KINDS) if (files.folder / kind.source).is_file()]


def artifact_attributes(
    study_id: int, trial_id: int, number: int, kinds: Iterable[int]
) -> dict[str, str]:
    """Returns the study attributes that announce a trial's files to the dashboard."""
    files = {artifact_id(study_id, number, place): KINDS[place] for place in kinds}
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
    """An artifact store that creates a trial's files from what the trial wrote itself.

    Args:
        storage: knows where a study's runs are.
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
            name = self._storage.get_study_name_from_id(study_id)
            study = optuna.load_study(study_name=name, storage=self._storage)
            files = find_files(study, study.get_trials(deepcopy=False)[number])
            if kind not in kinds_of(files):
                raise ValueError(kind)
            made = KINDS[kind].make(files)
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise ArtifactNotFound(f"there is no file {artifact_id}") from error
        return io.BytesIO(made)

    def write(self, artifact_id: str, content_body: BinaryIO) -> NoReturn:
        """Refuses: the dashboard only shows."""
        raise PermissionError(f"{artifact_id} cannot be written: the dashboard only shows")

    def remove(self, artifact_id: str) -> NoReturn:
        """Refuses: the dashboard only shows."""
        raise PermissionError(f"{artifact_id} cannot be removed: the dashboard only shows")
