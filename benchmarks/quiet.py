"""Whether a race has the machine to itself: how much other programs use of its processors."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

import psutil

BUSY = 0.05  # the share of all processors from which on others change a result
LOOK_S, NAMED = 2.0, 5


class Others:
    """The processor time that neither this process nor those it waited for have used."""

    def __init__(self) -> None:
        self._since, self._used_s = time.monotonic(), _others_s()

    def share(self) -> float:
        """Returns their share of all processors since this was made, 0 to 1."""
        seconds = (time.monotonic() - self._since) * psutil.cpu_count()
        return min(max((_others_s() - self._used_s) / seconds, 0.0), 1.0)


def wait_until_quiet(patience_s: float) -> None:
    """Waits until others use less than 5 % of the processors; says so where that takes too long."""
    until = time.monotonic() + patience_s
    for share in _looks():
        if share < BUSY:
            return
        if time.monotonic() > until:
            print(f"not quiet after {patience_s:.0f} s: others use {share:.0%} of the processors")
            return


def noise_words(lines: Sequence[Mapping[str, Any]]) -> str:
    """Returns which measurements were made beside other work; empty if none was.

    Args:
        lines: of a race's results; `others` is the share that other programs used meanwhile.
    """
    noisy = [line for line in lines if line.get("others", 0.0) >= BUSY]
    if not noisy:
        return ""
    if len(noisy) > NAMED:
        share = fmean(line["others"] for line in noisy)
        which = f"{len(noisy)} of {len(lines)} measurements, {share:.0%} on average"
    else:
        which = "; ".join(map(_words, noisy))
    return (
        f"The machine was not quiet: other programs used {BUSY:.0%} of the processors or more in"
        f" {which}."
    )


def _words(line: Mapping[str, Any]) -> str:
    turn, share = line["round"] + 1, line["others"]
    return f"{line['case']}, {line['contestant']}, round {turn} ({share:.0%})"


def _looks() -> Iterator[float]:
    while True:
        others = Others()
        time.sleep(LOOK_S)
        yield others.share()


def _others_s() -> float:
    times = psutil.cpu_times()
    busy = sum(times) - times.idle - times.iowait - times.guest - times.guest_nice
    own = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return float(busy - sum(used.ru_utime + used.ru_stime for used in own))
