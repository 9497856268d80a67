"""The command to type next, whole, so that it can be copied."""

from __future__ import annotations

import shlex


def command(*words: object, **options: object) -> str:
    """Returns `hpsearch WORDS --option VALUE`, quoted for a shell, without options that are None.

    >>> command("resume", "mnist", per_device=2, storage=None)
    'hpsearch resume mnist --per-device 2'
    """
    parts = ["hpsearch", *map(str, words)]
    for name, value in options.items():
        if value is not None:
            parts += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(parts)
