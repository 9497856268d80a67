"""The defaults of the command line that a class adds its arguments to, as older projects do."""

from __future__ import annotations

import io
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import cache
from inspect import signature
from typing import Any

from hpsearch.classes.project import own_bases
from hpsearch.measure.draft.settings import is_plain

# `add_model_specific_args`, `add_argparse_args`, `add_args`
_ADDS = re.compile(r"add_(\w+_)?arg(ument)?s")


@cache
def defaults_of_parser(target: Any) -> Mapping[str, Any]:
    """Returns what a class's `add_model_specific_args(parser)` gives its arguments."""
    defaults: dict[str, Any] = {}
    for add in _adding(target):
        parser, found = ArgumentParser(add_help=False), Namespace()
        silent = io.StringIO()
        # For a required argument, the parser exits; the defaults of the others are there by then.
        with redirect_stderr(silent), redirect_stdout(silent), suppress(Exception, SystemExit):
            (add(parser) or parser).parse_known_args([], found)
        defaults = {**vars(found), **defaults}
    given = {name: value for name, value in defaults.items() if value is not None}
    return {name: value for name, value in given.items() if is_plain(value)}


def _adding(target: Any) -> Iterator[Any]:
    """Yields the functions of a class that take a parser."""
    for base in own_bases(target):
        for name in vars(base):
            add = getattr(target, name, None)
            if _ADDS.fullmatch(name) and callable(add) and len(signature(add).parameters) == 1:
                yield add
