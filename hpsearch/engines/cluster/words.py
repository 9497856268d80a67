"""What people write for a cluster, in options and in a file of nodes, as a shell would read it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from hpsearch.engines.slots import SYNTAX, are_devices
from hpsearch.errors import InputError


def split_words(where: str, text: str, advice: str) -> list[str]:
    """Returns the words of a text.

    Args:
        where: the option that holds it.
        text: words as for a shell.
        advice: what to write instead.

    Raises:
        InputError: a quote is not closed.
    """
    if errors := quoting_errors(text):
        raise InputError(f"{where}: {'; '.join(errors)}; {advice}")
    return shlex.split(text)


def quoting_errors(text: str) -> list[str]:
    """Returns why a shell could not split a text into words; empty if it could."""
    try:
        shlex.split(text)
    except ValueError as error:
        return [
            "nothing follows its last \\" if "escaped" in str(error) else "a quote is not closed"
        ]
    return []


def read_pairs(words: Sequence[str], keys: Collection[str]) -> tuple[dict[str, str], list[str]]:
    """Returns what words such as `devices=cuda` say, by key, and what is wrong with their keys.

    Args:
        words: the words.
        keys: those that there are.
    """
    given = [word.partition("=")[::2] for word in words]
    pairs = dict(given)
    unknown = [
        f"there is no key {key!r}; the keys are {', '.join(keys)}"
        for key in pairs
        if key not in keys
    ]
    return pairs, repeated_errors([key for key, _ in given]) + unknown


def repeated_errors(names: Sequence[str]) -> list[str]:
    """Returns an error for each name that is there more than once."""
    return [f"{name} is there twice" for name, count in Counter(names).items() if count > 1]


def device_errors(text: str) -> list[str]:
    """Returns why no machine could understand a list of devices; empty if one could."""
    return [] if are_devices(text) else [f"devices {text}: not a list of devices; {SYNTAX}"]


def home_errors(path: str) -> list[str]:
    """Returns why a path that begins with a home leads nowhere on this machine; empty if not."""
    try:
        Path(path).expanduser()
    except RuntimeError:
        return [f"python {path}: there is no user {path.partition('/')[0][1:]} here"]
    return []
