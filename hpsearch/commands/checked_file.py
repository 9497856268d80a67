"""A study file as a command takes it: read, and its classes checked before anything trains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpsearch.search.results import stored_spec
from hpsearch.search.storage import default_url, open_storage
from hpsearch.spec.check import check_components
from hpsearch.spec.errors import InputError
from hpsearch.spec.faults import StudyFileError
from hpsearch.spec.read import read_study
from hpsearch.spec.study import StudySpec


def read_checked(path: Path, changes: Sequence[str]) -> StudySpec:
    """Returns the study of a file; imports its classes, and so torch, to check their arguments.

    Raises:
        StudyFileError: the file, a change, or an argument of a class has faults.
    """
    spec = read_study(path, changes)
    _check_classes(spec)
    return spec


def read_to_run(path: Path, changes: Sequence[str], storage: str | None) -> tuple[StudySpec, str]:
    """Returns the study of a file, and the URL of the database it belongs into.

    A study that the database has as it is was checked when it began: its classes are not imported
    again.

    Raises:
        StudyFileError: the file, a change, or an argument of a class has faults.
    """
    spec = read_study(path, changes)
    url = storage or spec.storage or default_url()
    if not _is_on_record(spec, url):
        _check_classes(spec)
    return spec, url


def _check_classes(spec: StudySpec) -> None:
    faults = check_components(spec)
    if faults:
        raise StudyFileError(faults)


def _is_on_record(spec: StudySpec, url: str) -> bool:
    try:
        return stored_spec(open_storage(url, create=False), spec.name).document == spec.document
    except InputError:
        return False
