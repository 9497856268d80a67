"""Whether a value fits a type hint that is only text: a plain yes, or no and don't know."""

from __future__ import annotations

import ast
from typing import Any

_LISTS = ("list", "List", "Sequence", "Iterable", "Collection", "tuple", "Tuple")
_MAPPINGS = ("dict", "Dict", "Mapping")


def fits(hint: ast.expr | None, value: Any) -> bool:
    """Tells whether a value of a study file surely fits a type hint.

    Args:
        hint: the hint as it is written; None where there is none, which fits everything.
        value: plain data.
    """
    match hint:
        case None:
            return True
        case ast.Constant(value=None):
            return value is None
        case ast.Constant(value=str() as text):
            return fits(ast.parse(text, mode="eval").body, value)
        case ast.BinOp(op=ast.BitOr()):
            return fits(hint.left, value) or fits(hint.right, value)
        case ast.Subscript():
            return _fits_inside(_word(hint.value), hint.slice, value)
    return _fits_word(_word(hint), value)


def _fits_word(word: str, value: Any) -> bool:
    match word:
        case "Any" | "object":
            return True
        case "int":
            return type(value) is int
        case "float":
            return type(value) in (int, float)
        case "str" | "bool":
            return type(value).__name__ == word
    if word in _MAPPINGS:
        return isinstance(value, dict)
    return word in _LISTS and isinstance(value, list)


def _fits_inside(word: str, inside: ast.expr, value: Any) -> bool:
    parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
    if word == "Optional":
        return value is None or fits(inside, value)
    if word == "Union":
        return any(fits(part, value) for part in parts)
    if word == "Literal":
        options = [part.value for part in parts if isinstance(part, ast.Constant)]
        return any(type(value) is type(option) and value == option for option in options)
    if word in _MAPPINGS and isinstance(value, dict) and len(parts) == 2:
        return all(fits(parts[0], key) and fits(parts[1], item) for key, item in value.items())
    if word not in _LISTS or not isinstance(value, list):
        return False
    if word in ("tuple", "Tuple") and not _is_endless(parts):
        return len(parts) == len(value) and all(map(fits, parts, value))
    return all(fits(parts[0], item) for item in value)


def _is_endless(parts: list[ast.expr]) -> bool:
    return len(parts) == 2 and isinstance(parts[1], ast.Constant) and parts[1].value is Ellipsis


def _word(hint: ast.expr) -> str:
    return ast.unparse(hint).rpartition(".")[2]
