"""The best trials, with how sure their values are."""

from __future__ import annotations

from hpsearch.search.results import TrialRecord
from hpsearch.search.statistics import share_interval
from hpsearch.views import numbers
from hpsearch.views.durations import spell
from hpsearch.views.ranking import epochs_done, latest_value, ranked, top
from hpsearch.views.report.material import Material
from hpsearch.views.report.parts import Part, Section, Table, Words

_ROWS = 25


def leaderboard(material: Material) -> Section | None:
    """Returns the best trials as a table, and the front of several objectives."""
    study = material.study
    if not study.trials:
        return None
    shown = top(ranked(study.trials, material.direction), _ROWS)
    images = _images(material)
    best = {trial.number for trial in (study.best, *study.front) if trial}
    parts: list[Part] = [
        Table(
            _head(material, bool(images)),
            [_row(material, place, trial, images) for place, trial in enumerate(shown, start=1)],
            marked=[place for place, trial in enumerate(shown) if trial.number in best],
            left=("state",),
        )
    ]
    if len(study.trials) > len(shown):
        parts.append(Words(f"{len(shown)} of {len(study.trials):,} trials."))
    if images:
        parts.append(
            Words(
                f"The interval holds what {images:,} validation images leave open, at 95 %"
                " (Wilson's interval for a share). It says nothing of what another seed would"
                " change. Trials whose intervals overlap can hardly be told apart."
            )
        )
    return Section("Leaderboard", parts)


def _head(material: Material, with_interval: bool) -> list[str]:
    first, *others = material.study.objectives
    interval = ["95 % interval"] if with_interval else []
    names = [material.names[name] for name in material.parameters]
    result = ["#", "trial", first, *interval, *others, "state", "epochs", "weights", "time"]
    return [*result, *names]


def _row(material: Material, place: int, trial: TrialRecord, images: int) -> list[str]:
    others = (trial.values or (None,) * len(material.study.objectives))[1:]
    first = latest_value(trial)
    weights = trial.attributes.get("parameters")
    return [
        str(place) if trial.state == "complete" else "",
        str(trial.number),
        numbers.metric(first),
        *([_interval(first, images)] if images else []),
        *(numbers.metric(value) for value in others),
        trial.state,
        str(epochs_done(trial) or "-"),
        f"{weights:,}" if isinstance(weights, int) else "-",
        spell(trial.seconds),
        *(
            numbers.setting(trial.params[name]) if name in trial.params else ""
            for name in material.parameters
        ),
    ]


def _images(material: Material) -> int:
    """Returns how many images the values are shares of; 0 where they are no shares."""
    if not material.objective.endswith("accuracy") or not material.inspection:
        return 0
    return int(material.inspection.get("images", 0))


def _interval(value: float | None, images: int) -> str:
    if value is None or not 0 <= value <= 1:
        return "-"
    interval = share_interval(value, images)
    return f"{interval.low:.4f} to {interval.high:.4f}"
