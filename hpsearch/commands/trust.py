"""The question of whose code a study would run, asked before a command imports any of it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.classes.shadowing import refuse_hidden_modules
from hpsearch.classes.trust import require_trust
from hpsearch.studyfile.parse import ParsedStudy

if TYPE_CHECKING:
    from optuna.storages import RDBStorage


def require_trust_in_file(path: Path, parsed: ParsedStudy, *, trust: bool) -> None:
    """Prints what others could have written of a study file's code, if the user trusts it.

    Raises:
        InputError: there is such code, and the user did not say so; or a file beside the study
            hides a module of Python.
    """
    refuse_hidden_modules(parsed.import_paths)
    _tell(require_trust(path, parsed.source.tree, parsed.import_paths, trusted=trust))


def require_trust_in_study(database: RDBStorage, name: str, *, trust: bool) -> None:
    """Prints what others could have written of a stored study's code, if the user trusts it.

    Its confirmation is looked at, too: it is a study of its own.

    Raises:
        InputError: there is such code, and the user did not say so; or a file beside the study
            hides a module of Python; or there is no such study.
    """
    # Here and not above: the faults of a file's text need not wait for Optuna.
    import optuna

    from hpsearch.search.store import stored_spec
    from hpsearch.search.store.keys import confirmation_name

    url = database.engine.url
    file = Path(url.database) if url.database and url.get_backend_name() == "sqlite" else None
    there = {confirmation_name(name)} & set(optuna.get_all_study_names(database))
    specs = [stored_spec(database, each) for each in (name, *there)]
    refuse_hidden_modules(path for spec in specs for path in spec.import_paths)
    told = [require_trust(file, spec.document, spec.import_paths, trusted=trust) for spec in specs]
    _tell(dict.fromkeys(line for lines in told for line in lines))


def _tell(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, file=sys.stderr, flush=True)
