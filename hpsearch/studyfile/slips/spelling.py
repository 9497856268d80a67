"""Search expressions and formulas that are nearly right, and how a study file writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_NUMBER = r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
# What other tools write, and what it is called here, in this order.
_WORDS = (
    (r"~\s*(?:ref|expr)\s*\(([^()]*)\)", r"\1"),
    (r"\$\{\s*([\w.]+)\s*\}", r"\1"),
    (r"""\b(\w+)\[\s*['"](\w+)['"]\s*\]""", r"\1.\2"),
    (r"\b(?:np|numpy|math|torch)\.(?=\w+\s*\()", ""),
    (r"\s*(?:&&|&)\s*", " and "),
    (r"\s*\|\|?\s*", " or "),
    (r"\s+is (?:divisible by|a multiple of)\s+(\S+)", r" % \1 == 0"),
    (r"<>", "!="),
    (r"=>", ">="),
    (r"=<", "<="),
    (r"!(?!=)\s*", "not "),
    (r"(?<=\s)=(?!=)", "=="),
    (r"(?<=[\w)]) x (?=[\w(])", " * "),
    (r"\^", "**"),
    (r"\s*;?\s*$", ""),
)


def formula_line(text: str) -> str | None:
    """Returns a formula as a study file writes it; None if none of its words is from elsewhere."""
    line = text
    for elsewhere, here in _WORDS:
        line = re.sub(elsewhere, here, line)
    return line if line != text.rstrip() else None


def near_call(text: str) -> str | None:
    """Returns the search expression for a text that is nearly a call; None if it is unclear.

    Args:
        text: without its `~`, such as `ref data.rows`, `choice[8, 16]` or `ref(data.rows) * 2`.
    """
    if match := re.fullmatch(r"(?:ref|expr)\s*\(([^()]*)\)\s*([-+*/%].*)", text):
        return f"~expr({match[1]} {match[2]})"
    if match := re.fullmatch(r"(\w+\(.*\))\s*(&[\w-]+)", text):
        return f"{match[2]} ~{match[1]}"
    if match := re.fullmatch(
        r"(ref|expr|int|float|choice)(?:\s+|\s*[\[{:]\s*)([^()]+?)[\]}]?", text
    ):
        plural = match[1] not in ("ref", "expr")
        inside = ", ".join(re.split(r"[,;\s]+", match[2])) if plural else match[2]
        return f"~{match[1]}({inside})"
    if match := re.fullmatch(r"choice\(([^()]*;[^()]*)\)", text):
        return f"~choice({', '.join(part.strip() for part in match[1].split(';'))})"
    between = rf"({_NUMBER})\s*(?:\.\.+|-|to|:)\s*({_NUMBER})"
    pair = rf"\(?\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)?"
    for written in (rf"(?:choice|int|float)\(\s*{between}\s*\)", between, pair):
        if match := re.fullmatch(written, text):
            is_whole = all(re.fullmatch(r"-?\d+", bound) for bound in match.groups())
            return f"~{'int' if is_whole else 'float'}({match[1]}, {match[2]})"
    if re.fullmatch(r"bool(?:ean)?", text, re.IGNORECASE):
        return "~choice(true, false)"
    options = text.removeprefix("or(").strip("[](){} ")
    if re.fullmatch(r"[\w.+-]+(\s*[,|]\s*[\w.+-]+)+", options):
        return f"~choice({', '.join(re.split(r'[,|]', options.replace(' ', '')))})"
    return None


def range_line(kind: str, values: Sequence[Any], keywords: Mapping[str, Any]) -> str | None:
    """Returns a range whose arguments are in other places or have other names, as it is written.

    Args:
        kind: `int` or `float`.
        values: its arguments without a name; numbers or words.
        keywords: those with a name.

    Returns:
        The search expression; None if it is unclear what is meant.
    """
    given = dict(zip(("low", "high"), values, strict=False))
    for extra in values[2:]:
        is_log = extra is True or (isinstance(extra, str) and "log" in extra)
        if ("log" if is_log else "step") in given:
            return None
        given |= {"log": True} if is_log else {"step": extra}
    for name, value in keywords.items():
        here = _RANGE_NAMES.get(name, name)
        if here in given:
            return None
        given[here] = "log" in str(value) if here == "log" and value is not True else value
    if not given.keys() <= {"low", "high", "log", "step", "prior"}:
        return None
    numbers = [given.get(name) for name in ("low", "high")]
    if not all(isinstance(one, int | float) for one in numbers) or isinstance(
        given.get("step"), str
    ):
        return None
    more = [f"{name}={given[name]!r}" for name in ("log", "step", "prior") if given.get(name)]
    return f"~{kind}({', '.join([*map(repr, numbers), *more])})"


_RANGE_NAMES = {
    **dict.fromkeys(("min", "lower", "minval", "min_value", "start"), "low"),
    **dict.fromkeys(("max", "upper", "maxval", "max_value", "stop", "end"), "high"),
    **dict.fromkeys(("scale", "sampling", "distribution", "log_scale", "logscale"), "log"),
    **dict.fromkeys(("q", "step_size", "interval"), "step"),
    **dict.fromkeys(("default", "default_value", "init", "initial"), "prior"),
}
