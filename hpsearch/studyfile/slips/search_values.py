"""Values that other tools search: a sweep's mapping, a list, options with commas in between."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hpsearch.studyfile.slips.search_calls import search_from_call, search_from_text
from hpsearch.studyfile.slips.spelling import near_call

_KINDS = ("distribution", "type", "_type")
_FIXED = ("value", "val")
_OPTIONS = ("values", "choices", "vals", "options", "categories", "grid_search")
_LOWS = ("min", "low", "lower", "minval", "min_value")
_HIGHS = ("max", "high", "upper", "maxval", "max_value")
_STEPS = ("q", "step")
_KEYS = {
    *(*_KINDS, *_FIXED, *_OPTIONS, *_LOWS, *_HIGHS, *_STEPS, "_value", "mu", "sigma"),
    *("log", "scale", "sampling", "base", "count", "probabilities", "default", "prior"),
    *("prior_confidence", "is_fidelity"),
}


def search_from_value(value: Any) -> str | None:
    """Returns what to write for a value that its argument cannot take; None if that is unclear.

    Args:
        value: such as `{min: 0.1, max: 0.5}`, `[8, 16]`, `8,16` or `range(1, 9)`.
    """
    if isinstance(value, Mapping):
        return _from_mapping(value)
    if isinstance(value, list):
        plain = all(isinstance(option, str | int | float) for option in value)
        return search_from_call("choice", [value], {}) if plain else None
    if not isinstance(value, str):
        return None
    if re.fullmatch(r"[\w.+-]+(\s*,\s*[\w.+-]+)+", value):
        return f"~choice({', '.join(part.strip() for part in value.split(','))})"
    return search_from_text(f"~{value}") or near_call(value)


def _from_mapping(value: Mapping[str, Any]) -> str | None:
    if not value.keys() <= _KEYS:
        return None
    kind = str(_first(value, _KINDS) or "")
    if (fixed := _first(value, _FIXED)) is not None:
        return str(fixed)
    if isinstance(listed := value.get("_value"), list):  # of NNI, in the order of its arguments
        # Its bounds are those of the value itself, which Hyperopt's of the same name are not.
        name = "log_uniform" if kind == "loguniform" else kind
        return search_from_call(name, [listed] if kind == "choice" else listed, {})
    if isinstance(options := _first(value, _OPTIONS), Sequence) and not isinstance(options, str):
        return search_from_call("choice", [options], {})
    if {"mu", "sigma"} <= value.keys():
        return search_from_call("normal", [value["mu"], value["sigma"]], {})
    return _range(value, kind)


def _range(value: Mapping[str, Any], kind: str) -> str | None:
    low, high = _first(value, _LOWS), _first(value, _HIGHS)
    if not (_is_number(low) and _is_number(high)):
        return None
    if kind == "log":  # of Determined, whose bounds are exponents
        base = float(value.get("base", 10))
        return search_from_call("log", [base**low, base**high], {})
    if kind.endswith("log_uniform"):  # W&B's bounds are exponents there
        return search_from_call("loguniform", [low, high], {})
    scale = f"{kind} {value.get('scale')} {value.get('sampling')}"
    log = "log" in scale or value.get("log") is True
    step = None if log else _first(value, _STEPS)
    is_whole = isinstance(low, int) and isinstance(high, int)
    name = "int" if is_whole and kind not in ("double", "float") else "float"
    return search_from_call(name, [low, high], {"log": log, "step": step})


def _first(value: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((value[name] for name in names if name in value), None)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
