"""Text that is one Python expression, parsed: what a `~` value, a formula and a slip look like."""

from __future__ import annotations

import ast
import warnings

MOST_LEVELS = 100


class TooDeepError(SyntaxError):
    """An expression is nested more than `MOST_LEVELS` levels deep."""


def parse_python(text: str) -> ast.expr:
    """Returns the Python expression that a text holds; any function may then recurse into it.

    Raises:
        SyntaxError: the text is not one expression; a `TooDeepError` where that is the reason.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(text.strip(), mode="eval").body
    except (MemoryError, RecursionError):
        raise TooDeepError from None
    except ValueError as error:
        raise SyntaxError(str(error)) from None
    nodes: list[ast.AST] = [tree]
    for _ in range(MOST_LEVELS):
        nodes = [child for node in nodes for child in ast.iter_child_nodes(node)]
        if not nodes:
            return tree
    raise TooDeepError
