"""Studies side by side as a page: their facts, their curves, and what a better value costs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate

from hpsearch.protocol.types import primary
from hpsearch.search.store import TrialRecord
from hpsearch.views import formatting
from hpsearch.views.formatting import spell
from hpsearch.views.report import plots
from hpsearch.views.report.blocks import Figure, Paragraph, Section, Table
from hpsearch.views.report.page import to_html
from hpsearch.views.report.sections.cost import weights_of
from hpsearch.views.report.sections.history import best_so_far
from hpsearch.views.tables import (
    DIFFERENT_OBJECTIVES,
    UNKNOWN,
    Compared,
    compared_facts,
    compared_settings,
    same_objectives,
)

_COLORS = (plots.BLUE, plots.RED, plots.GREEN, plots.PURPLE, plots.ORANGE, plots.VIOLET, plots.GREY)
_DASHES = ("solid", "dash", "dot")


def render_comparison(compared: Sequence[Compared], made: datetime) -> str:
    """Returns the page. Every text of the studies is escaped, in HTML and in the drawings."""
    names = [one.study.name for one in compared]
    sections = [_summary(compared), _settings(compared)]
    if same_objectives(compared):
        sections[1:1] = [_curves(compared), _cost(compared)]
    shown = [section for section in sections if section.parts]
    return to_html(" and ".join(names), "studies side by side", made, shown)


def _summary(compared: Sequence[Compared]) -> Section:
    head = ("study", *(one.study.name for one in compared))
    facts = [compared_facts(one) for one in compared]
    rows = [(name, *(of_study[name] for of_study in facts)) for name in facts[0]]
    rows = [row for row in rows if {*row[1:]} != {UNKNOWN}]
    table = Table(head, rows, left=head)
    if not same_objectives(compared):
        return Section("Summary", [Paragraph(f"Note: {DIFFERENT_OBJECTIVES}."), table])
    goals = " and ".join(f"{way} {name}" for name, way in compared[0].study.objectives.items())
    explained = "generalization gap (how much better it is in training than in validation), the "
    is_shown = any(name == "generalization gap" for name, *_ in rows)
    words = (
        f"Each study searched to {goals}. The {explained * is_shown}weights and the time are those"
        " of its best trial."
    )
    return Section("Summary", [Paragraph(words), table])


def _settings(compared: Sequence[Compared]) -> Section:
    """Returns the settings of each best trial; the rows in which they differ are highlighted."""
    settings = compared_settings(compared)
    rows = [(name, *cells) for name, cells in settings.items()]
    marked = [place for place, cells in enumerate(settings.values()) if len(set(cells)) > 1]
    head = ("parameter", *(one.study.name for one in compared))
    table = Table(head, rows, marked=marked if len(marked) < len(rows) else (), left=head[:1])
    return Section("Settings of the best trials", [table] if rows else [])


def _curves(compared: Sequence[Compared]) -> Section:
    """Returns the best trials' curves, and how fast each study came to its best."""
    objective = primary(compared[0].study.objectives)[0]
    drawn = [(one, *look) for one, look in zip(compared, _looks(len(compared)), strict=True)]
    by_epoch = [_line(one, _epochs(one), color, dash) for one, color, dash in drawn if one.curve]
    by_time = [
        _line(one, steps, color, dash, shape="hv")
        for one, color, dash in drawn
        if (steps := _best_by_time(one))
    ]
    most = max((max(one.curve) for one in compared if one.curve), default=0)
    unit = compared[0].study.unit
    figures = [
        plots.figure(
            f"{objective} of the best trials after each {unit}",
            by_epoch,
            x=plots.whole_axis(unit, most),
            y=plots.axis(objective),
            wide=True,
        ),
        plots.figure(
            f"the best {objective} so far",
            by_time,
            x=plots.axis("training time of all trials (s)", rangemode="tozero"),
            y=plots.axis(objective),
            note="A complete trial counts when it ends; the time includes that of all trials.",
            wide=True,
        ),
    ]
    return Section("Curves", [one for one in figures if one.traces])


def _cost(compared: Sequence[Compared]) -> Section:
    """Returns every complete trial's value against its weights."""
    traces, counts = [], []
    objective = primary(compared[0].study.objectives)[0]
    for one, (color, _) in zip(compared, _looks(len(compared)), strict=True):
        having = [(trial, count) for trial in _complete(one) if (count := weights_of(trial))]
        counts += [count for _, count in having]
        vertices = [
            (
                count,
                plots.short(_value(trial)),
                f"{one.study.name}, trial {trial.number}\n{count:,.0f} weights\n"
                f"{formatting.metric(_value(trial))}",
            )
            for trial, count in plots.thinned(having)
        ]
        if vertices:
            traces.append(plots.points(vertices, color=color, name=one.study.name))
    if not traces:
        return Section("Cost", [])
    drawing: Figure = plots.figure(
        f"{objective} against weights",
        traces,
        x=plots.log_axis("weights", counts),
        y=plots.axis(objective),
        wide=True,
    )
    return Section("Cost", [drawing])


def _looks(count: int) -> list[tuple[str, str]]:
    """Returns a colour and a dash for each study."""
    return [
        (_COLORS[place % len(_COLORS)], _DASHES[place // len(_COLORS) % len(_DASHES)])
        for place in range(count)
    ]


def _line(
    one: Compared, vertices: Sequence[plots.Vertex], color: str, dash: str, shape: str = "linear"
) -> plots.Trace:
    look = {"dash": dash, "shape": shape}
    mode = "lines+markers" if shape == "linear" else "lines"
    return plots.lines([vertices], color=color, width=2, name=one.study.name, mode=mode, line=look)


def _epochs(one: Compared) -> list[plots.Vertex]:
    best = one.study.best
    number = best.number if best else 0
    unit = one.study.unit
    return [
        (
            step,
            plots.short(value),
            f"{one.study.name}, trial {number}\n{unit} {step}: {formatting.metric(value)}",
        )
        for step, value in sorted(one.curve.items())
    ]


def _best_by_time(one: Compared) -> list[plots.Vertex]:
    """Returns the best value so far by the training time until then, in seconds."""
    spent = [*accumulate(trial.seconds or 0.0 for trial in one.study.trials)]
    known = [
        (seconds, trial)
        for seconds, trial in zip(spent, one.study.trials, strict=True)
        if trial.state == "complete" and trial.values
    ]
    if not known:
        return []
    direction = primary(one.study.objectives)[1]
    values = [_value(trial) for _, trial in known]
    steps = [
        (
            plots.short(known[place][0]),
            plots.short(values[place]),
            f"{one.study.name}, trial {known[place][1].number}\n"
            f"{formatting.metric(values[place])} after {spell(known[place][0])}",
        )
        for place in best_so_far(values, direction)
    ]
    return [*steps, (plots.short(spent[-1]), steps[-1][1], "")]


def _complete(one: Compared) -> list[TrialRecord]:
    return [trial for trial in one.study.trials if trial.state == "complete" and trial.values]


def _value(trial: TrialRecord) -> float:
    assert trial.values is not None
    return trial.values[0]
