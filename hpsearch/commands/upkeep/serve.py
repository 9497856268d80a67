"""`serve`: a process that keeps torch loaded between commands."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from hpsearch.commands.exit_codes import DONE
from hpsearch.commands.options import read_seconds


def serve(
    *,
    idle: Annotated[
        float,
        Parameter(
            converter=read_seconds,
            n_tokens=1,
            show_default=False,
            metavar="TIME",
            help="End this long after the last search began. [default: 30m]",
        ),
    ] = 1800.0,
    stop: Annotated[bool, Parameter(negative="", show_default=False, help="End it now.")] = False,
) -> int:
    """Keep torch loaded in the background, so that the next searches start at once."""
    from hpsearch.engines.forkserver_client import environment
    from hpsearch.engines.warm_client import end_serving, start_serving
    from hpsearch.views.formatting import spell

    served = end_serving()
    if stop:
        print(
            "ended; its searches continue"
            if served
            else "nothing to end: no process of this environment"
        )
        return DONE
    start_serving(idle, environment())
    print(
        "torch is loaded: searches from this environment start at once. This ends"
        f" {spell(idle)} after the last one began, or with hpsearch serve --stop"
    )
    return DONE
