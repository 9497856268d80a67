"""`check`, `summary` and `preview`: a study file before it runs.

Other imports come after the file is read, so that its errors do not wait for them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from hpsearch.commands.context import check_target, console, report, say_next
from hpsearch.commands.exit_codes import DONE, USAGE_ERROR
from hpsearch.commands.options import Changes, Devices, MoreChanges, PerDevice, StudyFile, Trust

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.engines.slots import Slot
    from hpsearch.studyfile.study import StudySpec


def check(
    study: StudyFile,
    /,
    *more: MoreChanges,
    changes: Changes = (),
    devices: Devices = "auto",
    per_device: PerDevice = 1,
    speed: Annotated[
        bool,
        Parameter(
            negative="",
            show_default=False,
            help="Also measure what would make trials faster (two minutes).",
        ),
    ] = False,
    trust: Trust = False,
) -> int:
    """Check a study file, try each branch, estimate the cost."""
    from hpsearch.classes.load import read_checked
    from hpsearch.engines.slots import find_slots

    slots = find_slots(devices, per_device)
    spec = read_checked(study, (*changes, *more), report, trust=trust)
    from hpsearch.measure.extremes import extreme_configs
    from hpsearch.measure.probes import probe_each
    from hpsearch.views.check import print_probes, print_space
    from hpsearch.views.formatting import command, counted

    screen, file = console(), str(study)
    print_space(screen, spec, file)
    settings = extreme_configs(spec.space)
    with screen.status(f"trying real batches of {counted(len(settings), 'setting')}"):
        probes = probe_each(spec, settings, slots[0])
    if not print_probes(screen, spec, len(slots), settings, probes):
        return USAGE_ERROR
    if speed:
        _measure_speed(screen, spec, slots[0])
    elif spec.measures_speed:
        print("speed: auto is decided when the study begins; --speed shows what it would take now.")
    print(f"next: {command(*_run_words(study, (*changes, *more)))}")
    return DONE


def _run_words(study: Path, changes: tuple[str, ...]) -> tuple[object, ...]:
    """Returns the words of the command that runs what was looked at, with the same changes."""
    return ("run", study, "--set", *changes) if changes else ("run", study)


def _measure_speed(screen: Console, spec: StudySpec, slot: Slot) -> None:
    from hpsearch.measure.speed import measure_speed
    from hpsearch.views.check import print_speed

    print_speed(screen, measure_speed(spec, slot, screen.status), spec)


def summary(
    study: StudyFile, /, *more: MoreChanges, changes: Changes = (), trust: Trust = False
) -> None:
    """Show the model's layers, shapes and weights."""
    from hpsearch.classes.load import read_checked

    spec = read_checked(study, (*changes, *more), report, trust=trust)
    from hpsearch.measure.probes import summaries
    from hpsearch.views.check import print_layers

    for model, layers in summaries(spec):
        print_layers(console(), model, layers)


def preview(
    study: StudyFile,
    /,
    *more: MoreChanges,
    changes: Changes = (),
    output: Annotated[
        Path, Parameter(name=("--output", "-o"), metavar="FILE", help="The PNG to write.")
    ] = Path("sheet.png"),
    trust: Trust = False,
) -> None:
    """Draw examples of the data and of each augmentation."""
    from hpsearch.classes.load import read_checked

    check_target(output)
    spec = read_checked(study, (*changes, *more), report, trust=trust)
    from hpsearch.measure.preview import preview_sheet
    from hpsearch.protocol.whole_file import written_whole
    from hpsearch.views.sheet import draw_sheet

    with written_whole(output) as beside:
        draw_sheet(preview_sheet(spec), beside)
    print(f"drew {output}")
    say_next(*_run_words(study, (*changes, *more)))
