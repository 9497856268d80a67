"""The code and versions that a study's trials were trained under, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hpsearch.search.store import StudyRecord, TrialRecord


def environments_of(trial: TrialRecord) -> list[int]:
    """Returns the numbers of the environments that a trial was trained under, in order."""
    found = (attempt.get("environment") for attempt in trial.attempts)
    return list(dict.fromkeys(number for number in found if isinstance(number, int)))


def environment_lines(study: StudyRecord) -> list[str]:
    """Returns a line for each environment: its trials, and what had changed.

    There are no lines if all trials were trained under the same environment.
    """
    if len(study.environments) < 2:
        return []
    trained = [_trained_under(study.trials, number) for number in range(len(study.environments))]
    return [
        f"{number}: {trial_words(trials)}; {change_words(study, number)}"
        for number, trials in enumerate(trained)
    ]


def change_words(study: StudyRecord, number: int) -> str:
    """Returns since when an environment has been used, and how it differs from the one before."""
    found = study.environments[number]
    since = str(found.get("since", ""))[: len("2026-01-01T00:00")].replace("T", " ")
    differences = ", ".join(found.get("differences", ())) or "the first"
    return f"{differences}, since {since}"


def _trained_under(trials: Iterable[TrialRecord], number: int) -> list[int]:
    return [trial.number for trial in trials if number in environments_of(trial)]


def trial_words(numbers: Sequence[int]) -> str:
    """Returns `trials 0 to 3, 5`."""
    if not numbers:
        return "no trial"
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1][1:] = [number]
        else:
            spans.append([number])
    words = ", ".join(" to ".join(map(str, span)) for span in spans)
    return f"trial{'s' if len(numbers) > 1 else ''} {words}"
