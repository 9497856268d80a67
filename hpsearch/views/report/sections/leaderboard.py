"""The best trials, and how certain their values are."""

from __future__ import annotations

from hpsearch.measure.report import ReportData
from hpsearch.search.confirm import share_interval
from hpsearch.search.store import TrialRecord
from hpsearch.views import formatting
from hpsearch.views.formatting import spell
from hpsearch.views.ranking import epochs_done, known_values, ranked, top
from hpsearch.views.report.blocks import Block, Paragraph, Section, Table

_ROWS = 25


def leaderboard(data: ReportData) -> Section | None:
    """Returns the best trials as a table, and the Pareto front of several objectives."""
    study = data.study
    if not study.trials:
        return None
    shown = top(ranked(study.trials, data.direction), _ROWS)
    images = images_of_values(data)
    best = {trial.number for trial in (study.best, *study.pareto_front) if trial}
    parts: list[Block] = [
        Table(
            _head(data, bool(images)),
            [_row(data, place, trial, images) for place, trial in enumerate(shown, start=1)],
            marked=[place for place, trial in enumerate(shown) if trial.number in best],
            left=("state",),
        )
    ]
    if len(study.trials) > len(shown):
        parts.append(Paragraph(f"{len(shown)} of {len(study.trials):,} trials."))
    if images:
        parts.append(
            Paragraph(
                f"The 95 % interval reflects the choice of {images:,} validation images"
                " (Wilson's interval for a proportion), not what another seed would change. Trials"
                " whose intervals overlap can hardly be distinguished."
            )
        )
    return Section("Leaderboard", parts)


def _head(data: ReportData, with_interval: bool) -> list[str]:
    first, *others = data.study.objectives
    interval = ["95 % interval"] if with_interval else []
    names = [data.names[name] for name in data.parameters]
    units = f"{data.study.unit}s"
    result = ["#", "trial", first, *interval, *others, "state", units, "weights", "time"]
    return [*result, *names]


def _row(data: ReportData, place: int, trial: TrialRecord, images: int) -> list[str]:
    first, *others = known_values(trial, data.study.objectives)
    weights = trial.attributes.get("parameters")
    return [
        str(place) if trial.state == "complete" else "",
        str(trial.number),
        formatting.metric(first),
        *([_interval(first, images)] if images else []),
        *(formatting.metric(value) for value in others),
        trial.state,
        str(epochs_done(trial) or "-"),
        f"{weights:,}" if isinstance(weights, int) else "-",
        spell(trial.seconds),
        *(
            formatting.setting(trial.params[name]) if name in trial.params else ""
            for name in data.parameters
        ),
    ]


def images_of_values(data: ReportData) -> int:
    """Returns how many images the values are shares of; 0 if they are not shares."""
    if not data.objective.endswith("accuracy") or not data.inspection:
        return 0
    return int(data.inspection.get("images", 0))


def _interval(value: float | None, images: int) -> str:
    if value is None or not 0 <= value <= 1:
        return "-"
    interval = share_interval(value, images)
    return f"{interval.low:.4f} to {interval.high:.4f}"
