"""The note that optuna-dashboard shows with a trial: how it ended, its pictures, its parameters."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hpsearch.search.store import TrialRecord
from hpsearch.search.store.keys import (
    DOCUMENT,
    FAILURE,
    PAUSED_AT,
    PRUNED_AT,
    RUNS,
    TRACEBACK,
    VERSIONS,
)
from hpsearch.studyfile.yaml_text import to_yaml
from hpsearch.views import formatting


def study_note(attributes: Mapping[str, Any]) -> str:
    """Returns the note on a study, in Markdown: its file, its folder, its versions.

    Args:
        attributes: the study's, from the database.
    """
    versions = ", ".join(f"{name} {v}" for name, v in (attributes.get(VERSIONS) or {}).items())
    description = json.loads(attributes[DOCUMENT])["study"].get("description")
    parts = [
        str(description or ""),
        _code_block(to_yaml(json.loads(attributes[DOCUMENT])).rstrip(), "yaml"),
        f"files of its trials: {_code(str(attributes.get(RUNS)))}",
        f"trained with {versions}" if versions else "",
    ]
    return "\n\n".join(part for part in parts if part)


def trial_note(
    objectives: Sequence[str],
    trial: TrialRecord,
    pictures: Mapping[str, str],
    unit: str = "epoch",
) -> str:
    """Returns the note, in Markdown.

    Args:
        objectives: the objectives' names, in the study's order.
        trial: the trial.
        pictures: what each picture of it shows, and where it is served.
        unit: what it reports after, `epoch` or `validation`.
    """
    parts = [
        _ending(objectives, trial, unit),
        # Below one another, since the page cuts off what is too wide.
        *(f"![{shown}]({place})" for shown, place in pictures.items()),
        _code_block(_parameters(trial), "yaml") if trial.params else "",
        _code_block(str(trial.attributes[TRACEBACK])) if trial.attributes.get(TRACEBACK) else "",
        f"best checkpoint: {_code(trial.checkpoint)}" if trial.checkpoint else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _ending(objectives: Sequence[str], trial: TrialRecord, unit: str) -> str:
    done = max(trial.values_by_epoch, default=0)
    match trial.state:
        case "complete":
            values = zip(objectives, trial.values or (), strict=False)
            details = ", ".join(
                f"{_code(name)} {formatting.metric(value)}" for name, value in values
            )
            best = trial.attributes.get("best_step")
            return f"**Complete**: {details}" + (f", at {unit} {best} of {done}" if best else "")
        case "pruned":
            if FAILURE in trial.attributes:
                return f"**Pruned**\n\n{_code_block(str(trial.attributes[FAILURE]))}"
            at = trial.attributes.get(PRUNED_AT, done)
            if trial.decisions:
                why = _code(formatting.decision_words(trial.decisions[-1]))
                return f"**Pruned** after {unit} {at}\n\n{why}"
            value = trial.values_by_epoch.get(done)
            if value is None:
                return "**Pruned**"
            details = f"{_code(objectives[0])} was {formatting.metric(value)}"
            return f"**Pruned** after {unit} {at}: {details}, behind the others at that {unit}"
        case "failed":
            return f"**Failed**\n\n{_code_block(trial.failure)}"
        case "running":
            return f"**Running**: {done} {unit}s done"
        case "paused":
            at = trial.attributes.get(PAUSED_AT, done)
            return f"**Paused** after {unit} {at}, until it is among the best that reached it"
        case "waiting":
            return f"**Waiting** to continue: {done} {unit}s done"


def _parameters(trial: TrialRecord) -> str:
    return to_yaml(trial.params).rstrip()


def _code_block(text: str, language: str = "") -> str:
    fence = "`" * max(3, 1 + _longest_run(text))
    return f"{fence}{language}\n{text}\n{fence}"


def _code(text: str) -> str:
    # A blank line would end the code block, and the rest would be read as HTML.
    text = " ".join(text.split())
    ticks = "`" * (1 + _longest_run(text))
    return f"{ticks}{text}{ticks}"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
