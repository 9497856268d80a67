"""The options that several commands share: their types, defaults and help."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from hpsearch.errors import InputError
from hpsearch.search.options import RunOptions
from hpsearch.studyfile.diagnostics import mask
from hpsearch.studyfile.units import parse_duration


def read_seconds(_: Any, tokens: Sequence[Any]) -> float:
    """Returns the seconds of a duration such as `1h30m`, for an option that takes one."""
    return parse_duration(tokens[0].value)


def _whole(_: Any, tokens: Sequence[Any]) -> int:
    """Returns a whole number; cyclopts itself would round 2.5."""
    word: str = tokens[0].value
    if not re.fullmatch(r"[+-]?\d{1,15}", word):
        option = f"{tokens[0].keyword} must be" if tokens[0].keyword else "write"
        raise InputError(f"{option} a whole number, not {word!r}")
    return int(word)


PositiveInt = Annotated[int, Parameter(converter=_whole, validator=Number(gt=0))]
NonNegativeInt = Annotated[int, Parameter(converter=_whole, validator=Number(gte=0))]
Port = Annotated[int, Parameter(converter=_whole, validator=Number(gte=0, lte=65535))]


def url_converter(option: str, variable: str) -> Callable[[Any, Sequence[Any]], str]:
    """Returns a converter for an option that is the URL of a database.

    Args:
        option: its name.
        variable: of the environment, for a URL with a password.
    """

    def convert(_: Any, tokens: Sequence[Any]) -> str:
        url: str = tokens[0].value
        if mask(url) != url:
            raise InputError(
                f"{option} holds a password, which every user of this machine can read in the list"
                f" of processes; leave {option} out and set ${variable} to the URL"
            )
        return url

    return convert


def _trial(_: Any, tokens: Sequence[Any]) -> str:
    word: str = tokens[0].value
    if word != "best" and not word.isdecimal():
        raise InputError(f"{word!r} is not a trial; write its number, or best")
    return word


StudyFile = Annotated[Path, Parameter(name="STUDY", help="The study file (YAML).")]
StudyName = Annotated[str, Parameter(name="NAME", help="The study's name, as `list` shows it.")]
TrialNumber = Annotated[
    str,
    Parameter(
        name="NUMBER",
        converter=_trial,
        n_tokens=1,
        help="The trial's number, or `best` for the best one.",
    ),
]
# Further values after one --set: `--set a=1 b=2`.
MoreChanges = Annotated[str, Parameter(show=False)]
_SET = Parameter(name="--set", negative="", show_default=False, metavar="KEY=VALUE")
Changes = Annotated[
    tuple[str, ...],
    _SET,
    Parameter(help="Values that replace those of the file, such as trainer.max_epochs=3."),
]
Values = Annotated[
    tuple[str, ...],
    _SET,
    Parameter(help="Parameter values, each named by its path or by the end of its path."),
]
Storage = Annotated[
    str | None,
    Parameter(
        converter=url_converter("--storage", "HPSEARCH_STORAGE"),
        n_tokens=1,
        metavar="URL",
        help="The database. [default: $HPSEARCH_STORAGE or sqlite:///hpsearch.db]",
    ),
]
Runs = Annotated[
    Path | None, Parameter(metavar="DIR", help="Folder of the trials' files. [default: runs]")
]
Json = Annotated[
    bool,
    Parameter(name="--json", negative="", show_default=False, help="Print JSON and nothing else."),
]
Devices = Annotated[str, Parameter(metavar="D", help="auto, cpu, cpu:2, cuda, cuda:0,1, or mps.")]
Trust = Annotated[
    bool,
    Parameter(
        negative="",
        show_default=False,
        help="Run code even though others could have written it; read it first.",
    ),
]
AcceptChanges = Annotated[
    bool,
    Parameter(
        negative="",
        show_default=False,
        help="Continue although code, data or versions have changed.",
    ),
]
DevicesPerTrial = Annotated[
    PositiveInt | None,
    Parameter(
        metavar="K",
        help="Devices for each trial; the same as --set study.devices_per_trial=K.",
    ),
]
Restart = Annotated[
    bool,
    Parameter(
        negative="",
        show_default=False,
        help="Start over: delete the study of this name, and move its files to a trash folder.",
    ),
]
Notify = Annotated[
    str | None,
    Parameter(
        metavar="COMMAND",
        help="Run this command at the end, with the result in $HPSEARCH_SUMMARY; `bell` rings the"
        " terminal's bell.",
    ),
]
PerDevice = Annotated[PositiveInt, Parameter(metavar="K", help="Concurrent trials on each device.")]


Nodes = Annotated[
    str | None,
    Parameter(
        metavar="HOST,HOST", help="Train on these hosts over ssh, or on those listed in a file."
    ),
]
Slurm = Annotated[
    str | None,
    Parameter(metavar="KEY=VALUE", help='Train on nodes of Slurm: "partition=gpu nodes=2".'),
]
Kubernetes = Annotated[
    str | None, Parameter(metavar="SELECTOR", help="Train in the pods with these labels.")
]
Ray = Annotated[
    str | None,
    Parameter(metavar="ADDRESS", help="Train on the Ray cluster at this address, or `auto`."),
]


@Parameter(name="*")
@dataclass(frozen=True)
class SearchOptions:
    """Limits, devices and database of a search."""

    trials: Annotated[
        PositiveInt | None, Parameter(metavar="N", help="Total number of trials.")
    ] = None
    add: Annotated[PositiveInt | None, Parameter(metavar="N", help="Add this many trials.")] = None
    timeout: Annotated[
        float | None,
        Parameter(
            converter=read_seconds,
            n_tokens=1,
            metavar="TIME",
            help="Stop after this time: 90s, 30m, 1h30m.",
        ),
    ] = None
    devices: Devices = "auto"
    per_device: PerDevice = 1
    storage: Storage = None
    runs: Runs = None
    inline: Annotated[
        bool,
        Parameter(
            negative="",
            show_default=False,
            help="Train in this process, one trial at a time, for debugging.",
        ),
    ] = False
    trust: Trust = False
    accept_changes: AcceptChanges = False
    notify: Notify = None

    nodes: Nodes = None
    slurm: Slurm = None
    kubernetes: Kubernetes = None
    ray: Ray = None

    def to_run(self) -> RunOptions:
        """Returns them as options of the search."""
        names = {option.name for option in fields(RunOptions)} & vars(self).keys()
        return RunOptions(
            **{name: getattr(self, name) for name in names},
            timeout_s=self.timeout,
            engine="inline" if self.inline else "local",
        )


DEFAULTS = SearchOptions()
