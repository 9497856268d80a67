"""A search on the terminal: its live view, its result and its exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable

import optuna

from hpsearch.commands.context import continuing
from hpsearch.commands.exit_codes import DONE, FAILED, INTERRUPTED
from hpsearch.commands.notify import notify
from hpsearch.commands.options import SearchOptions
from hpsearch.engines.place import ELSEWHERE
from hpsearch.search.coordinator import Observer
from hpsearch.search.run import SearchOutcome
from hpsearch.search.store import default_url, redact
from hpsearch.studyfile.document import Document
from hpsearch.views.console import open_console
from hpsearch.views.formatting import command
from hpsearch.views.live import search_view
from hpsearch.views.tables import study_status


def watch(
    search: Callable[[Observer], SearchOutcome],
    url: str | None,
    options: SearchOptions,
    source: Document | None = None,
) -> int:
    """Runs a search with a view that suits the terminal; returns the exit code.

    Args:
        search: runs it, watched by the observer it is given.
        url: the database; None for the default one.
        options: the options of the command line.
        source: the study's file; None where it comes from the database.
    """
    # At INFO, Optuna logs to stderr what the view shows better.
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    console = open_console()
    view = search_view(console)
    try:
        outcome = search(view)
    finally:
        view.stop()
    console.print()
    console.print(study_status(outcome.study, width=console.width, source=source))
    if outcome.error:
        print(f"error: the search stopped: {outcome.error}", file=sys.stderr)
    print(f"\n{last_line(outcome, storage_option(url or default_url()), options)}", flush=True)
    notify(options.notify, outcome.study)
    return exit_code(outcome)


def exit_code(outcome: SearchOutcome) -> int:
    """Returns 0 for a search with a result, 1 for one without or with an error, 130 for Ctrl-C."""
    if outcome.interrupted:
        return INTERRUPTED
    failed = bool(outcome.study.failures) and not outcome.study.counts["complete"]
    return FAILED if outcome.error or failed else DONE


def last_line(outcome: SearchOutcome, storage: str | None, options: SearchOptions) -> str:
    """Returns the next command: continue, or show the best trial or a failed one."""
    study = outcome.study
    if outcome.error and not any(trial.values_by_epoch for trial in study.trials):
        words = "next: correct the study and run it again; it starts over"
        if not study.trials:
            return words
        show = command("show", study.name, study.trials[-1].number, storage=storage)
        return f"{words}. The last failure: {show}"
    if outcome.interrupted or outcome.error or study.state == "interrupted":
        again = continuing(
            study,
            storage=storage,
            devices=None if options.devices == "auto" else options.devices,
            per_device=None if options.per_device == 1 else options.per_device,
            **{name: getattr(options, name) for name in ELSEWHERE},
        )
        return f"to continue: {again}"
    if study.confirms:
        return f"next: {continuing(study, storage=storage)}"
    failed = sorted(trial.number for kind in study.failures.values() for trial in kind)
    numbers = ([study.best.number] if study.best is not None else []) + failed[-1:]
    if numbers:
        return f"next: {command('show', study.name, numbers[0], storage=storage)}"
    return f"next: {command('status', study.name, storage=storage)}"


def storage_option(url: str) -> str | None:
    """Returns the URL for an option, without its password; None for the default."""
    return None if url == default_url() else redact(url)
