"""A study file as a command takes it: read, and its classes checked before anything trains."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from hpsearch.classes.check import check_components
from hpsearch.classes.static import passes_statically
from hpsearch.commands.trust import require_trust_in_file
from hpsearch.engines.forkserver_client import Server
from hpsearch.errors import InputError
from hpsearch.studyfile.diagnostics import Diagnostic, StudyFileError
from hpsearch.studyfile.parse import ParsedStudy
from hpsearch.studyfile.read import read_parsed
from hpsearch.studyfile.study import StudySpec

_FIND = "hpsearch.classes.check:find_faults"


def read_checked(path: Path, changes: Sequence[str], *, trust: bool = False) -> StudySpec:
    """Returns the study of a file; imports its classes, and so torch, to check their arguments.

    Raises:
        InputError: others could have written code of the study, and the user does not trust it.
        StudyFileError: the file, a change, or an argument of a class has faults.
    """
    parsed = read_parsed(path, changes)
    require_trust_in_file(path, parsed, trust=trust)
    _check_classes(parsed)
    return StudySpec.from_parsed(parsed)


def read_to_run(
    path: Path,
    changes: Sequence[str],
    storage: str | None,
    *,
    trust: bool = False,
    server: Server | None = None,
) -> tuple[StudySpec, str]:
    """Returns the study of a file, and the URL of the database it belongs into.

    A study that the database has as it is was checked when it began: its classes are not imported
    again.

    Raises:
        InputError: others could have written code of the study, and the user does not trust it.
        StudyFileError: the file, a change, or an argument of a class has faults.
    """
    parsed = read_parsed(path, changes)
    require_trust_in_file(path, parsed, trust=trust)
    if parsed.diagnostics:
        _check_classes(parsed)
    # Optuna is imported here and not above: the faults of a file's text need not wait for it.
    from hpsearch.search.store import default_url

    spec = StudySpec.from_parsed(parsed)
    url = storage or spec.storage or default_url()
    if not _is_on_record(spec, url):
        _check_classes(parsed, server)
    return spec, url


def _check_classes(parsed: ParsedStudy, server: Server | None = None) -> None:
    """Raises what is wrong with a file; what its text shows is printed before torch is imported.

    Where that is all and the text of the classes is clear, nothing is imported for it. The classes
    are imported by the server, if there is one.
    """
    for diagnostic in parsed.diagnostics:
        _print(diagnostic)
    found: tuple[Diagnostic, ...] = ()
    if not parsed.diagnostics or not passes_statically(parsed):
        find = partial(server.call, _FIND) if server else None
        found = check_components(parsed, _print, find)
    diagnostics = (*parsed.diagnostics, *found)
    if diagnostics:
        raise StudyFileError(diagnostics, shown=parsed.diagnostics)


def _print(line: object) -> None:
    print(line, file=sys.stderr, flush=True)


def _is_on_record(spec: StudySpec, url: str) -> bool:
    from hpsearch.search.store import open_storage, stored_spec

    try:
        return stored_spec(open_storage(url, create=False), spec.name).document == spec.document
    except InputError:
        return False
