"""The command line: every command, in the order of the help."""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Group, Parameter

from hpsearch.commands.exit_codes import USAGE_ERROR
from hpsearch.commands.run_guarded import run_guarded


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


# In the order of the help: a study's way from its file to its result. A command is imported when it
# is called, so that the help is shown at once.
_COMMANDS = {
    "Before a search": {
        "init:init": "Write a first study file that runs; without WHAT, list the examples.",
        "study_file:check": "Check a study file, try each branch, estimate the cost.",
        "study_file:summary": (
            "Show the model's layers, shapes and weights.\n\n"
            "Every range is at its largest value; --set chooses another."
        ),
        "study_file:preview": "Draw examples of the data and of each augmentation.",
    },
    "Searching": {
        "search:run": "Run the search of a study file, or continue it.",
        "search:resume": "Continue a study from its database, without its file.",
        "watch:watch": "Show running searches live; Ctrl-C ends only the view.",
        "control:control": (
            "Control a running search: pause or stop it, promote a trial, change the budget."
        ),
        "control:enqueue": (
            "Make a running search train a setting next.\n\n"
            "The sampler proposes what the setting leaves out. If the search is not running, add"
            " the setting to `study.enqueue` in the study file."
        ),
        "confirm:confirm": (
            "Train the best trials again, choose one, and test it.\n\n"
            "After an interruption, the same command continues."
        ),
        "ensemble:ensemble": (
            "Average the models that are best together, and test them as one.\n\n"
            "They are chosen on the validation examples, among the trials that have kept their"
            " checkpoint."
        ),
    },
    "Results": {
        "results:list_": "List the studies of a database.",
        "results:status": "Show a study's progress and its best trials.",
        "results:show": "Show everything about one trial.",
        "logs:logs": "Print the output of a trial.",
        "results:best": "Show the best trial, or write it as a study file.",
        "report:report": "Write a report on a study, as one HTML file.",
        "report:compare": "Show studies side by side, in the terminal or as a page.",
        "dashboard:dashboard": "Open optuna-dashboard and TensorBoard on a database.",
        "export:export": (
            "Write a model, preprocessing included, to one file.\n\n"
            "Without --trial: the model that `confirm` chose and tested, or else the best trial's."
        ),
        "export:predict": "Label image files with an exported model.",
    },
    "Upkeep": {
        "upkeep:rename": "Rename a study, with its files and its confirmation.",
        "upkeep:delete": (
            "Remove a study from the database, and move its files to a trash folder."
        ),
        "upkeep:prune_checkpoints": (
            "Remove the checkpoints of finished trials, except those of the best."
        ),
        "upkeep:du": "Show how much disk space studies use.",
        "upkeep:doctor": "Report on this machine and its database.",
        "upkeep:serve": (
            "Keep torch loaded in the background, so that the next searches start at once."
        ),
        "upkeep:fsck": "Check a study's database and files against each other.",
        "upkeep:copy": (
            "Copy a study and its confirmation to another database, where it continues."
        ),
        "upkeep:nodes": "Show, add or drain the nodes of a running search.",
        "upkeep:agent": (
            "Train trials for a search on another machine, which starts this command itself."
        ),
    },
}
for _order, (_title, _commands) in enumerate(_COMMANDS.items()):
    _group = Group(_title, sort_key=_order)
    for _place, (_path, _help) in enumerate(_commands.items()):
        _name = _path.partition(":")[2].rstrip("_").replace("_", "-")
        app.command(
            f"hpsearch.commands.{_path}",
            name=_name,
            help=_help,
            group=_group,
            sort_key=_place,
            help_epilogue="",
        )


@app.command(name="--install-completion", sort_key=0)
def _install_completion(
    *,
    shell: Annotated[
        Literal["zsh", "bash", "fish", "powershell"] | None,
        Parameter(help="Your shell. [default: the current one]"),
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


def _open_streams() -> None:
    """Opens on nothing what a daemon, or a shell's `>&-`, has closed.

    A file that is opened later, such as the database, would get the number of standard output, and
    whatever a process prints would be written into it.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit code: see `commands/exit_codes.py`."""
    if sys.platform == "win32":
        print(
            "error: hpsearch runs on Linux and macOS; on Windows, run it in WSL 2", file=sys.stderr
        )
        return USAGE_ERROR
    # Python's final garbage collection would take 0.2 s after a search.
    atexit.register(gc.freeze)
    _open_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A character that the terminal's encoding lacks becomes "?", never a traceback.
        sys.stdout.reconfigure(errors="replace")
    return run_guarded(lambda: app(arguments, exit_on_error=False, print_error=False))
