"""A search expression, `~int(8, 64, log=True)`, read into the distribution it describes.

A value that starts with `~` is searched. There are three exceptions: `~` alone, a path from the
home folder (`~/runs`), and text after two tildes (`~~x` is the text `~x`).
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal, TypeGuard

from hpsearch.protocol.types import Scalar
from hpsearch.studyfile.diagnostics import InvalidValueError, did_you_mean, nearest
from hpsearch.studyfile.distributions import (
    Choice,
    Distribution,
    FloatRange,
    IntRange,
    is_number,
    last_step,
    log_of,
    number_of,
    require_ascending,
    whole_of,
)
from hpsearch.studyfile.slips import (
    example_of,
    near_call,
    own_call,
    parse_python,
    range_line,
    search_from_text,
)

MAX_LENGTH = 4000
MAX_OPTIONS = 500
_SHOWN = 60
_WORD = re.compile(r"[A-Za-z_][\w./+-]*")
# A name that indexes a list, which Python would not parse; and quoted text, which is left alone.
_ENTRY = re.compile(r"""("[^"]*"|'[^']*')|(?<![\w.])[A-Za-z_]\w*(?:\.\w+)*\.\d\w*(?:\.\w+)*""")
_WORDS: dict[str, Scalar] = {"null": None, "true": True, "false": False}
_FORMS = "~int(low, high), ~float(low, high) or ~choice(a, b, ...)"

_Value = Scalar | list[Any]
_Arguments = tuple[list[Any], dict[str, Any]]


def is_expression(value: Any) -> TypeGuard[str]:
    """Returns whether the value is searched."""
    return isinstance(value, str) and re.match(r"~(?!$|/|~)", value) is not None


def unescape(value: Any) -> Any:
    """Returns `~x` for the text `~~x`, and anything else as it is."""
    return value[1:] if isinstance(value, str) and value.startswith("~~") else value


