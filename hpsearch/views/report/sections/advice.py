"""What to search next: ranges whose ends hold the best trials, and whether to continue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hpsearch.measure.report import ReportData
from hpsearch.protocol.types import sign_of
from hpsearch.search.store import TrialRecord
from hpsearch.studyfile.distributions import Choice, Distribution
from hpsearch.views import formatting
from hpsearch.views.formatting import command
from hpsearch.views.report.basis import after, basis_words
from hpsearch.views.report.blocks import Block, Paragraph, Section, Table
from hpsearch.views.report.sections.history import best_so_far
from hpsearch.views.report.sections.parallel import height_of

# Of ranges without any influence, one in forty has two of three best values in a given outer tenth.
_MIN_BEST = 3
_BEST_SHARE = 0.1
_OUTER = 0.1
_MIN_TRIALS = 6
_LATE = 0.9
_NO_MORE = "all settings of the grid are tried, and a wider one is another study."
_FURTHER = {"low": "below", "high": "beyond"}


@dataclass(frozen=True)
class AtBoundary:
    """A parameter whose best values sit at an end of its range.

    Attributes:
        side: `low` or `high`.
        end: the range's value there.
        at_end: how many of the best values lie in the outer tenth.
        of: among how many.
    """

    name: str
    side: str
    end: float
    at_end: int
    of: int


def advice(data: ReportData) -> Section | None:
    """Returns which ranges to widen, and whether more trials are promising."""
    if not data.compared:
        return None
    if len(data.compared) < _MIN_TRIALS:
        more = _NO_MORE if data.is_whole_grid else f"run at least {_MIN_TRIALS}."
        text = f"{_too_few(data)}: {more}"
        return Section("What next", [Paragraph(text)])
    found = at_boundaries(data)
    parts: list[Block] = []
    if found:
        parts.append(Paragraph("The best values of these parameters sit at an end of their range."))
        parts.append(_table(found))
    else:
        parts.append(
            Paragraph(
                "No parameter's best values sit at an end of its range: no range is too narrow."
            )
        )
    parts.append(Paragraph(f"{_going_on(data)} {basis_words(data)}".rstrip()))
    return Section("What next", parts)


def _too_few(data: ReportData) -> str:
    count, epoch = len(data.compared), data.basis.epoch
    trials = "trial" if count == 1 else "trials"
    which = f"{trials} {after(epoch, data.study.unit)}" if epoch else f"complete {trials}"
    return f"{count} {which} {'is' if count == 1 else 'are'} too few to say where to look"


def next_words(data: ReportData) -> str:
    """Returns what to do next, in a sentence or two; empty while no trial can be compared."""
    if not data.compared:
        return ""
    if len(data.compared) < _MIN_TRIALS:
        more = f"`{command('resume', data.study.name, add=10)}`."
        return f"{_too_few(data)}: {_NO_MORE if data.is_whole_grid else more}"
    widened = [f"{one.name}: {_try(one)}" for one in at_boundaries(data)]
    first = f"The best values sit at the end of a range ({'; '.join(widened)}). " if widened else ""
    return f"{first}{_going_on(data)}"


def at_boundaries(data: ReportData) -> list[AtBoundary]:
    """Returns the parameters of which over half the best values lie in a range's outer tenth."""
    count = max(_MIN_BEST, round(_BEST_SHARE * len(data.compared)))
    sign = sign_of(data.direction)
    best = sorted(data.compared, key=lambda trial: -sign * data.compared_value(trial))[:count]
    found = (
        _at_boundary(name, distribution, best) for name, distribution in data.parameters.items()
    )
    return [one for one in found if one is not None]


def _at_boundary(
    name: str, distribution: Distribution, best: Sequence[TrialRecord]
) -> AtBoundary | None:
    if isinstance(distribution, Choice):
        return None
    heights = [height_of(t.params[name], distribution) for t in best if name in t.params]
    if len(heights) < _MIN_BEST:
        return None
    sides = {
        "low": sum(height <= _OUTER for height in heights),
        "high": sum(height >= 1 - _OUTER for height in heights),
    }
    side = max(sides, key=lambda side: sides[side])
    if sides[side] * 2 <= len(heights):
        return None
    end = distribution.bounds()[side == "high"]
    return AtBoundary(name, side, end, sides[side], len(heights))


def _table(found: Sequence[AtBoundary]) -> Table:
    rows = [
        (
            one.name,
            f"{one.side}, {formatting.setting(one.end)}",
            f"{one.at_end} of {one.of}",
            _try(one),
        )
        for one in found
    ]
    head = ("parameter", "end", "best trials there", "to try")
    return Table(head, rows, left=("parameter", "end", "to try"))


def _try(one: AtBoundary) -> str:
    if one.side == "low" and one.end == 0:
        return "0 itself: this may not be needed at all"
    return f"a range that goes {_FURTHER[one.side]} {formatting.setting(one.end)}"


def _going_on(data: ReportData) -> str:
    if data.is_whole_grid:
        return f"{_NO_MORE[0].upper()}{_NO_MORE[1:]}"
    values = [data.compared_value(trial) for trial in data.compared]
    last = data.compared[best_so_far(values, data.direction)[-1]].number
    count = len(data.study.trials)
    more = command("resume", data.study.name, add=max(10, count // 2))
    best = "The best value" if len(data.study.objectives) == 1 else f"The best {data.objective}"
    if data.basis.epoch:
        best += f" {after(data.basis.epoch, data.study.unit)}"
    if last >= _LATE * (count - 1):
        return (
            f"{best}, of trial {last}, is among the last of {count}: more trials may find"
            f" better: `{more}`."
        )
    return (
        f"{best} is that of trial {last}; no later one of {count} trials is better."
        f" Changing the space is more promising than adding trials with `{more}`."
    )
