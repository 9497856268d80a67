"""`watch`: the live view of searches that run elsewhere, until they end or Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from hpsearch.commands.context import console, open_database
from hpsearch.commands.options import Storage
from hpsearch.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.search.store import StoredStudy
    from hpsearch.views.live import Watched

LOOK_S = 1.0
# Reading a database of many trials takes at most a tenth of the time.
_SHARE = 10


def watch(
    *names: Annotated[
        str,
        Parameter(
            name="NAME", help="Studies, as `list` shows them. [default: all that are running]"
        ),
    ],
    storage: Storage = None,
) -> None:
    """Show running searches live; Ctrl-C ends only the view."""
    studies = _studies(names, storage)
    screen = console()
    from hpsearch.views.tables import study_status

    seen = _plainly(studies) if _is_plain(screen) else _live(studies, screen)
    for watched in seen:
        screen.print(study_status(watched.study, width=screen.width, limit=3))


def _studies(names: Sequence[str], storage: str | None) -> list[StoredStudy]:
    """Returns the given studies, or else the running ones.

    Raises:
        InputError: there is no such study, or none is running.
    """
    from hpsearch.search.store import list_studies, open_study

    database = open_database(storage)
    if not names:
        found = list_studies(database).studies
        names = [study.name for study in found if study.owner]
    if not names:
        raise InputError("no study is running; name one, as `hpsearch list` shows it")
    return [open_study(database, name) for name in dict.fromkeys(names)]


def _read(studies: Sequence[StoredStudy]) -> list[Watched]:
    from hpsearch.views.live import Watched

    return [Watched(stored.record(), stored.spec.max_reports()) for stored in studies]


def _looks(studies: Sequence[StoredStudy]) -> Iterator[list[Watched]]:
    """Yields the studies about once a second, until none of them is running."""
    while True:
        began = time.monotonic()
        seen = _read(studies)
        yield seen
        if not any(watched.study.owner for watched in seen):
            return
        time.sleep(max(LOOK_S, _SHARE * (time.monotonic() - began)))


def _live(studies: Sequence[StoredStudy], screen: Console) -> list[Watched]:
    from rich.live import Live

    from hpsearch.views.live import watch_screen

    seen: list[Watched] = []
    with Live(console=screen, screen=True, auto_refresh=False) as live:
        try:
            for seen in _looks(studies):
                live.update(watch_screen(seen, screen, datetime.now(UTC)), refresh=True)
        except KeyboardInterrupt:
            pass  # the view ends, and says where the searches are
    return seen


def _plainly(studies: Sequence[StoredStudy]) -> list[Watched]:
    """Prints a line for each trial that ends, and when a search is paused."""
    from hpsearch.views.live import trial_line
    from hpsearch.views.ranking import paused_words

    known: set[tuple[str, int]] = set()
    said: dict[str, str] = {}
    seen: list[Watched] = []
    for first, looked in enumerate(_looks(studies)):
        seen = looked
        for watched in seen:
            study = watched.study
            if (words := paused_words(study)) and words != said.get(study.name):
                print(f"{study.name}: paused {words}", flush=True)
            said[study.name] = words
            for trial in study.trials:
                place = (study.name, trial.number)
                if not trial.is_finished or place in known:
                    continue
                known.add(place)
                if first:
                    name = f"{study.name}: " if len(seen) > 1 else ""
                    line = trial_line(trial, tuple(study.objectives), study.unit)
                    print(name + line, flush=True)
    return seen


def _is_plain(screen: Console) -> bool:
    return not screen.is_terminal or screen.is_dumb_terminal
