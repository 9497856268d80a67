"""Values, durations, curves, decisions and commands as people read them."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from hpsearch.protocol.types import Scalar
from hpsearch.studyfile.document import short_names


def spell(seconds: float | None) -> str:
    """Returns a duration in its two largest units: `45s`, `1m 20s`, `2h 05m`, `3d 04h`."""
    if seconds is None:
        return "-"
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours:02d}h"
    if hours:
        return f"{hours}h {minutes:02d}m"
    return f"{minutes}m {rest:02d}s" if minutes else f"{rest}s"


def counted(number: int, unit: str) -> str:
    """Returns a number of things, such as `1 epoch` or `3 epochs`."""
    return f"{number} {unit}{'s' * (number != 1)}"


def speed_words(choice: Mapping[str, Any]) -> str:
    """Returns what `speed: auto` took and why: `auto took trainer.precision: bf16-mixed: 1.4 ...`.

    Args:
        choice: as the study has it on record.
    """
    return f"auto took {choice['line'] or 'nothing'}: {choice['why']}"


def metric(value: float | None) -> str:
    """Returns an objective's value with four decimals, or with four digits if it is large or small.

    A whole number of two digits or more is shown as a count, such as that of weights.
    """
    if value is None:
        return "-"
    if 10 <= abs(value) < 1e9 and value == int(value):
        return str(int(value))
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.4g}"


def cut_apart(names: Sequence[str], width: int) -> list[str]:
    """Returns names of at most `width` characters; those that are cut still differ, if they can.

    >>> cut_apart(["val_segmentation_iou_cat", "val_segmentation_iou_dog"], 12)
    ['val_se…u_cat', 'val_se…u_dog']
    """
    # The middle is left out or, where names differ only there, another part.
    kept = sorted(range(width), key=lambda head: abs(head - width // 2))
    found = [[_without_part(name, head, width) for name in names] for head in kept]
    return next((each for each in found if len({*each}) == len({*names})), found[0])


def _without_part(name: str, head: int, width: int) -> str:
    if len(name) <= width:
        return name
    tail = width - 1 - head
    return f"{name[:head]}…{name[len(name) - tail :]}"


def setting(value: Scalar) -> str:
    """Returns a parameter's value as a study file has it, floats with three digits."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and 1000 <= abs(value) < 1e9 and value == int(value):
        return str(int(value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def size(count: float) -> str:
    """Returns a number of bytes in the unit that suits it: `930 B`, `1.2 MB`, `40 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.2g} {unit}" if count < 9.95 else f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"


def one_line(
    params: Mapping[str, Scalar],
    names: Mapping[str, str] | None = None,
    between: str = " ",
    room: float = math.inf,
) -> str:
    """Returns `name=value` for each parameter, with the names given or the shortest ones.

    If they need more characters than the room allows, those that fit are followed by the number of
    the others; no value is cut.
    """
    names = short_names(params) if names is None else names
    pairs = [f"{names.get(n, n)}={setting(v)}" for n, v in params.items()]
    for count in range(len(pairs), -1, -1):
        left_out = len(pairs) - count
        line = between.join([*pairs[:count], *[f"+{left_out}"] * bool(left_out)])
        if len(line) <= room:
            return line
    return ""


BARS = "▁▂▃▄▅▆▇█"
# For terminals whose encoding has no block characters.
ASCII_BARS = "_.-~=+*#"


def sparkline(values: Sequence[float], width: int, bars: str = BARS) -> str:
    """Returns the curve as bars, scaled from its smallest to its largest value.

    Args:
        values: one per epoch; one that is not finite becomes a blank.
        width: characters to use at most; a longer curve is thinned out, but keeps its last value.
        bars: eight characters, from the lowest to the highest.
    """
    shown = _thinned(values, width)
    finite = [value for value in shown if math.isfinite(value)]
    if not finite:
        return " " * len(shown)
    low, high = min(finite), max(finite)
    return "".join(_bar(value, low, high, bars) for value in shown)


def _thinned(values: Sequence[float], width: int) -> list[float]:
    if len(values) <= width:
        return list(values)
    return [values[(index + 1) * len(values) // width - 1] for index in range(width)]


def _bar(value: float, low: float, high: float, bars: str) -> str:
    if not math.isfinite(value):
        return " "
    if high == low:
        return bars[3]
    # Halved first: the difference of two finite floats may be infinite.
    part = (value / 2 - low / 2) / (high / 2 - low / 2)
    return bars[min(int(part * len(bars)), len(bars) - 1)]


_DONE = {"continue": "continued", "pause": "paused", "prune": "pruned"}


def decision_words(decision: Mapping[str, Any]) -> str:
    """Returns `pruned by MedianPruner: its best ...`, `paused: place 3 of 4 ...`."""
    done, reason = _DONE.get(decision["action"], "stopped"), str(decision["reason"])
    if not reason:
        return done
    return f"{done} {reason}" if reason.startswith("by ") else f"{done}: {reason}"


def command(*words: object, **options: object) -> str:
    """Returns `hpsearch WORDS --option VALUE`, quoted for a shell, without options that are None.

    >>> command("resume", "mnist", per_device=2, storage=None)
    'hpsearch resume mnist --per-device 2'
    """
    parts = ["hpsearch", *map(str, words)]
    for name, value in options.items():
        if value is not None:
            parts += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(parts)
