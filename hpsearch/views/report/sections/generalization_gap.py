"""Overtraining: how much better each trial is in training than in validation, and what helps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import StatisticsError, correlation, median

from hpsearch.measure.report import ReportData, value_of
from hpsearch.protocol.metrics import on_split, split_apart
from hpsearch.protocol.types import Direction, sign_of
from hpsearch.search.store import TrialRecord
from hpsearch.studyfile.distributions import Choice, Distribution
from hpsearch.views import formatting
from hpsearch.views.formatting import counted
from hpsearch.views.report import plots
from hpsearch.views.report.blocks import Block, Figure, Paragraph, Section
from hpsearch.views.report.sections.slices import place_of

# Parameters that exist to keep a model from memorising its training images.
_REGULARISERS = ("dropout", "drop_", "weight_decay", "smoothing", "augment")
_MIN_TRIALS = 3
_MOST_PARAMETERS = 24
_MIN_TO_CORRELATE = 10
# Of parameters without any influence, 1 in 20 gets beyond this by chance.
_BEYOND_CHANCE = 1.96


@dataclass(frozen=True)
class Pair:
    """A metric that is logged in training and in validation.

    Attributes:
        validation: its name in validation.
        direction: which way is better.
    """

    validation: str
    direction: Direction

    @property
    def kind(self) -> str:
        """Its name without `val_`."""
        return split_apart(self.validation)[1]

    def of(self, trial: TrialRecord) -> float | None:
        """Returns how much better training is than validation, at the trial's best epoch."""
        names = on_split(self.validation, "train"), self.validation
        train, val = (trial.attributes.get(f"best_{name}") for name in names)
        if not isinstance(train, int | float) or not isinstance(val, int | float):
            return None
        return float(sign_of(self.direction) * (train - val))


def generalization_gap(data: ReportData) -> Section | None:
    """Returns the gap of each trial against its value and against each parameter."""
    pair = next((pair for pair in _pairs(data) if _having(data, pair)), None)
    if pair is None:
        return None
    trials = _having(data, pair)
    parts: list[Block] = [
        Paragraph(
            f"The gap is how much better {pair.kind} is in training than in validation, at each"
            " trial's best epoch: the larger, the more it overtrains. Training values include the"
            " effect of dropout and augmentation. That alone narrows the gap, even below 0, so both"
            " help only where the validation value improves, too."
        ),
        _against_value(data, pair, trials),
    ]
    names = _parameters(data, trials)
    for name in names[:_MOST_PARAMETERS]:
        parts.append(_against_parameter(data, pair, name, trials))
    if note := plots.left_out_note(min(len(names), _MOST_PARAMETERS), len(names)).strip():
        parts.append(Paragraph(note))
    return Section("Overtraining", parts)


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Returns Spearman's correlation, -1 to 1; None where one of them does not vary."""
    try:
        return correlation(_ranks(x), _ranks(y))
    except StatisticsError:
        return None


def _pairs(data: ReportData) -> list[Pair]:
    """Returns the objective's own pair first, then that of the loss."""
    losses = [Pair(name, "minimize") for name in ("val_loss", "val/loss", "valid_loss")]
    return [Pair(data.objective, data.direction), *losses]


def _having(data: ReportData, pair: Pair) -> list[TrialRecord]:
    return [trial for trial in data.complete if pair.of(trial) is not None]


def _parameters(data: ReportData, trials: Sequence[TrialRecord]) -> list[str]:
    """Returns the parameters to draw: first those against overtraining."""
    names = [
        name
        for name in data.parameters
        if sum(name in trial.params for trial in trials) >= _MIN_TRIALS
    ]
    names.sort(key=lambda name: not any(word in name for word in _REGULARISERS))
    return names


def _is_numeric(distribution: Distribution) -> bool:
    options = distribution.options if isinstance(distribution, Choice) else ()
    return all(isinstance(one, int | float) and not isinstance(one, bool) for one in options)


