"""A study file, read, and its classes checked before anything trains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from hpsearch.classes.check import check_components
from hpsearch.classes.importing import refuse_training_modules
from hpsearch.classes.shadowing import refuse_hidden_modules
from hpsearch.classes.static import passes_statically
from hpsearch.classes.trust import require_trust
from hpsearch.studyfile.diagnostics import Diagnostic, StudyFileError
from hpsearch.studyfile.parse import ParsedStudy
from hpsearch.studyfile.read import read_parsed
from hpsearch.studyfile.study import StudySpec

# Receives each line that a person should see at once, before torch is imported.
Report = Callable[[str], None]
Call = Callable[..., Any]
_FIND = "hpsearch.classes.check:find_errors"


def read_trusted(
    path: Path, changes: Sequence[str], report: Report, *, trust: bool = False
) -> ParsedStudy:
    """Returns the contents of a file; imports none of its classes.

    Args:
        path: the study file.
        changes: `key=value` each, which replace values of the file.
        report: gets a line for each piece of code that others could have written.
        trust: whether such code may run anyway.

    Raises:
        InputError: others could have written code of the study, and the user does not trust it; or
            a file beside the study hides a module of Python.
        StudyFileError: the file cannot be read.
    """
    parsed = read_parsed(path, changes)
    require_own(path, parsed.source.tree, parsed.import_paths, report, trust=trust)
    return parsed


def require_own(
    path: Path | None,
    tree: Any,
    import_paths: Sequence[str],
    report: Report,
    *,
    trust: bool,
) -> None:
    """Raises InputError if a study should not import its modules.

    Others could have written them, a file hides one, or one trains when it is imported.
    """
    refuse_hidden_modules(import_paths)
    for line in require_trust(path, tree, import_paths, trusted=trust):
        report(line)
    refuse_training_modules(tree, import_paths)


def read_sound(
    path: Path, changes: Sequence[str], report: Report, *, trust: bool = False
) -> ParsedStudy:
    """Returns the contents of a file whose text has no errors; does not check its classes.

    Raises:
        InputError: others could have written code of the study, and the user does not trust it; or
            a file beside the study hides a module of Python.
        StudyFileError: the file or a change has errors; those of its classes are among them.
    """
    parsed = read_trusted(path, changes, report, trust=trust)
    if parsed.diagnostics:
        check_classes(parsed, report)
    return parsed


def check_classes(parsed: ParsedStudy, report: Report, call: Call | None = None) -> None:
    """Raises StudyFileError if anything is wrong with a file; first reports what its text shows.

    If its text has errors and its classes are clearly used correctly, nothing is imported.

    Args:
        parsed: the contents of the file.
        report: gets each line that a person should see at once.
        call: calls a function, named `module:function`, in a process that has loaded torch; None
            imports the classes here.
    """
    for diagnostic in parsed.diagnostics:
        report(str(diagnostic))
    found: tuple[Diagnostic, ...] = ()
    if not parsed.diagnostics or not passes_statically(parsed):
        find = partial(call, _FIND) if call else None
        found = check_components(parsed, report, find)
    diagnostics = (*parsed.diagnostics, *found)
    if diagnostics:
        raise StudyFileError(diagnostics, shown=parsed.diagnostics)


def check_unread(parsed: ParsedStudy, call: Call | None = None) -> None:
    """Raises StudyFileError if anything is wrong with a study that nobody has just read.

    Reports nothing before. For `call`, see `check_classes`.
    """
    try:
        check_classes(parsed, lambda line: None, call)
    except StudyFileError as error:
        raise StudyFileError(error.diagnostics) from error  # none of them was shown


def read_checked(
    path: Path, changes: Sequence[str], report: Report, *, trust: bool = False
) -> StudySpec:
    """Returns the study of a file; imports its classes, and so torch, to check their arguments.

    Raises:
        InputError: others could have written code of the study, and the user does not trust it; or
            a file beside the study hides a module of Python.
        StudyFileError: the file, a change, or an argument of a class has errors.
    """
    parsed = read_trusted(path, changes, report, trust=trust)
    check_classes(parsed, report)
    return StudySpec.from_parsed(parsed)
