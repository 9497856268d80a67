"""The ranges of other tools (Optuna, Ray Tune, KerasTuner, Hydra, W&B, Syne Tune) as `~` values."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from typing import Any

from hpsearch.studyfile.slips.python_text import parse_python

_LINKS = {"ref": "ref", "expr": "expr", "eval": "expr", "formula": "expr"}

_Arguments = tuple[list[Any], dict[str, Any]]
_Writer = Callable[[list[Any], dict[str, Any]], str]


def search_from_text(text: str) -> str | None:
    """Returns the search expression for a call of another tool, or one without its `~`.

    Args:
        text: such as `tune.loguniform(1e-5, 1e-1)`, `~uniform(0, 1)` or `int(1, 8)`.
    """
    try:
        call = parse_python(text.removeprefix("~"))
    except SyntaxError:
        return None
    if not isinstance(call, ast.Call):
        return None
    owner, _, name = ast.unparse(call.func).rpartition(".")
    if not owner and name in _LINKS and call.args:
        return f"~{_LINKS[name]}({', '.join(map(ast.unparse, call.args))})"
    if name == "tag" and call.args and isinstance(call.args[-1], ast.Call):
        call, is_log = call.args[-1], "log" in map(ast.unparse, call.args[:-1])
        owner, name = "hydra", ast.unparse(call.func)
        call.keywords += [ast.keyword("log", ast.Constant(value=True))] * is_log
    if name in _CASTS and len(call.args) == 1 and isinstance(call.args[0], ast.Call):
        line = search_from_text(f"~{ast.unparse(call.args[0])}")
        if name != "int" or line is None:
            return line
        return re.sub(r"(\d)\.0\b", r"\1", line.replace("~float", "~int"))
    # A text such as normal(0, 1) may be meant literally.
    is_marked = owner or text.startswith("~")
    if is_marked and name not in _WRITERS:
        name = name.lower()
    known = name in _WRITERS or (owner in _NUMERIC and name in _OF_NUMPY)
    if not known or (name in _OFTEN_TEXT and not is_marked):
        return None
    try:
        values, keywords = _literal_arguments(call)
        if owner in _NUMERIC:
            return _numeric(name, values)
        return search_from_call(name, _without_name(owner, name, values, keywords), keywords)
    except _UNREADABLE:
        return None


def search_from_call(name: str, values: list[Any], keywords: dict[str, Any]) -> str | None:
    """Returns the search expression for another tool's range, by its name and its arguments."""
    try:
        return _WRITERS[name](values, keywords)
    except _UNREADABLE:
        return None


_MOST_LISTED = 50
_UNREADABLE = (ValueError, IndexError, KeyError, TypeError, OverflowError, ZeroDivisionError)
_SCALES = ("sampling", "prior", "scale", "distribution")
_OPTIONS = ("choices", "categories", "options", "values")
_OFTEN_TEXT = (
    *("normal", "range", "ordinal", "interval", "Boolean", "Fixed", "log", "bool", "boolean"),
    *("real", "integer", "categorical", "select", "sample", "oneof", "one_of", "choices"),
)
# Of Hydra, around a range.
_CASTS = ("shuffle", "sort", "int", "float", "cast")
# Of numpy and scipy, whose ranges mean something else than those of the same name.
_NUMERIC = ("np", "numpy", "stats", "scipy.stats")


def _literal_arguments(call: ast.Call) -> _Arguments:
    values = [_literal(node) for node in call.args]
    return values, {word.arg or "": _literal(word.value) for word in call.keywords}


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Name):
        return {"true": True, "false": False, "null": None}.get(node.id, node.id)
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "range":
        return [*range(*map(ast.literal_eval, node.args))][:_MOST_LISTED]
    return ast.literal_eval(node)