def _against_value(data: ReportData, pair: Pair, trials: Sequence[TrialRecord]) -> Figure:
    drawn = plots.thinned(trials)
    vertices = [
        (plots.short(pair.of(trial) or 0.0), plots.short(value_of(trial)), _words(trial, pair))
        for trial in drawn
    ]
    values = [value_of(trial) for trial in drawn]
    return plots.figure(
        f"{data.objective} against the gap",
        [plots.points(vertices)],
        x=plots.axis(f"gap in {pair.kind}"),
        y=plots.axis(data.objective, **plots.framed(values, data.direction)),
        note=plots.thinned_note(len(drawn), len(trials)).strip(),
    )


def _against_parameter(
    data: ReportData, pair: Pair, name: str, trials: Sequence[TrialRecord]
) -> Figure:
    having = [trial for trial in trials if name in trial.params]
    drawn = plots.thinned(having)
    distribution, label = data.parameters[name], data.names[name]
    vertices = [
        (
            place_of(trial.params[name], distribution),
            plots.short(pair.of(trial) or 0.0),
            f"{_words(trial, pair)}\n{label} {formatting.setting(trial.params[name])}",
        )
        for trial in drawn
    ]
    return plots.figure(
        f"the gap against {label}",
        [plots.points(vertices)],
        x=plots.parameter_axis(label, distribution),
        y=plots.axis(f"gap in {pair.kind}"),
        note=_finding(data, pair, name, having),
    )


def _finding(data: ReportData, pair: Pair, name: str, trials: Sequence[TrialRecord]) -> str:
    if len(trials) < _MIN_TO_CORRELATE:
        are = "is" if len(trials) == 1 else "are"
        return f"{counted(len(trials), 'trial')} {are} too few to say whether it helps."
    if not _is_numeric(data.parameters[name]):
        return _medians(pair, name, trials)
    settings = [float(trial.params[name] or 0.0) for trial in trials]
    gaps = [pair.of(trial) or 0.0 for trial in trials]
    sign = sign_of(data.direction)
    goodness = [sign * value_of(trial) for trial in trials]
    wider, better = rank_correlation(settings, gaps), rank_correlation(settings, goodness)
    if wider is None or better is None:
        return ""
    width = _claim(wider, len(trials), "a wider", "a narrower")
    value = _claim(better, len(trials), "a better", "a worse")
    gap_words = f"{width} gap" if width else "no clear change of the gap"
    value_words = f"{value} {data.objective}" if value else f"no clear change of {data.objective}"
    words = f"{gap_words} and with {value_words}"
    if not (width or value):
        words = f"no clear change of the gap or of {data.objective}"
    return (
        f"More {data.names[name]} goes with {words} (rank correlations {wider:+.2f} and"
        f" {better:+.2f} over {len(trials)} trials)."
    )


def _medians(pair: Pair, name: str, trials: Sequence[TrialRecord]) -> str:
    """Returns the middle gap of each option, the narrowest first."""
    gaps: dict[str, list[float]] = {}
    for trial in trials:
        gaps.setdefault(formatting.setting(trial.params[name]), []).append(pair.of(trial) or 0.0)
    by_width = sorted((median(of_option), option) for option, of_option in gaps.items())
    words = [f"{option} {width:.4g} ({len(gaps[option])} trials)" for width, option in by_width]
    return f"Median gap: {', '.join(words)}."


def _claim(correlated: float, count: int, more: str, less: str) -> str:
    """Returns what a rank correlation says; nothing if chance would often show as much.

    Without any relation its standard error is 1 / sqrt(count - 1).
    """
    if abs(correlated) * math.sqrt(count - 1) < _BEYOND_CHANCE:
        return ""
    return more if correlated > 0 else less


def _words(trial: TrialRecord, pair: Pair) -> str:
    return f"trial {trial.number}, {formatting.metric(value_of(trial))}\ngap {pair.of(trial):.4g}"


def _ranks(values: Sequence[float]) -> list[float]:
    """Returns the ranks; equal values share the mean of theirs."""
    places: dict[float, list[int]] = {}
    for place, value in enumerate(sorted(values)):
        places.setdefault(value, []).append(place)
    return [sum(places[value]) / len(places[value]) for value in values]
