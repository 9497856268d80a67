"""Turns measurements into tables: medians with their spread, ratios, text between markers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

NOTHING = "-"


@dataclass(frozen=True)
class Measured:
    """The measurements of one contestant in one round.

    Attributes:
        case: name of the case, such as `cnn-32`.
        contestant: name of the contestant.
        figures: the numbers by name; the names include units.
        round: from 0; measurements of one round were made one after another.
        left_out: why there are no figures; empty if there are.
    """

    case: str
    contestant: str
    figures: Mapping[str, float] = field(default_factory=dict)
    round: int = 0
    left_out: str = ""


def spread(values: Iterable[float], digits: int = 1) -> str:
    """Returns the median with the smallest and the largest value: `5.0 (4.1-7.9)`."""
    numbers = sorted(values)
    if not numbers:
        return NOTHING
    middle, minimum, most = (
        f"{number:,.{digits}f}" for number in (median(numbers), numbers[0], numbers[-1])
    )
    return middle if len(numbers) == 1 else f"{middle} ({minimum}-{most})"


def figures_of(
    lines: Iterable[Measured], case: str, contestant: str, figure: str
) -> dict[int, float]:
    """Returns one figure of one contestant in one case, by round."""
    return {
        line.round: line.figures[figure]
        for line in lines
        if (line.case, line.contestant) == (case, contestant) and figure in line.figures
    }


def ratios(above: Mapping[int, float], below: Mapping[int, float]) -> list[float]:
    """Returns the ratio of two contestants' figures for each round that has both."""
    return [above[turn] / below[turn] for turn in sorted(above.keys() & below.keys())]


def names(lines: Iterable[Measured], part: str) -> list[str]:
    """Returns the cases or the contestants (`part`) in order of first appearance."""
    return list(dict.fromkeys(getattr(line, part) for line in lines))


def reason(lines: Iterable[Measured], case: str, contestant: str) -> str:
    """Returns why a contestant was left out of a case; empty if it was not."""
    found = (line.left_out for line in lines if (line.case, line.contestant) == (case, contestant))
    return next(filter(None, found), "")


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a Markdown table with words in the first column and numbers in the others."""
    ruler = ["---", *["---:"] * (len(head) - 1)]
    lines = (head, ruler, *rows)
    return "\n".join("|" + "".join(f" {cell} |" if cell else " |" for cell in row) for row in lines)


def replace(text: str, place: str, table: str) -> str:
    """Returns a page with a table between the markers of its place, replacing the old one.

    Raises:
        ValueError: the page does not have each marker exactly once.
    """
    first, last = f"<!-- {place} -->", f"<!-- /{place} -->"
    if text.count(first) != 1 or text.count(last) != 1 or text.index(first) > text.index(last):
        raise ValueError(
            f"the page must hold {first!r} and, after it, {last!r}, each once: the table is"
            " written between them"
        )
    before, _, rest = text.partition(first)
    _, _, after = rest.partition(last)
    return f"{before}{first}\n{table.strip()}\n{last}{after}"
