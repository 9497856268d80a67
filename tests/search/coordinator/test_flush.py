"""What a search says while its last results wait for the database."""

from __future__ import annotations

import pytest
from scripted import Watcher

from hpsearch.errors import SearchError
from hpsearch.search.coordinator.flush import FlushLoop
from hpsearch.search.coordinator.stop import StopRequest


class Away:
    """A queue whose database is away for so many steps."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self.notes: list[str] = []

    @property
    def trouble(self) -> str:
        return "connection refused" if self._steps else ""

    def pump(self) -> None:
        """It is pumped by `flush`."""

    def flush(self, _: float) -> bool:
        self._steps = max(self._steps - 1, 0)
        return not self._steps


@pytest.mark.parametrize(("asked", "keys"), [(0, "Ctrl-C twice"), (1, "Ctrl-C")])
def test_a_search_that_waits_for_the_database_says_so_once_and_what_ends_that(
    asked: int, keys: str
) -> None:
    watcher, stop = Watcher(), StopRequest()
    for _ in range(asked):
        stop.ask("Ctrl-C")
    FlushLoop(Away(4), watcher).finish(stop)  # type: ignore[arg-type]
    words = (
        "nothing trains any more, and the results wait for the database;"
        f" {keys} leaves them to `hpsearch resume`"
    )
    assert watcher.notes.count(words) == 1
    assert watcher.notes[-1] == "the database can be written again: nothing was lost"


def test_a_search_whose_database_is_there_says_nothing() -> None:
    watcher = Watcher()
    FlushLoop(Away(0), watcher).finish(StopRequest())  # type: ignore[arg-type]
    assert watcher.notes == []


def test_the_second_ctrl_c_leaves_the_results_to_resume() -> None:
    stop = StopRequest()
    stop.ask("Ctrl-C")
    stop.ask("Ctrl-C")
    with pytest.raises(SearchError, match="is written when the study is resumed"):
        FlushLoop(Away(4), Watcher()).finish(stop)  # type: ignore[arg-type]
