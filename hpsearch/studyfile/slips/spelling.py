"""Search expressions and formulas that are nearly right, and how a study file writes them."""

from __future__ import annotations

import re

# What is written elsewhere, and what it is here, in this order.
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
    """Returns a formula as a study file writes it; None if none of its words is another's."""
    line = text
    for elsewhere, here in _WORDS:
        line = re.sub(elsewhere, here, line)
    return line if line != text.rstrip() else None


def near_call(text: str) -> str | None:
    """Returns the search expression for one that is nearly a call; None if it is unclear.

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
    if match := re.fullmatch(r"(?:choice|int)\(\s*(-?\d+)\s*(?:\.\.+|-|to)\s*(-?\d+)\s*\)", text):
        return f"~int({match[1]}, {match[2]})"
    return None
