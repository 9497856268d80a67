"""What keeps the loop of a search from waiting for the interpreter."""

from __future__ import annotations

import gc
import sys

from hpsearch.search.coordinator import responsive
from hpsearch.search.coordinator.responsive import FREEZE_EVERY, keep_for_good
from hpsearch.search.store.records import in_bulk


def test_inside_a_search_the_collector_passes_over_the_trials() -> None:
    interval = sys.getswitchinterval()
    with responsive():
        before = gc.get_freeze_count()
        trials = [[number] for number in range(1000)]
        keep_for_good(1)
        assert sys.getswitchinterval() < interval
        # What other code lets go of in the meantime is not frozen any more.
        assert 0 < gc.get_freeze_count() <= before
        before = gc.get_freeze_count()

        keep_for_good(FREEZE_EVERY)
        assert gc.get_freeze_count() > before + len(trials) // 2

    assert gc.get_freeze_count() == 0
    assert sys.getswitchinterval() == interval


def test_the_collector_is_off_while_much_is_loaded_and_on_again_after_a_fault() -> None:
    try:
        with in_bulk(), in_bulk():
            assert not gc.isenabled()
            raise KeyError
    except KeyError:
        assert gc.isenabled()