def escape(tree: Any) -> Any:
    """Returns the tree with every `~` escaped, so that nothing in it is searched."""
    if isinstance(tree, dict):
        return {key: escape(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [escape(value) for value in tree]
    return f"~{tree}" if is_expression(tree) or str(tree).startswith("~~") else tree


def parse_expression(text: str) -> Distribution:
    """Returns the distribution that an expression describes.

    Raises:
        InvalidValueError: the rule that is broken, and what to write instead.
    """
    function, (values, keywords) = _parse_call(text)
    priors = [keywords.pop("prior")] if "prior" in keywords else []
    distribution = _READERS[function](values, keywords)
    return _with_prior(function, distribution, priors[0]) if priors else distribution


def _meant(text: str, function: str) -> str:
    if (line := search_from_text(text)) is not None:
        return f"; write {line}"
    names = (*_READERS, "ref", "expr")
    if (example := example_of(function)) is not None:
        return f"; write its values as numbers, as in {example}"
    near = nearest(function, names)
    return f"; did you mean '~{near}'?" if near else f"; known here: ~{', ~'.join(names)}"


def _with_prior(function: str, distribution: Distribution, prior: Scalar) -> Distribution:
    """Returns the distribution with the value that is believed to be good.

    Raises:
        InvalidValueError: it is not one of the values.
    """
    if not distribution.contains(prior):
        raise InvalidValueError(
            f"prior={prior!r} is not a value of this ~{function}; write one that it can take"
        )
    if isinstance(distribution, FloatRange) and isinstance(prior, int):
        prior = float(prior)
    return replace(distribution, prior=prior)


def bounds_of(text: str) -> dict[str, str]:
    """Returns the names of the values at which a range begins (`low`) or ends (`high`), if any.

    Raises:
        InvalidValueError: the expression cannot be read.
    """
    function, (values, keywords) = _parse_call(text)
    if function not in ("int", "float"):
        return {}
    given = {**dict(zip(("low", "high"), values, strict=False)), **keywords}
    named = ((end, given.get(end)) for end in ("low", "high"))
    return {
        end: name
        for end, name in named
        if isinstance(name, str) and "." in name and not is_number(name)
    }


def _parse_call(text: str) -> tuple[str, _Arguments]:
    if len(text) > MAX_LENGTH:
        raise InvalidValueError(
            f"an expression of {len(text)} characters is over the limit of {MAX_LENGTH}"
        )
    source = _ENTRY.sub(lambda m: m[0] if m[1] else f'"{m[0]}"', text[1:].strip())
    try:
        call = parse_python(source)
    except SyntaxError:
        call = None
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
        if (line := search_from_text(text)) is not None:
            raise InvalidValueError(f"{text!r} is another tool's; write {line}")
        raise InvalidValueError(_why_not_a_call(text, source))
    if (function := call.func.id) not in _READERS:
        raise InvalidValueError(f"there is no '~{function}'{_meant(text, function)}")
    if "range(" in text and (line := search_from_text(text)) is not None:
        raise InvalidValueError(f"{text!r} cannot be read; write {line}")
    named = [(keyword.arg or "**", keyword.value) for keyword in call.keywords]
    try:
        values = [_value(node, source) for node in call.args]
        return function, (values, {name: _scalar(node, source, name) for name, node in named})
    except InvalidValueError as error:
        line = _readable(own_call(source))
        if line is None and "..." in source:
            line = f"its values, as in {example_of(function)}"
        raise (InvalidValueError(f"{_rule(error)}; write {line}") if line else error) from None


def _rule(error: InvalidValueError) -> str:
    return str(error).rpartition("; ")[0]


def _readable(line: str | None) -> str | None:
    """Returns the line if it can be read; a message must not give one that cannot."""
    try:
        return line if line and parse_expression(line) else None
    except InvalidValueError:
        return None


def _why_not_a_call(text: str, source: str) -> str:
    if (line := _readable(own_call(source)) or near_call(source)) is not None:
        return f"{text!r} is not a search expression; write {line}"
    if (example := example_of(source)) is not None:
        return f"{text!r} has no values; write them in parentheses, as in {example}"
    text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    if source.count("(") != source.count(")"):
        return f"{text!r} has unbalanced parentheses; write {_FORMS}"
    if re.match(r"\w+\s*\(.*\)$", source):
        return f"{text!r} cannot be read; put quotes round options that are not numbers or names"
    return f"{text!r} is not a search expression; write {_FORMS}, or ~{text} for the text itself"


def _value(node: ast.expr, source: str) -> _Value:
    if isinstance(node, ast.List | ast.Tuple):
        return [_value(part, source) for part in node.elts]
    return _scalar(node, source)


def _scalar(node: ast.expr, source: str, keyword: str = "") -> Scalar:
    written = ast.get_source_segment(source, node) or ""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _scalar(node.operand, source)
        if not isinstance(value, bool) and isinstance(value, int | float):
            return -value if isinstance(node.op, ast.USub) else value
    elif isinstance(node, ast.Constant) and isinstance(node.value, str | int | float | None):
        if isinstance(node.value, float) and not math.isfinite(node.value):
            raise InvalidValueError(f"{written} is too large for a number")
        return node.value
    elif _WORD.fullmatch(written):
        return _WORDS.get(written, written)
    shown = f"{keyword}={written}" if keyword else written
    raise InvalidValueError(f"{shown} is not a plain value; write a number, a word or quoted text")


def _read_int(values: list[Any], keywords: dict[str, Any]) -> IntRange:
    given = _range_arguments("int", values, keywords)
    low, high, step = (whole_of(given, name) for name in ("low", "high", "step"))
    log = log_of(given)
    require_ascending("int", low, high, log)
    if step < 1:
        raise InvalidValueError(f"step={step} must be 1 or more")
    if log and step != 1:
        raise InvalidValueError("log=True and step cannot go together; leave one out")
    if log and low < 1:
        raise InvalidValueError(f"a log scale cannot start at {low}; start at 1 or more")
    if (high - low) % step:
        raise InvalidValueError(last_step("int", low, high, high - (high - low) % step, step))
    return IntRange(low, high, log, step)


def _read_float(values: list[Any], keywords: dict[str, Any]) -> FloatRange:
    given = _range_arguments("float", values, keywords)
    low, high = number_of(given, "low"), number_of(given, "high")
    step = number_of(given, "step") if "step" in given else None
    log = log_of(given)
    require_ascending("float", low, high, log)
    if log and step is not None:
        raise InvalidValueError("log=True and step cannot go together; leave one out")
    if log and low <= 0:
        raise InvalidValueError(
            f"a log scale cannot start at {low:.12g}; start above 0, such as 1e-5"
        )
    if step is None:
        return FloatRange(low, high, log)
    if step <= 0:
        raise InvalidValueError(f"step={step:.12g} must be above 0")
    first, last, stride = (Decimal(str(number)) for number in (low, high, step))
    if rest := (last - first) % stride:
        raise InvalidValueError(last_step("float", low, high, last - rest, step))
    return FloatRange(low, high, log, step)


def _read_choice(values: list[Any], keywords: dict[str, Any]) -> Choice:
    if keywords:
        raise InvalidValueError(
            f"~choice has no argument '{next(iter(keywords))}'; list the options"
        )
    if len(values) > MAX_OPTIONS:
        raise InvalidValueError(
            f"~choice with {len(values)} options is over the limit of {MAX_OPTIONS}"
        )
    if len(values) == 1 and isinstance(values[0], list) and len(values[0]) > 1:
        entries = ", ".join(map(repr, values[0]))
        raise InvalidValueError(
            f"~choice has one option, a list; to choose among its entries write ~choice({entries})"
        )
    if len(values) < 2:
        raise InvalidValueError("~choice needs two or more options; write a single value as it is")
    for index, value in enumerate(values):
        if value in values[:index]:
            twin = values[values.index(value)]
            raise InvalidValueError(
                f"~choice has equal options: {twin!r} and {value!r}; leave one out"
            )
    options = tuple(str(value) if isinstance(value, list) else value for value in values)
    return Choice(options, {str(value): value for value in values if isinstance(value, list)})


_READERS: dict[str, Callable[[list[Any], dict[str, Any]], Distribution]] = {
    "int": _read_int,
    "float": _read_float,
    "choice": _read_choice,
}


def _range_arguments(
    kind: Literal["int", "float"], values: list[Any], keywords: dict[str, Any]
) -> dict[str, Any]:
    def meant(otherwise: str) -> str:
        line = _readable(range_line(kind, values, keywords))
        return f"; write {line}" if line else otherwise

    for name in keywords:
        if name not in ("low", "high", "log", "step"):
            known = did_you_mean(name, ("low", "high", "log", "step", "prior"))
            raise InvalidValueError(f"~{kind} has no argument '{name}'{meant(known)}")
    given = {**dict(zip(("low", "high"), values, strict=False)), **keywords}
    twice = len(given) < len(values) + len(keywords)
    if len(values) > 2 or twice or not {"low", "high"} <= given.keys():
        rest = meant(", and then log=True or step=... by name")
        rule = f"takes a low and a high, not {len(values)} values: ~{kind}(low, high)"
        raise InvalidValueError(f"~{kind} {rule}{rest}")
    return given
