"""How a trial's process starts: forked from a process that has loaded torch, or anew."""

from __future__ import annotations

import os
import sys
from typing import Literal, cast, get_args

from hpsearch.errors import InputError

StartMethod = Literal["fork", "spawn"]
VARIABLE = "HPSEARCH_START"


def start_method(platform: str = sys.platform) -> StartMethod:
    """Returns how trials start on this machine, or as `$HPSEARCH_START` says.

    A fork takes 0.1 s, a new process some seconds to import torch. Only Linux can safely fork a
    process that has loaded torch: macOS's own libraries forbid it.

    Args:
        platform: Python's name of the operating system.

    Raises:
        InputError: the variable holds another word.
    """
    chosen = os.environ.get(VARIABLE) or ("fork" if platform == "linux" else "spawn")
    if chosen not in get_args(StartMethod):
        raise InputError(f"${VARIABLE} is {chosen!r}; write fork or spawn, or unset it")
    return cast(StartMethod, chosen)
