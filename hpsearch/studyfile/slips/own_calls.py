"""Calls that are nearly `~int`, `~float` or `~choice`: `INT(1, 5)`, `int(2**5, 2**9)`."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from typing import Any

from hpsearch.studyfile.slips.python_text import parse_python
from hpsearch.studyfile.slips.search_calls import search_from_call
from hpsearch.studyfile.slips.spelling import near_call, range_line

_EXAMPLES = {
    "int": "~int(1, 8)",
    "float": "~float(0.1, 1.0)",
    "choice": "~choice(a, b)",
    "ref": "~ref(model.init_args.width)",
    "expr": "~expr(2 * model.init_args.width)",
}
# Typed by a word processor, or by a keyboard of another language.
_CHARACTERS = str.maketrans("\u2212\u2013\uff0c\uff1b\uff08\uff09", "--,;()")
_LARGEST = 2**53
_MOST_BITS = 64
_OPERATIONS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}


def own_call(text: str) -> str | None:
    """Returns the search expression for a text that is nearly one; None if it is unclear.

    Args:
        text: without its `~`, such as `INT(1, 5)`, `int(2**5, 2**9)` or `float(1e-4 1e-1)`.
    """
    match = re.fullmatch(
        r"(int|float|choice)\s*\(([^()]*)\)?", text.translate(_CHARACTERS).strip(), re.IGNORECASE
    )
    if match is None:
        return None
    kind, inside = match[1].lower(), re.sub(r"\b(\d+)k\b", r"\g<1>000", match[2])
    try:
        return _rewritten(kind, inside) or near_call(f"{kind}({inside})")
    except (SyntaxError, ArithmeticError, ValueError):
        return near_call(f"{kind}({inside})")


def example_of(name: str) -> str | None:
    """Returns a search expression as an example of what a function's name means, if it is known."""
    name = name.lower()
    return _EXAMPLES.get(name) or search_from_call(name, [1, 8], {})


def _rewritten(kind: str, inside: str) -> str | None:
    try:
        call = parse_python(f"{kind}({inside})")
    except SyntaxError:
        # With commas, a space may belong to an option: `two words, b`.
        between = r"\s*[;|]\s*" if re.search("[,;|]", inside) else r"\s+"
        call = parse_python(f"{kind}({re.sub(between, ', ', inside.strip())})")
    if not isinstance(call, ast.Call):
        return None
    parts = [*call.args]
    if len(parts) == 1:
        parts = _alternatives(parts[0])
    values = [_worked_out(part) for part in parts]
    keywords = {word.arg or "**": _worked_out(word.value) for word in call.keywords}
    if kind != "choice":
        return range_line(kind, values, keywords)
    prior = keywords.pop("prior", None)
    if keywords or len(values) < 2:
        return None
    line = search_from_call("choice", values, {})
    return line if line is None or prior is None else f"{line[:-1]}, prior={prior!r})"


def _alternatives(node: ast.expr) -> list[ast.expr]:
    """Returns `a`, `b` and `c` of `a | b | c`, or of a set of them."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_alternatives(node.left), node.right]
    return node.elts if isinstance(node, ast.Set) else [node]


def _worked_out(node: ast.expr) -> Any:
    """Returns a word, or what plain arithmetic on numbers comes to.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(node, ast.Name):
        return {"true": True, "false": False, "null": None}.get(node.id, node.id)
    if not isinstance(node, ast.BinOp):
        value = ast.literal_eval(node)
        if value is ...:
            raise ValueError(value)
        return value
    left, right = _worked_out(node.left), _worked_out(node.right)
    if not all(isinstance(one, int | float) and abs(one) <= _LARGEST for one in (left, right)):
        raise ValueError(node)
    if isinstance(node.op, ast.Pow | ast.BitXor):
        if abs(right) > _MOST_BITS or (left < 0 and right != int(right)):
            raise ValueError(node)
        return left**right
    if type(node.op) not in _OPERATIONS:
        raise ValueError(node)
    return _OPERATIONS[type(node.op)](left, right)