def _without_name(owner: str, name: str, values: list[Any], keywords: dict[str, Any]) -> list[Any]:
    """Returns the values without the parameter's name, which several tools put first."""
    is_named = name.startswith("suggest_") or (owner == "hp" and "name" not in keywords)
    before_bounds = name.endswith("Hyperparameter") or _WRITERS[name] in (_float, _int)
    if is_named or (before_bounds and values and isinstance(values[0], str)):
        values = values[1:]
    first = values[0] if values else None
    is_pair = _WRITERS[name] in (_float, _int) and isinstance(first, tuple | list)
    return [*first, *values[1:]] if is_pair and first is not None else values


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _range(low: Any, high: Any, log: bool = False, step: Any = None) -> str:
    kind = "int" if isinstance(low, int) and isinstance(high, int) and not log else "float"
    if kind == "float" and step is not None and not log:
        return f"~float({low!r}, {high!r}, step={step!r})"
    more = ", log=True" if log else f", step={step!r}" if step not in (None, 1) else ""
    return f"~{kind}({low!r}, {high!r}{more})"


def _bounds(values: list[Any], keywords: dict[str, Any]) -> tuple[float, float]:
    names = [
        ("low", "min", "lower", "lo", "min_value"),
        ("high", "max", "upper", "hi", "max_value"),
    ]
    found = []
    for place, spellings in enumerate(names):
        given = [keywords[name] for name in spellings if name in keywords]
        found.append(given[0] if given else values[place])
    low, high = found
    if not (_is_number(low) and _is_number(high)):
        raise ValueError(found)
    return low, high


def _float(values: list[Any], keywords: dict[str, Any], log: bool = False) -> str:
    low, high = (float(bound) for bound in _bounds(values, keywords))
    return _range(low, high, log or _is_log(keywords), keywords.get("step"))


def _stepped(values: list[Any], keywords: dict[str, Any], log: bool = False) -> str:
    low, high = (float(bound) for bound in _bounds(values, keywords))
    step = keywords.get("q", values[2] if len(values) > 2 else None)
    return _range(low, high, log, None if log else step)


def _int(values: list[Any], keywords: dict[str, Any]) -> str:
    low, high = (int(bound) for bound in _bounds(values, keywords))
    if _is_log(keywords):
        return f"~int({low}, {high}, log=True)"
    return _range(low, high, step=keywords.get("step", keywords.get("q")))


def _is_log(keywords: dict[str, Any]) -> bool:
    return keywords.get("log") is True or any("log" in str(keywords.get(name)) for name in _SCALES)


def _of_fixed_length(values: list[Any], keywords: dict[str, Any], log: bool = False) -> str:
    """Returns Syne Tune's range of a given number of values, evenly spaced or by a factor."""
    low, high = _bounds(values, keywords)
    last = int(keywords.get("size", values[2] if len(values) > 2 else 0)) - 1
    if log:
        grown = [low * (high / low) ** (step / last) for step in range(last + 1)]
        whole = isinstance(low, int) and isinstance(high, int)
        return _choice(
            [*dict.fromkeys(round(x) if whole else float(f"{x:.4g}") for x in grown)], {}
        )
    return _range(float(low), float(high), step=float(f"{(high - low) / last:.6g}"))


def _around(values: list[Any], keywords: dict[str, Any]) -> str:
    """Returns the range of two standard deviations to either side of a mean."""
    mean, deviation = (float(value) for value in (values + [0, 1][len(values) :])[:2])
    return _range(mean - 2 * deviation, mean + 2 * deviation)


def _numeric(name: str, values: list[Any]) -> str | None:
    """Returns the search expression for a range as numpy or scipy writes it."""
    if name == "uniform":  # scipy gives where it begins, and how far it goes
        low, width = (float(value) for value in [*values, 0, 1][:2])
        return _range(low, low + width)
    if name == "linspace":
        return _of_fixed_length(values if len(values) > 2 else [*values, 50], {})
    if name == "logspace":
        return _range(10.0 ** values[0], 10.0 ** values[1], log=True)
    if name == "geomspace":
        return _range(float(values[0]), float(values[1]), log=True)
    return _hydra_range(values, {}) if name == "arange" else search_from_call(name, values, {})


def _hydra_range(values: list[Any], keywords: dict[str, Any]) -> str:
    """Returns a range whose upper end is excluded, with its step."""
    low, high, *step = [0, *values] if len(values) == 1 else values
    step = step or [keywords[name] for name in ("step",) if name in keywords]
    if not all(isinstance(value, int) for value in (low, high, *step)):
        return _range(float(low), float(high), _is_log(keywords), step[0] if step else None)
    last = range(low, high, *step)[-1]
    if _is_log(keywords):
        return f"~int({low}, {last}, log=True)"
    return _range(low, last, step=step[0] if step else None)


