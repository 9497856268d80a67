"""Objectives as other tools write them: a metric and a direction, separate or in other words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hpsearch.protocol.metrics import usual_direction

_DIRECTION_WORDS = {
    **dict.fromkeys(("max", "maximise", "maximum", "higher", "up", "asc"), "maximize"),
    **dict.fromkeys(("min", "minimise", "minimum", "lower", "down", "desc"), "minimize"),
}
METRICS = ("metric", "monitor", "metrics", "objectives", "value", "values", "objective")
DIRECTIONS = ("direction", "directions", "mode", "goal")
_METRIC = re.compile(r"[\w/.-]+")
_END = r"(max|min)\w*"
# Such as `maximize val_accuracy`, `val_loss: min` and `kt.Objective("val_f1", direction="max")`.
_IN_WORDS = (
    re.compile(rf"(?P<end>{_END})[\s:=]+(?P<metric>[\w/.-]+)"),
    re.compile(rf"(?P<metric>[\w/.-]+)[\s:=,]+(?P<end>{_END})"),
    re.compile(rf"""\S*\(['"](?P<metric>[\w/.-]+)['"],\s*(\w+=)?['"](?P<end>{_END})['"]\)"""),
)


def objective_line(written: Any) -> str | None:
    """Returns the objective for metrics without a direction, or with another word for it.

    None if it is unclear.
    """
    if isinstance(written, str):
        written = _in_words(written)
    if isinstance(written, list):
        written = _joined(written)
    if isinstance(written, str | list):
        names = [written] if isinstance(written, str) else written
        known = all(isinstance(name, str) and _METRIC.fullmatch(name) for name in names)
        if not known or {*names} & {*_DIRECTION_WORDS, *_DIRECTION_WORDS.values()}:
            return None
        written = {name: _direction({"metric": name}) for name in names}
    if not isinstance(written, Mapping) or not written:
        return None
    if {*written} & {*DIRECTIONS}:
        return objective_of({"metric": written})
    pairs = [_objective(metric, word) for metric, word in written.items()]
    return f"objective: {{{', '.join(map(str, pairs))}}}" if all(pairs) else None


def objective_of(given: Mapping[str, Any]) -> str:
    """Returns the objective for a metric and a direction under separate keys.

    Args:
        given: those keys, such as `{metric: val_loss, mode: min}`; or `{metric: {name: val_loss}}`.
    """
    listed = next((one for one in given.values() if isinstance(one, list)), None)
    several = objective_line(listed) if listed and len(listed) > 1 else None
    return several or f"objective: {{{_metric(given)}: {_direction(given)}}}"


def _in_words(text: str) -> str | dict[str, str]:
    """Returns the objective of a phrase as a mapping, and any other text without its sign."""
    found = next((match for form in _IN_WORDS if (match := form.fullmatch(text))), None)
    return {found["metric"]: found["end"]} if found else text.removeprefix("-")


def _joined(listed: list[Any]) -> Any:
    """Returns one mapping for a list of them, or for a metric and a direction side by side."""
    if listed and all(isinstance(one, Mapping) for one in listed):
        return {metric: word for one in listed for metric, word in one.items()}
    if len(listed) == 2 and all(isinstance(one, str) for one in listed):
        words = {*_DIRECTION_WORDS, *_DIRECTION_WORDS.values()}
        metric, word = listed if listed[1] in words else reversed(listed)
        return {metric: word} if word in words and metric not in words else listed
    return listed


def _objective(metric: Any, word: Any) -> str | None:
    if word is None and isinstance(metric, str):
        return f"{metric}: {_direction({'metric': metric})}"
    if metric in ("maximize", "minimize") and isinstance(word, str):
        return f"{word}: {metric}"
    found = _DIRECTION_WORDS.get(str(word).lower(), word)
    return f"{metric}: {found}" if found in ("maximize", "minimize") else None


def _metric(given: Mapping[str, Any]) -> str:
    names = [given[key] for key in METRICS if isinstance(given.get(key), str)]
    for one in given.values():
        if isinstance(one, Mapping):
            named = [one[key] for key in ("name", *METRICS) if isinstance(one.get(key), str)]
            names += named or [*one][:1]
    return str(names[0]) if names else "val_accuracy"


def _direction(given: Mapping[str, Any]) -> str:
    words = [given.get(key) for key in DIRECTIONS]
    for one in given.values():
        words += [one.get(key) for key in DIRECTIONS] if isinstance(one, Mapping) else []
    known = ("maximize", "minimize")
    plain = [_DIRECTION_WORDS.get(str(word).lower(), str(word).lower()) for word in words if word]
    likely = usual_direction(_metric(given)) or "maximize"
    return next((word for word in plain if word in known), likely)
