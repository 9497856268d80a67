"""`run` and `resume`: a search, from its file or from its database."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from hpsearch.commands.options import (
    DEFAULTS,
    Changes,
    MoreChanges,
    SearchOptions,
    StudyFile,
    StudyName,
)
from hpsearch.engines.forkserver_client import Server


def run(
    study: StudyFile,
    /,
    *more: MoreChanges,
    changes: Changes = (),
    options: SearchOptions = DEFAULTS,
) -> int:
    """Run the search of a study file, or go on with it."""
    from hpsearch.commands.load import read_to_run

    with _server(options) as server:
        spec, url = read_to_run(
            study, (*changes, *more), options.storage, trust=options.trust, server=server
        )
        # After the file: its faults need not wait for Optuna.
        from hpsearch.commands.outcome import watch
        from hpsearch.search.run import run_study

        return watch(lambda **ways: run_study(spec, server=server, **ways), url, options)


def resume(name: StudyName, /, *, options: SearchOptions = DEFAULTS) -> int:
    """Go on with a study from its database, without its file."""
    with _server(options) as server:
        from hpsearch.commands.context import open_database
        from hpsearch.commands.outcome import watch
        from hpsearch.commands.trust import require_trust_in_study
        from hpsearch.search.run import resume_study
        from hpsearch.search.store import default_url

        url = options.storage or default_url()
        require_trust_in_study(open_database(url), name, trust=options.trust)
        return watch(lambda **ways: resume_study(name, server=server, **ways), url, options)


def _server(options: SearchOptions) -> AbstractContextManager[Server | None]:
    """Begins the server of the trials: torch takes longer to load than all else before them."""
    return nullcontext() if options.inline else Server()
