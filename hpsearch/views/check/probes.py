"""Each branch at both bounds, tried on real batches, and the cost of the search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from hpsearch.measure.cost import Cost, Pauses, epoch_seconds, estimate, plan_pauses
from hpsearch.protocol.metrics import usual_direction
from hpsearch.protocol.types import FINALISTS, Direction
from hpsearch.search.store import grid_size
from hpsearch.studyfile.sections import report_unit
from hpsearch.views import formatting
from hpsearch.views.console import head_table
from hpsearch.views.formatting import spell

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from hpsearch.measure.extremes import Extreme
    from hpsearch.studyfile.study import StudySpec

_SHOWN = 3
_ADVICE = (
    "Many at once are faster for a small network: they need supports_multi_step = True in the"
    " module's class, and a training_step that returns the loss and logs nothing"
)


def print_probes(
    console: Console,
    spec: StudySpec,
    slots: int,
    settings: Sequence[Extreme],
    probes: Sequence[Mapping[str, Any]],
) -> bool:
    """Prints the result of each setting and the cost of the search; returns whether it can run.

    Args:
        console: where.
        spec: the study.
        slots: how many trials train at once.
        settings: the settings that were tried.
        probes: the result of each.
    """
    console.print(branch_table(settings, probes), "")
    tried = [probe for probe in probes if trains(probe)]
    if not tried or not all(trains(probe) or is_infeasible(probe) for probe in probes):
        console.print(
            not_ready_words(settings, probes), markup=False, style="bold red", soft_wrap=True
        )
        return False
    for note in (*direction_words(spec.objectives), *note_words(tried)):
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    trials = min(filter(None, (spec.trials, grid_size(spec))), default=None)
    epochs = None if spec.counts_validations else spec.epochs
    pauses = plan_pauses(spec.promote, spec.max_reports(), trials)
    words = endless_words(tried)
    if not words:
        cost = estimate(tried, trials, slots, epochs, pauses)
        unit = report_unit(spec.document["trainer"])
        words = cost_words(cost, _budget_words(trials, epochs), slots, unit)
    console.print(words, soft_wrap=True)
    return True


def direction_words(objectives: Mapping[str, Direction]) -> list[str]:
    """Returns what to write instead of a direction that is, by the metric's name, the wrong one."""
    usual = {metric: usual_direction(metric) for metric in objectives}
    return [
        f"{metric} is to be {direction}d, but by its name,"
        f" {'more' if direction == 'minimize' else 'less'} of it is better:"
        f" {{{metric}: {usual[metric]}}}"
        for metric, direction in objectives.items()
        if usual[metric] not in (None, direction)
    ]


