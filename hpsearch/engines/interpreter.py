"""How hpsearch starts its own processes."""

from __future__ import annotations

import sys

# Sets of strings, and splits made from them, have the same order in every process.
SAME_HASHES = {"PYTHONHASHSEED": "0"}


def python_command(module: str, *words: object) -> list[str]:
    """Returns the command that runs one of hpsearch's modules in this Python.

    The current folder is not searched for modules (`-P`): a `random.py` there would be imported in
    place of Python's own. Text is UTF-8 wherever it runs.
    """
    return [sys.executable, "-X", "utf8", "-P", "-m", module, *map(str, words)]
