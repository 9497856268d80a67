"""A study file as a command takes it: read, and its classes checked before anything trains."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from hpsearch.commands.trust import require_trust_in_file
from hpsearch.spec.check import check_components
from hpsearch.spec.draft import Draft
from hpsearch.spec.errors import InputError
from hpsearch.spec.faults import StudyFileError
from hpsearch.spec.read import read_draft
from hpsearch.spec.static_check import is_sound
from hpsearch.spec.study import StudySpec


def read_checked(path: Path, changes: Sequence[str], *, trust: bool = False) -> StudySpec:
    """Returns the study of a file; imports its classes, and so torch, to check their arguments.

    Raises:
        InputError: others could have written code of the study, and the user does not trust it.
        StudyFileError: the file, a change, or an argument of a class has faults.
    """
    draft = read_draft(path, changes)
    require_trust_in_file(path, draft, trust=trust)
    _check_classes(draft)
    return StudySpec.from_draft(draft)


def read_to_run(
    path: Path, changes: Sequence[str], storage: str | None, *, trust: bool = False
) -> tuple[StudySpec, str]:
    """Returns the study of a file, and the URL of the database it belongs into.

    A study that the database has as it is was checked when it began: its classes are not imported
    again.

    Raises:
        InputError: others could have written code of the study, and the user does not trust it.
        StudyFileError: the file, a change, or an argument of a class has faults.
    """
    draft = read_draft(path, changes)
    require_trust_in_file(path, draft, trust=trust)
    if draft.faults:
        _check_classes(draft)
    # Optuna is imported here and not above: the faults of a file's text need not wait for it.
    from hpsearch.search.storage import default_url

    spec = StudySpec.from_draft(draft)
    url = storage or spec.storage or default_url()
    if not _is_on_record(spec, url):
        _check_classes(draft)
    return spec, url


def _check_classes(draft: Draft) -> None:
    """Raises what is wrong with a file; what its text shows is printed before torch is imported.

    Where the text of its classes shows that they are used rightly, nothing is imported at all.
    """
    for fault in draft.faults:
        print(fault, file=sys.stderr, flush=True)
    found = () if is_sound(draft) else check_components(draft)
    faults = (*draft.faults, *found)
    if faults:
        raise StudyFileError(faults, shown=draft.faults)


def _is_on_record(spec: StudySpec, url: str) -> bool:
    from hpsearch.search.results import stored_spec
    from hpsearch.search.storage import open_storage

    try:
        return stored_spec(open_storage(url, create=False), spec.name).document == spec.document
    except InputError:
        return False
