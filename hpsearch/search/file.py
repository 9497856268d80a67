"""A study file on its way into a search: its classes checked, its database opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from optuna.storages import RDBStorage

from hpsearch.classes.load import Call, Report, check_classes
from hpsearch.classes.shadowing import refuse_hidden_modules
from hpsearch.classes.trust import require_trust
from hpsearch.errors import InputError
from hpsearch.search.store import (
    StoredStudy,
    default_url,
    open_storage,
    read_storage,
    stored_document,
    with_confirmation,
)
from hpsearch.studyfile.parse import ParsedStudy
from hpsearch.studyfile.study import StudySpec


def open_for_run(
    parsed: ParsedStudy, storage: str | None, report: Report, call: Call | None = None
) -> tuple[StudySpec, RDBStorage]:
    """Returns the study of a file, and the database it belongs to.

    A study that is in the database, unchanged, was checked when it began, so its classes are not
    imported again.

    Args:
        parsed: the study file, without errors in its text.
        storage: URL of the database; None for the file's own, or the default.
        report: gets each line that a person should see at once.
        call: see `check_classes`.

    Raises:
        StudyFileError: an argument of a class is wrong.
        InputError: the database cannot be opened.
    """
    spec = StudySpec.from_parsed(parsed)
    url = storage or spec.storage or default_url()
    if not _is_on_record(spec, url):
        with _importing_ahead():
            check_classes(parsed, report, call)
    return spec, open_storage(url)


@contextmanager
def _importing_ahead() -> Iterator[None]:
    """Imports what the database and the sampler use while the block waits for torch."""
    thread = Thread(target=_import_what_is_used_next)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _import_what_is_used_next() -> None:
    # Whoever uses it reports what is wrong with it.
    with suppress(Exception):
        import alembic.command  # noqa: F401
        import jsonargparse  # noqa: F401
        import numpy.random  # noqa: F401


def _is_on_record(spec: StudySpec, url: str) -> bool:
    try:
        return stored_document(read_storage(url), spec.name) == spec.document
    except InputError:
        return False


def require_trust_in_study(stored: StoredStudy, report: Report, *, trust: bool) -> None:
    """Reports which code of a stored study others could have written, if the user trusts it.

    Its confirmation is a separate study and is checked too.

    Raises:
        InputError: there is such code, and the user does not trust it; or a file beside the study
            hides a module of Python.
    """
    url = stored.database.engine.url
    file = Path(url.database) if url.database and url.get_backend_name() == "sqlite" else None
    specs = [each.spec for each in with_confirmation(stored)]
    refuse_hidden_modules(path for spec in specs for path in spec.import_paths)
    lines = [
        line
        for spec in specs
        for line in require_trust(file, spec.document, spec.import_paths, trusted=trust)
    ]
    for line in dict.fromkeys(lines):
        report(line)
