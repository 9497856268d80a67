"""The first screen: the question, the result, how certain it is, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpsearch.measure.report import ReportData
from hpsearch.search.confirm import share_interval
from hpsearch.studyfile.algorithms import NO_PRUNER, PRUNERS, SAMPLERS, Component
from hpsearch.studyfile.sections import texts_of
from hpsearch.studyfile.study import StudySpec
from hpsearch.views import formatting
from hpsearch.views.check import distribution_words, size_words
from hpsearch.views.formatting import command, spell
from hpsearch.views.ranking import last_run_words, progress_line
from hpsearch.views.report.blocks import Answers, Block, KeyValues, Section, Table
from hpsearch.views.report.sections.advice import next_words
from hpsearch.views.report.sections.intervals import trial_intervals, wall_seconds
from hpsearch.views.report.sections.leaderboard import images_of_values
from hpsearch.views.tables import best_words, chosen_finalist, conclusion


def summary(data: ReportData) -> Section:
    """Returns the study in short: the question, the result, how certain it is, what to do."""
    answers = {
        "Asked": _asked(data),
        "Found": _found(data),
        "Left out": data.study.contradiction_words,
        "How sure": _how_sure(data),
        "What next": next_words(data),
    }
    parts: list[Block] = [
        Answers({name: text for name, text in answers.items() if text}),
        KeyValues(_facts(data)),
    ]
    if data.spec.space.parameters:
        parts.append(_searched(data))
    return Section("Summary", parts)


def _asked(data: ReportData) -> str:
    study, spec = data.study, data.spec
    goals = " and ".join(f"{direction} {name}" for name, direction in study.objectives.items())
    model = _class_names(spec.document.get("model"))
    sampler = _short(spec.sampler)
    pruner = f"cut short by the pruner {_short(spec.pruner)}"
    if spec.promote:
        pruner = f"paused at rungs, where one in {spec.promote.eta} continues"
    elif spec.pruner == NO_PRUNER:
        pruner = "each trained to its end"
    return (
        f"To {goals} of {model}: {size_words(spec.space)}. Proposed by the sampler {sampler},"
        f" {pruner}{_length(spec)}."
    )


def _found(data: ReportData) -> str:
    study = data.study
    state = f"The study {_STATE_WORDS[study.state]}: {progress_line(study)}."
    if words := last_run_words(study):
        state += f" Its last run {words}."
    if study.best is None:
        words = best_words(study)
        if study.trials and study.counts["failed"] == len(study.trials):
            words = "no trial has succeeded, see Failures"
        return state if words == "-" else f"{words[0].upper()}{words[1:]}. {state}"
    settings = formatting.one_line(study.best.params, data.names, between=", ")
    best = f"{best_words(study)}, with {settings}" if settings else best_words(study)
    return f"{best}. {state}"


def _how_sure(data: ReportData) -> str:
    """Returns how certain the best value is; empty while there is none."""
    study = data.study
    if study.confirmation is not None:
        return (
            f"Confirmed over {study.confirmation['seeds']} seeds. {conclusion(study.confirmation)}"
        )
    if study.best is None or study.best.values is None:
        return ""
    chance = ""
    if (images := images_of_values(data)) and 0 <= study.best.values[0] <= 1:
        interval = share_interval(study.best.values[0], images)
        chance = (
            f"Other validation images would give {interval.low:.4f} to {interval.high:.4f} (95 %)."
            " And "
        )
    return (
        f"{chance}{'t' if chance else 'T'}he best value was chosen for being the best of many, so"
        f" it flatters the model a little: `{command('confirm', study.name)}` trains the finalists"
        " again with several seeds and gives an honest figure."
    )


def _short(algorithm: Component) -> str:
    """Returns the short name of a sampler or pruner, as in a study file, or that of its class."""
    known = {path: name for name, path in (*SAMPLERS.items(), *PRUNERS.items())}
    return known.get(algorithm.class_path, algorithm.class_path.rpartition(".")[2])


def _length(spec: StudySpec) -> str:
    unit = "validation" if spec.counts_validations else "epoch"
    most = spec.max_reports()
    return "" if most is None else f"; at most {formatting.counted(most, unit)} per trial"


_STATE_WORDS = {
    "running": "is still running",
    "paused": "is paused by `hpsearch control`",
    "done": "has ended",
    "interrupted": "was interrupted and can be resumed",
    "new": "has not begun",
}


def _facts(data: ReportData) -> dict[str, str]:
    study, counts = data.study, data.study.counts
    trained = sum(trial.seconds or 0.0 for trial in study.trials)
    slots = {interval.slot for interval in trial_intervals(study, data.now)}
    facts = {"best": best_words(study)} if study.best else {}
    facts |= _confirmed(study.confirmation)
    facts["trials"] = str(len(study.trials))
    facts |= {state: str(count) for state, count in counts.items() if count}
    if study.trials:
        facts["took"] = spell(wall_seconds(trial_intervals(study, data.now)))
        facts["training time"] = spell(trained)
        facts["slots"] = str(len(slots))
    if study.speed:
        facts["speed"] = formatting.speed_words(study.speed)
    return facts


def _confirmed(record: Mapping[str, Any] | None) -> dict[str, str]:
    """Returns the honest figures, if there are any."""
    if record is None:
        return {}
    chosen = chosen_finalist(record)
    facts = {f"confirmed, trial {chosen['trial']}": formatting.metric(chosen["confirmed"])}
    if record["test"] is not None:
        facts[record["test"]["metric"]] = formatting.metric(record["test"]["value"])
    return facts


def _class_names(section: object) -> str:
    """Returns the classes a section may build, of all its branches."""
    found = (
        text.rpartition(".")[2]
        for place, text, names_class in texts_of(section)
        if names_class and "init_args" not in place
    )
    return " or ".join(dict.fromkeys(found)) or "a model"


def _searched(data: ReportData) -> Table:
    best = data.study.best
    shares = data.importance.get(data.objective, {})
    rows = [
        (
            name,
            distribution_words(distribution),
            *([formatting.setting(best.params.get(name, "-"))] if best else []),
            *([f"{shares[name]:.0%}" if name in shares else "-"] if shares else []),
        )
        for name, distribution in data.parameters.items()
    ]
    found = ["in the best trial"] * bool(best) + ["importance"] * bool(shares)
    head = ("parameter", "searched", *found)
    return Table(head, rows, left=("parameter", "searched"))