def _below(values: list[Any], keywords: dict[str, Any], log: bool = False) -> str:
    """Returns a range whose upper end is excluded, as in Ray Tune and numpy."""
    low, high = (int(bound) for bound in _bounds(values, keywords))
    return f"~int({low}, {high - 1}{', log=True' if log else ''})"


def _exponents(values: list[Any], keywords: dict[str, Any]) -> str:
    """Returns a range from Hyperopt's logarithms of its bounds, which may be negative."""
    low, high = _bounds(values, keywords)
    if low > 0:
        return _range(float(low), float(high), log=True)
    return _range(float(f"{math.exp(low):.3g}"), float(f"{math.exp(high):.3g}"), log=True)


def _choice(values: list[Any], keywords: dict[str, Any]) -> str:
    named = next((keywords[name] for name in _OPTIONS if name in keywords), None)
    options = named if named is not None else values
    if len(options) == 1 and isinstance(options[0], list | tuple):
        options = options[0]
    if len(options) < 2:
        raise ValueError(options)
    return f"~choice({', '.join(_option(option) for option in options)})"


def _option(option: Any) -> str:
    if isinstance(option, str):
        return option if re.fullmatch(r"[A-Za-z_]\w*", option) else f'"{option}"'
    words = {None: "null", True: "true", False: "false"}
    return words[option] if option is None or isinstance(option, bool) else repr(option)


_WRITERS: dict[str, _Writer] = {
    **dict.fromkeys(
        (
            *("uniform", "suggest_uniform", "suggest_float", "Float", "float", "real", "Real"),
            *("FloatDistribution", "UniformFloatHyperparameter", "double"),
        ),
        _float,
    ),
    # There is no range whose resolution grows towards its end; the plain range replaces it.
    **dict.fromkeys(("interval", "reverseloguniform"), _float),
    **dict.fromkeys(("normal", "randn"), _around),
    "finrange": _of_fixed_length,
    "logfinrange": lambda values, keywords: _of_fixed_length(values, keywords, log=True),
    "range": _hydra_range,
    **dict.fromkeys(
        ("Boolean", "boolean", "bool"), lambda values, keywords: "~choice(true, false)"
    ),
    "Fixed": lambda values, keywords: _option([*values, *keywords.values()][0]),
    **dict.fromkeys(
        (
            *("log_uniform", "suggest_loguniform", "log_uniform_values", "logfloat"),
            *("log", "log_float", "float_log", "loguniform_values"),
        ),
        lambda values, keywords: _float(values, keywords, log=True),
    ),
    "loguniform": _exponents,
    **dict.fromkeys(("quniform", "q_uniform", "suggest_discrete_uniform"), _stepped),
    "qloguniform": lambda values, keywords: _stepped(values, keywords, log=True),
    **dict.fromkeys(
        (
            *("suggest_int", "Int", "Integer", "integer", "int", "int_uniform", "uniformint"),
            *("IntDistribution", "UniformIntegerHyperparameter"),
        ),
        _int,
    ),
    **dict.fromkeys(
        ("log_int", "int_log", "logint"),
        lambda values, keywords: _int(values, {"log": True}),
    ),
    "qrandint": lambda values, keywords: _int(values[:2], {"q": values[2], **keywords}),
    "qlograndint": lambda values, keywords: _int(values[:2], {"log": True}),
    "randint": _below,
    "lograndint": lambda values, keywords: _below(values, keywords, log=True),
    **dict.fromkeys(
        (
            *("choice", "choices", "suggest_categorical", "Choice", "Categorical", "categorical"),
            *("CategoricalDistribution", "CategoricalHyperparameter", "pchoice"),
            *("select", "sample", "oneof", "one_of"),
        ),
        _choice,
    ),
    **dict.fromkeys(("grid_search", "ordinal", "logordinal"), _choice),
}
_OF_NUMPY = ("arange", "linspace", "logspace", "geomspace")
