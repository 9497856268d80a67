"""The command line: one function a command; it parses, prints and returns the exit code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from cyclopts.types import NonNegativeInt

from hpsearch.spec.errors import InputError
from hpsearch.views.guarded import guarded
from hpsearch.views.next_command import command
from hpsearch.views.options import (
    DEFAULTS,
    Changes,
    Devices,
    Json,
    MoreChanges,
    PerDevice,
    Runs,
    SearchOptions,
    Storage,
    StudyFile,
    StudyName,
)

if TYPE_CHECKING:
    from optuna.storages import RDBStorage
    from rich.console import Console

    from hpsearch.search.results import StudyRecord

# Every other module is imported by the command that uses it: Optuna, and so the database, takes
# about a second, and `--help` needs neither.


def _version() -> str:
    from importlib.metadata import version

    return f"hpsearch {version('hpsearch')}"


app = App(
    name="hpsearch",
    help="Hyperparameter search for PyTorch Lightning: one study file, one command.",
    version=_version,
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
    result_action="return_value",
)


def run(
    study: StudyFile,
    /,
    *more: MoreChanges,
    changes: Changes = (),
    options: SearchOptions = DEFAULTS,
) -> int:
    """Run the search of a study file, or go on with it."""
    from hpsearch.search.run import run_study
    from hpsearch.views.outcome import watch
    from hpsearch.views.study_file import read_to_run

    spec, url = read_to_run(study, (*changes, *more), options.storage)
    return watch(lambda **ways: run_study(spec, **ways), url, options)


def resume(name: StudyName, /, *, options: SearchOptions = DEFAULTS) -> int:
    """Go on with a study from its database, without its file."""
    from hpsearch.search.run import resume_study
    from hpsearch.views.outcome import watch

    url = options.storage or _default_url()
    return watch(lambda **ways: resume_study(name, **ways), url, options)


def check(
    study: StudyFile,
    /,
    *more: MoreChanges,
    changes: Changes = (),
    devices: Devices = "auto",
    per_device: PerDevice = 1,
) -> int:
    """Check a study file, try each branch, estimate the cost."""
    from hpsearch.engines.slots import find_slots
    from hpsearch.views.check_report import print_check
    from hpsearch.views.study_file import read_checked

    slots = find_slots(devices, per_device)
    spec = read_checked(study, (*changes, *more))
    return print_check(_console(), spec, str(study), slots)


def list_(*, storage: Storage = None, json: Json = False) -> None:
    """List the studies of a database."""
    from hpsearch.search.results import list_studies
    from hpsearch.views import records
    from hpsearch.views.study_list import study_list

    studies = list_studies(_open(storage))
    if json:
        print(records.to_json([records.study_entry(study) for study in studies]))
        return
    if not studies:
        print("no studies yet")
        _say_next("run", "STUDY.yaml", storage=storage)
        return
    _console().print(study_list(studies))
    _say_next("status", studies[0].name if len(studies) == 1 else "NAME", storage=storage)


def status(name: StudyName, /, *, storage: Storage = None, json: Json = False) -> None:
    """Show how far a study is, and its best trials."""
    from hpsearch.views import records
    from hpsearch.views.study_status import study_status

    study = _load(name, storage)
    if json:
        print(records.to_json(records.study_status(study)))
        return
    console = _console()
    console.print(study_status(study, width=console.width))
    if study.state in ("interrupted", "new"):
        _say_next("resume", name, storage=storage)
    elif study.best is not None:
        _say_next("show", name, study.best.number, storage=storage)


def show(
    name: StudyName,
    number: Annotated[NonNegativeInt, Parameter(name="NUMBER", help="The trial's number.")],
    /,
    *,
    storage: Storage = None,
    json: Json = False,
) -> None:
    """Show one trial in full."""
    from hpsearch.views import records
    from hpsearch.views.trial_details import trial_details

    study = _load(name, storage)
    trial = next((trial for trial in study.trials if trial.number == number), None)
    if trial is None:
        have = f"it has 0 to {len(study.trials) - 1}" if study.trials else "it has none yet"
        raise InputError(f"the study {name} has no trial {number}; {have}")
    if json:
        print(records.to_json(records.trial_details(study, trial)))
        return
    _console().print(trial_details(study, trial))
    print(f"\ncurves: tensorboard --logdir {Path(study.runs) / study.name}")


def best(
    name: StudyName,
    /,
    *,
    yaml: Annotated[
        Path | None, Parameter(metavar="FILE", help="Write it as a study file that runs.")
    ] = None,
    storage: Storage = None,
    json: Json = False,
) -> None:
    """Show the best trial; write it as a study file."""
    from hpsearch.search.results import stored_spec
    from hpsearch.views import records
    from hpsearch.views.trial_details import trial_details
    from hpsearch.views.winner import study_file

    study = _load(name, storage)
    if study.best is None:
        raise InputError(
            f"no trial of {name} is complete yet, so none is best; hpsearch status {name}"
        )
    if yaml is not None:
        _check_target(yaml)
        spec = stored_spec(_open(storage), name)
        yaml.write_text(study_file(spec, study.best, str(yaml)), encoding="utf-8")
    if json:
        print(records.to_json(records.trial_details(study, study.best)))
        return
    _console().print(trial_details(study, study.best))
    if yaml is None:
        _say_next("best", name, yaml="best.yaml", storage=storage)
    else:
        _say_next("run", yaml)


def summary(study: StudyFile, /, *more: MoreChanges, changes: Changes = ()) -> None:
    """Show the model's layers, shapes and weights.

    Every range is at its greatest value; --set chooses another.
    """
    from hpsearch.views.layers import print_layers
    from hpsearch.views.study_file import read_checked

    print_layers(_console(), read_checked(study, (*changes, *more)))


def preview(
    study: StudyFile,
    /,
    *more: MoreChanges,
    changes: Changes = (),
    output: Annotated[
        Path, Parameter(name=("--output", "-o"), metavar="FILE", help="The PNG to write.")
    ] = Path("sheet.png"),
) -> None:
    """Draw examples of the data and of each augmentation."""
    from hpsearch.engines.door import call
    from hpsearch.views.preview import draw_sheet, greatest_augmentation
    from hpsearch.views.study_file import read_checked

    _check_target(output)
    spec = read_checked(study, (*changes, *more))
    draw_sheet(call("hpsearch.data.preview:sheet", greatest_augmentation(spec)), output)
    print(f"drew {output}")
    _say_next("run", study)


def doctor(*, storage: Storage = None, runs: Runs = None) -> None:
    """Report on this machine and its database."""
    from hpsearch.views.doctor import examine, findings_table

    _console().print(findings_table(examine(storage or _default_url(), runs or Path("runs"))))


# In the order of the help: a study's way from its file to its result.
_COMMANDS: tuple[Callable[..., int | None], ...] = (
    *(run, resume, check, summary, preview),
    *(list_, status, show, best, doctor),
)
for _place, _command in enumerate(_COMMANDS):
    app.command(_command, name=_command.__name__.rstrip("_"), sort_key=_place)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit code: see `views/exit_codes.py`."""
    return guarded(lambda: app(arguments, exit_on_error=False, print_error=False))


def _load(name: str, storage: str | None) -> StudyRecord:
    from hpsearch.search.results import load_record

    return load_record(_open(storage), name)


def _open(storage: str | None) -> RDBStorage:
    from hpsearch.search.storage import open_storage

    return open_storage(storage or _default_url(), create=False)


def _console() -> Console:
    from hpsearch.views.terminal import open_console

    return open_console()


def _default_url() -> str:
    from hpsearch.search.storage import default_url

    return default_url()


def _check_target(path: Path) -> None:
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise InputError(f"{path} cannot be written: name a file in a folder that exists")


def _say_next(*words: object, **options: object) -> None:
    print(f"\nnext: {command(*words, **options)}")