def note_words(probes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns what trials leave out, and why they take their steps one at a time if they do."""
    notes = [note for probe in probes for note in probe["notes"]]
    slow = [
        f"Lightning takes the steps one at a time: {reason}. {_ADVICE}"
        for probe in probes
        if (reason := probe["single_steps"])
    ]
    return list(dict.fromkeys([*notes, *slow]))


def branch_table(extremes: Sequence[Extreme], probes: Sequence[Mapping[str, Any]]) -> Table:
    """Returns each branch at its bounds: its weights, an epoch's time, and whether it trains."""
    table = head_table()
    if any(extreme.branch for extreme in extremes):
        table.add_column("branch", overflow="fold")
    table.add_column("values", no_wrap=True)
    table.add_column("weights", justify="right", no_wrap=True)
    table.add_column("an epoch", justify="right", no_wrap=True)
    table.add_column("real batch")
    for extreme, probe in zip(extremes, probes, strict=True):
        branch = [Text(extreme.branch)] if any(extreme.branch for extreme in extremes) else []
        if not trains(probe):
            style = "yellow" if is_infeasible(probe) else "red"
            row = [Text("-"), Text("-"), Text(failure_words(probe), style=style)]
        else:
            seconds = spell(epoch_seconds(probe)) if probe["steps_per_epoch"] else "?"
            row = [Text(f"{probe['parameters']:,}"), Text(seconds), Text("trains", style="green")]
        table.add_row(*branch, Text(extreme.bound), *row)
    return table


def trains(probe: Mapping[str, Any]) -> bool:
    """Returns whether a setting trains."""
    return "failure" not in probe


def is_infeasible(probe: Mapping[str, Any]) -> bool:
    """Returns whether a constructor rejects the setting: the search avoids it and continues."""
    return bool(probe.get("kind") == "infeasible")


def failure_words(probe: Mapping[str, Any]) -> str:
    """Returns why a setting does not train."""
    return f"{'infeasible: ' * is_infeasible(probe)}{probe['failure']}"


def not_ready_words(extremes: Sequence[Extreme], probes: Sequence[Mapping[str, Any]]) -> str:
    """Returns one line on the settings that cannot train, named by values that only they have."""
    both = [*zip(extremes, probes, strict=True)]
    failing = [(extreme, probe) for extreme, probe in both if not trains(probe)]
    blamed = [pair for pair in failing if not is_infeasible(pair[1])] or failing
    first, probe = blamed[0]
    if len(failing) == len(both) and len({other["failure"] for _, other in both}) == 1:
        return f"NOT READY: every setting: {probe['failure']}"
    fine = {value for extreme, other in both if trains(other) for value in extreme.params.items()}
    alone = [pair for pair in first.params.items() if pair not in fine]
    shared = [pair for pair in alone if all(pair in e.params.items() for e, _ in blamed)]
    named = (shared or alone)[:_SHOWN] or [*first.params.items()][:_SHOWN]
    setting = ", ".join(f"{name}={value}" for name, value in named)
    return f"NOT READY: {setting}: {probe['failure']}"


def endless_words(probes: Sequence[Mapping[str, Any]]) -> str:
    """Returns what is known of the cost if the training loader has no length; "" if it has one."""
    if all(probe["training_batches"] or probe["steps_per_epoch"] for probe in probes):
        return ""
    steps = [1000 * probe["seconds_per_step"] for probe in probes]
    return (
        f"A step takes {min(steps):.3g} to {max(steps):.3g} ms. The training loader has no length,"
        " so how long an epoch and the search take is unknown; trainer.limit_train_batches gives it"
        " one."
    )


def cost_words(cost: Cost, budget: str, slots: int, unit: str = "epoch") -> str:
    """Returns the cost of the search in two sentences.

    Args:
        cost: the estimate.
        budget: such as `40 trials`; empty if only time bounds the study.
        slots: how many trials train at once.
        unit: what the trials report after, `epoch` or `validation`.
    """
    ends = (spell(cost.shortest_s), spell(cost.longest_s))
    span = " to ".join(dict.fromkeys(ends))
    if cost.total_s is None:
        return f"A trial that is not pruned takes {span}; only time bounds the study."
    on = f"{slots} slot{'' if slots == 1 else 's'}"
    who = f"{budget} on {on} take{'s' * budget.startswith('1 ')} about {spell(cost.total_s)}"
    if cost.disk_bytes is None:
        return f"{who}; a trial that is not pruned takes {span}."
    one = budget == "1 trial"
    how = f" if it is not pruned ({span})" if one else f" if none is pruned ({span} each)"
    if cost.pauses:
        how = f", {_pauses_words(cost.pauses, unit)} ({span} for a whole training)"
    whose = "its" if one else "their"
    return f"{who}{how}; {whose} checkpoints take about {formatting.size(cost.disk_bytes)}."


def _pauses_words(pauses: Pauses, unit: str) -> str:
    """Returns why not all epochs are trained."""
    *most, last = map(str, pauses.rungs)
    stops = f"{', '.join(most)} and {last}" if most else last
    return (
        f"since they pause after {stops} {unit}{'s' * (stops != '1')} and one in {pauses.eta}"
        f" continues, at least {FINALISTS}:"
        f" {pauses.trained:,} of {pauses.whole:,} {unit}s are trained"
    )


def _budget_words(trials: int | None, epochs: int | None) -> str:
    limits = ((trials, "trial"), (epochs, "epoch"))
    return " or ".join(formatting.counted(n, unit) for n, unit in limits if n)
