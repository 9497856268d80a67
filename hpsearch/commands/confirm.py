"""`confirm`: the finalists of a search trained again, and the test split opened once."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from hpsearch.commands.context import console, open_trusted, report, say_next
from hpsearch.commands.exit_codes import DONE, FAILED, INTERRUPTED, USAGE_ERROR
from hpsearch.commands.options import (
    AcceptChanges,
    Devices,
    Json,
    Kubernetes,
    Nodes,
    PerDevice,
    PositiveInt,
    Ray,
    Runs,
    Slurm,
    Storage,
    StudyName,
    Trust,
)
from hpsearch.protocol.types import FINALISTS
from hpsearch.views.formatting import command

if TYPE_CHECKING:
    from hpsearch.search.run import SearchOutcome


@Parameter(name="*")
@dataclass(frozen=True)
class ConfirmFlags:
    """Options of a confirmation."""

    top: Annotated[PositiveInt, Parameter(metavar="N", help="Trials to confirm.")] = FINALISTS
    seeds: Annotated[PositiveInt, Parameter(metavar="K", help="Seeds for each trial.")] = 5
    max_seeds: Annotated[
        PositiveInt | None,
        Parameter(
            metavar="M", help="Add seeds, up to M for each trial, until the first beats the second."
        ),
    ] = None
    again: Annotated[
        bool,
        Parameter(
            negative="", show_default=False, help="Evaluate the test split again, on record."
        ),
    ] = False
    refit: Annotated[
        bool,
        Parameter(
            negative="",
            show_default=False,
            help="Finally, train the winner on training and validation data together.",
        ),
    ] = False
    devices: Devices = "auto"
    per_device: PerDevice = 1
    storage: Storage = None
    runs: Runs = None
    inline: Annotated[
        bool,
        Parameter(negative="", show_default=False, help="Train in this process, for debugging."),
    ] = False
    trust: Trust = False
    accept_changes: AcceptChanges = False
    nodes: Nodes = None
    slurm: Slurm = None
    kubernetes: Kubernetes = None
    ray: Ray = None


DEFAULTS = ConfirmFlags()


def confirm(name: StudyName, /, *, options: ConfirmFlags = DEFAULTS, json: Json = False) -> int:
    """Train the best trials again, choose one, and test it."""
    from hpsearch.engines.factory import prepare_engine
    from hpsearch.search.options import RunOptions

    where = RunOptions(
        devices=options.devices,
        per_device=options.per_device,
        engine="inline" if options.inline else "local",
        accept_changes=options.accept_changes,
        runs=options.runs,
        nodes=options.nodes,
        slurm=options.slurm,
        kubernetes=options.kubernetes,
        ray=options.ray,
    )
    # Machines that others wait for are only asked for once it is known that there is work for them.
    early = prepare_engine(where) if where.engine_name() == "local" else nullcontext()
    with early as engine:
        # Imported while the trials' server loads torch.
        from hpsearch.search.confirm import ConfirmOptions, confirm_study, opened_by_another
        from hpsearch.views.live import PlainView, search_view

        stored = open_trusted(name, options.storage, trust=options.trust, write=True)
        if not options.again and (opened := opened_by_another(stored.study, "confirm")):
            report(f"note: {opened}")
        names = ("top", "seeds", "again", "refit", "max_seeds")
        what = ConfirmOptions(**{name: getattr(options, name) for name in names})
        view = PlainView(sys.stderr) if json else search_view(console())
        try:
            confirmed = confirm_study(stored, what, where, view, engine)
        finally:
            view.stop()
    if confirmed.record is None:
        return _unfinished(name, confirmed.training, options)
    _show(confirmed.record, json)
    if confirmed.refused:
        print(f"error: {confirmed.refused}", file=sys.stderr)
        return USAGE_ERROR
    if _failed(confirmed.record):
        return FAILED
    if not json:
        say_next("report", name, storage=options.storage)
    return DONE


def _show(record: dict[str, Any], json: bool) -> None:
    from hpsearch.views.json_output import to_json
    from hpsearch.views.tables import confirmation_view

    if json:
        print(to_json(record))
    else:
        console().print(confirmation_view(record))


def _unfinished(name: str, training: SearchOutcome, options: ConfirmFlags) -> int:
    if training.error:
        print(f"error: the confirmation stopped: {training.error}", file=sys.stderr)
    print(f"\nto continue: {same_command(name, options)}", file=sys.stderr)
    return FAILED if training.error else INTERRUPTED


def same_command(name: str, options: ConfirmFlags) -> str:
    """Returns the command that was given, without the password of its database."""
    from hpsearch.search.store import redact

    given = {key: value for key, value in vars(options).items() if value != getattr(DEFAULTS, key)}
    if options.storage is not None:
        given["storage"] = redact(options.storage)
    flags = [f"--{key.replace('_', '-')}" for key, value in given.items() if value is True]
    return command("confirm", name, *flags, **{k: v for k, v in given.items() if v is not True})


def _failed(record: dict[str, Any]) -> bool:
    refit = record["refit"] or {}
    return bool((record["test"] or {}).get("failure")) or "failure" in refit
