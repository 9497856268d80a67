"""What was searched, how far it is, and the best of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpsearch.spec.algorithms import NO_PRUNER
from hpsearch.views import numbers
from hpsearch.views.budget import progress_line
from hpsearch.views.checked import distribution_words, size_words
from hpsearch.views.durations import spell
from hpsearch.views.next_command import command
from hpsearch.views.report.material import Material
from hpsearch.views.report.parts import Facts, Part, Section, Table, Words
from hpsearch.views.report.stretches import stretches, wall_seconds
from hpsearch.views.study_list import best_words


def summary(material: Material) -> Section:
    """Returns the study in short: figures, what was searched, and by what."""
    parts: list[Part] = [Words(_opening(material)), Facts(_facts(material))]
    if material.study.confirmation is None and material.study.best is not None:
        parts.append(
            Words(
                "The best value was chosen for being the best of many, so it flatters the model a"
                f" little. `{command('confirm', material.study.name)}` trains the finalists again"
                " with several seeds and gives an honest figure."
            )
        )
    if material.spec.space.parameters:
        parts.append(_searched(material))
    return Section("Summary", parts)


def _opening(material: Material) -> str:
    study, spec = material.study, material.spec
    goals = " and ".join(f"{direction} {name}" for name, direction in study.objectives.items())
    model = _class_names(spec.document.get("model"))
    sampler = spec.sampler.class_path.rpartition(".")[2]
    pruner = f"cut short by {spec.pruner.class_path.rpartition('.')[2]}"
    if spec.pruner == NO_PRUNER:
        pruner = "each trained to its end"
    return (
        f"A search to {goals} of {model}: {size_words(spec.space)}. Proposed by {sampler},"
        f" {pruner}; at most {spec.max_epochs()} epochs a trial. The study"
        f" {_STATE_WORDS[study.state]}: {progress_line(study)}."
    )


_STATE_WORDS = {
    "running": "is still running",
    "done": "has ended",
    "interrupted": "was interrupted and can be resumed",
    "new": "has not begun",
}


def _facts(material: Material) -> dict[str, str]:
    study, counts = material.study, material.study.counts
    trained = sum(trial.seconds or 0.0 for trial in study.trials)
    slots = {stretch.slot for stretch in stretches(study, material.now)}
    facts = {"best": best_words(study)} if study.best else {}
    facts |= _confirmed(study.confirmation)
    facts["trials"] = str(len(study.trials))
    facts |= {state: str(count) for state, count in counts.items() if count}
    if study.trials:
        facts["took"] = spell(wall_seconds(stretches(study, material.now)))
        facts["training time"] = spell(trained)
        facts["slots"] = str(len(slots))
    return facts


def _confirmed(record: Mapping[str, Any] | None) -> dict[str, str]:
    """Returns the honest figures, where there are any."""
    if record is None:
        return {}
    chosen = next(one for one in record["finalists"] if one["trial"] == record["chosen"])
    facts = {f"confirmed, trial {chosen['trial']}": numbers.metric(chosen["confirmed"])}
    if record["test"] is not None:
        facts[record["test"]["metric"]] = numbers.metric(record["test"]["value"])
    return facts


def _class_names(section: object) -> str:
    """Returns the classes a section may build, of all its branches."""
    found: list[str] = []

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if isinstance(path := node.get("class_path"), str):
                found.append(path.rpartition(".")[2])
                return
            for value in node.values():
                walk(value)

    walk(section)
    return " or ".join(dict.fromkeys(found)) or "a model"


def _searched(material: Material) -> Table:
    best = material.study.best
    shares = material.importances.get(material.objective, {})
    rows = [
        (
            name,
            distribution_words(distribution),
            numbers.setting(best.params[name]) if best and name in best.params else "-",
            f"{shares[name]:.0%}" if name in shares else "-",
        )
        for name, distribution in material.parameters.items()
    ]
    head = ("parameter", "searched", "in the best trial", "importance")
    return Table(head, rows, left=("parameter", "searched"))
