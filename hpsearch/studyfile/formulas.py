"""Formulas over the values of a configuration: `model.width // 2`, `model.width % 8 == 0`.

They use Python's syntax, but are parsed and evaluated here: numbers, comparisons and a few
functions, with values by their dotted names. Nothing else from Python is available.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hpsearch.studyfile.diagnostics import InvalidValueError
from hpsearch.studyfile.slips import MOST_LEVELS, TooDeepError, formula_line, parse_python

MAX_LENGTH = 1000
_LARGEST = 2**1000
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{f.__name__: f for f in (abs, float, int, len, max, min, round, sum)},
    **{f.__name__: f for f in (math.ceil, math.exp, math.floor, math.log, math.log2, math.sqrt)},
}
_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: lambda base, power: float(base) ** power if abs(power) > 64 else base**power,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, items: item in items,
    ast.NotIn: lambda item, items: item not in items,
}
_COMPARED = (ast.Eq, ast.NotEq, ast.Not, ast.In, ast.NotIn)  # these take values other than numbers
_WORDS = ("and", "or", "not", "if", "else", "in", "True", "False", "None")
_TOKEN = re.compile(r"""("[^"]*"|'[^']*')|(?<![\w.])([A-Za-z_]\w*(?:\.\w+)*)(?!\s*\(|\w)""")


class FormulaError(ValueError):
    """A formula has no value in a configuration: a division by zero, or a missing value."""


@dataclass(frozen=True)
class Formula:
    """A parsed formula, ready to be evaluated.

    Attributes:
        text: the formula as it is written.
        names: the dotted names of the values in it.
    """

    text: str
    names: tuple[str, ...]
    _tree: ast.expr

    def value(self, values: Mapping[str, Any]) -> Any:
        """Returns the value of the formula.

        Args:
            values: the values of a configuration by their dotted names.

        Raises:
            FormulaError: the formula has no value here.
        """
        absent = [name for name in self.names if name not in values]
        if absent:
            raise FormulaError(f"{self.text}: {absent[0]} has no value here")
        known = {f"_{index}": values[name] for index, name in enumerate(self.names)}
        try:
            return _work_out(self._tree, known)
        except OverflowError:
            raise FormulaError(f"{self.text}: the result is too large") from None
        except (ArithmeticError, TypeError, ValueError) as error:
            raise FormulaError(f"{self.text}: {error}") from None


def parse_formula(text: str) -> Formula:
    """Parses a formula.

    Raises:
        InvalidValueError: the text is not a formula; the message says why, and what one looks like.
    """
    try:
        return _parse(text)
    except InvalidValueError as error:
        if (line := formula_line(text)) is None:
            raise
        try:
            _parse(line)
        except InvalidValueError:
            raise error from None
        raise InvalidValueError(f"{text!r} is not a formula here; write {line}") from None


def _parse(text: str) -> Formula:
    if len(text) > MAX_LENGTH:
        raise InvalidValueError(
            f"a formula of {len(text)} characters is over the limit of {MAX_LENGTH}"
        )
    names: dict[str, str] = {}

    def shorten(token: re.Match[str]) -> str:
        name = token.group(2)
        if name is None or name in _WORDS:
            return token.group(0)
        return names.setdefault(name, f"_{len(names)}")

    try:
        tree = parse_python(_TOKEN.sub(shorten, text))
    except TooDeepError:
        raise InvalidValueError(
            f"a formula nested more than {MOST_LEVELS} levels deep is over the limit"
        ) from None
    except SyntaxError:
        example = "write arithmetic over named values, as in model.width // 2"
        raise InvalidValueError(f"{text!r} is not a formula; {example}") from None
    for node in ast.walk(tree):
        _require_known(node, text)
    return Formula(text, tuple(names), tree)


def _require_known(node: ast.AST, text: str) -> None:
    allowed = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.List, ast.Tuple)
    part: type = type(node)
    if isinstance(node, ast.Call):
        named = isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS
        if not named or node.keywords:
            known = ", ".join(sorted(_FUNCTIONS))
            raise InvalidValueError(f"{text!r} calls something other than {known}")
    elif isinstance(node, ast.Constant):
        if not isinstance(node.value, int | float | str | None):
            raise InvalidValueError(f"{text!r} has {node.value!r}, which is not a number or a word")
    elif not (part in _OPERATORS or isinstance(node, (*allowed, ast.Name, ast.boolop, ast.Load))):
        raise InvalidValueError(f"{text!r} may hold only arithmetic, comparisons, and, or, not, if")


def _work_out(node: ast.expr, values: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return values[name]
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return [_work_out(part, values) for part in parts]
        case ast.UnaryOp(op=op, operand=operand):
            return _apply(op, _work_out(operand, values))
        case ast.BinOp(left=left, op=op, right=right):
            return _apply(op, _work_out(left, values), _work_out(right, values))
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_work_out(part, values) for part in parts)
        case ast.BoolOp(values=parts):
            return any(_work_out(part, values) for part in parts)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return _work_out(body if _work_out(test, values) else orelse, values)
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = [_work_out(side, values) for side in (left, *others)]
            pairs = zip(ops, sides, sides[1:], strict=False)
            return all(_apply(op, one, other) for op, one, other in pairs)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _FUNCTIONS[name](*[_work_out(argument, values) for argument in arguments])
    raise TypeError(f"{ast.unparse(node)} cannot be evaluated")


def _apply(op: ast.AST, *operands: Any) -> Any:
    if not isinstance(op, _COMPARED):
        for operand in operands:
            if not isinstance(operand, int | float):
                raise TypeError(f"{operand!r} is not a number")
    result = _OPERATORS[type(op)](*operands)
    if isinstance(result, int | float) and not abs(result) <= _LARGEST:
        raise OverflowError
    return result
