"""The command line: every command, in the order of the help."""

from __future__ import annotations

import atexit
import gc
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Group, Parameter

from hpsearch.commands.confirm import confirm
from hpsearch.commands.control import control, enqueue
from hpsearch.commands.dashboard import dashboard
from hpsearch.commands.ensemble import ensemble
from hpsearch.commands.exit_codes import USAGE_ERROR
from hpsearch.commands.export import export, predict
from hpsearch.commands.init import init
from hpsearch.commands.logs import logs
from hpsearch.commands.report import compare, report
from hpsearch.commands.results import best, list_, show, status
from hpsearch.commands.run_guarded import run_guarded
from hpsearch.commands.search import resume, run
from hpsearch.commands.study_file import check, preview, summary
from hpsearch.commands.upkeep import (
    agent,
    copy,
    delete,
    doctor,
    du,
    fsck,
    nodes,
    prune_checkpoints,
    rename,
    serve,
)
from hpsearch.commands.watch import watch


def _version() -> str:
    from importlib.metadata import version

    return f"hpsearch {version('hpsearch')}"


_EXAMPLE = """\
A first search:
  hpsearch init quickstart
  hpsearch check quickstart.yaml
  hpsearch run quickstart.yaml
  hpsearch confirm quickstart
  hpsearch report quickstart

`hpsearch COMMAND --help` explains a command."""

app = App(
    name="hpsearch",
    help="Hyperparameter search for PyTorch Lightning: one study file, one command.",
    help_epilogue=_EXAMPLE,
    group_commands=Group("Options", sort_key=9),
    version=_version,
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
    result_action="return_value",
)


# In the order of the help: a study's way from its file to its result.
_COMMANDS: dict[str, tuple[Callable[..., int | None], ...]] = {
    "Before a search": (init, check, summary, preview),
    "Searching": (run, resume, watch, control, enqueue, confirm, ensemble),
    "Results": (list_, status, show, logs, best, report, compare, dashboard, export, predict),
    "Upkeep": (rename, delete, prune_checkpoints, du, doctor, serve, fsck, copy, nodes, agent),
}
for _order, (_title, _commands) in enumerate(_COMMANDS.items()):
    _group = Group(_title, sort_key=_order)
    for _place, _command in enumerate(_commands):
        _name = _command.__name__.rstrip("_").replace("_", "-")
        app.command(_command, name=_name, group=_group, sort_key=_place, help_epilogue="")


@app.command(name="--install-completion", sort_key=0)
def _install_completion(
    *,
    shell: Annotated[
        Literal["zsh", "bash", "fish", "powershell"] | None,
        Parameter(help="Your shell. [default: the one that this runs in]"),
    ] = None,
    output: Annotated[
        Path | None,
        Parameter(name=("--output", "-o"), metavar="FILE", help="Where the script is written."),
    ] = None,
) -> None:
    """Complete commands and options with Tab in this shell."""
    # What cyclopts registers itself would be loaded by every command.
    from cyclopts.completion.install import create_install_completion_command

    create_install_completion_command(app.install_completion, True)(shell=shell, output=output)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit code: see `commands/exit_codes.py`."""
    if sys.platform == "win32":
        print(
            "error: hpsearch runs on Linux and macOS; on Windows, run it in WSL 2", file=sys.stderr
        )
        return USAGE_ERROR
    # Python's final garbage collection would take 0.2 s after a search.
    atexit.register(gc.freeze)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A character that the terminal's encoding lacks becomes "?", never a traceback.
        sys.stdout.reconfigure(errors="replace")
    return run_guarded(lambda: app(arguments, exit_on_error=False, print_error=False))
