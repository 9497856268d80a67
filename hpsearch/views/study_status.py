"""One study: how far it is, its leaderboard, its failures; what `status` and a run's end print."""

from __future__ import annotations

from textwrap import wrap

from rich.console import Group, RenderableType
from rich.text import Text

from hpsearch.search.attributes import FAILURE, FAILURE_KIND
from hpsearch.search.results import StudyRecord, TrialRecord
from hpsearch.views.budget import counts_line, progress_line
from hpsearch.views.confirmation import confirmed_words, openings_words
from hpsearch.views.failure_counts import failure_counts
from hpsearch.views.leaderboard import leaderboard
from hpsearch.views.study_list import STATE_STYLES, best_words

_FAILURES = 5
_NAMES = 10  # columns for the names of facts


def study_status(study: StudyRecord, *, width: int, limit: int = 10) -> Group:
    """Returns the study's facts, then its best trials, then why trials failed.

    Args:
        study: the study as it stands.
        width: columns of the screen.
        limit: rows of the leaderboard at most.
    """
    parts: list[RenderableType] = [_heading(study), *_facts(study, width)]
    if study.trials:
        marked = [trial.number for trial in study.front]
        if study.best is not None:
            marked.append(study.best.number)
        table = leaderboard(study.trials, study.objectives, width=width, limit=limit, marked=marked)
        parts += [Text(), table]
    parts += _failures(study)
    return Group(*parts)


def _heading(study: StudyRecord) -> Text:
    return Text.assemble(
        (study.name, "bold"),
        ("  ", ""),
        (study.state, STATE_STYLES[study.state]),
        f"  {progress_line(study)} ({counts_line(study.counts)})",
    )


def _facts(study: StudyRecord, width: int) -> list[Text]:
    goals = ", ".join(f"{direction} {name}" for name, direction in study.objectives.items())
    rows = {
        "objective": goals,
        "best": best_words(study),
        "storage": study.storage,
        "runs": study.runs,
    }
    if study.front:
        rows["front"] = "trials " + ", ".join(str(trial.number) for trial in study.front)
    if study.failures:
        counts = wrap(failure_counts(study), width - _NAMES, break_on_hyphens=False)
        rows["failed"] = f"\n{' ' * _NAMES}".join(counts)
    if study.confirmation:
        rows["confirmed"] = confirmed_words(study.confirmation)
    if study.openings:
        rows["tested"] = openings_words(study.openings)
    if study.owner:
        rows["run by"] = study.owner
    return [Text.assemble((f"{name:<{_NAMES}}", "dim"), value) for name, value in rows.items()]


def _failures(study: StudyRecord) -> list[RenderableType]:
    failed = [trial for trial in study.trials if trial.state == "failed"]
    lines: list[RenderableType] = [Text(_failure(trial)) for trial in failed[-_FAILURES:]]
    if len(failed) > _FAILURES:
        lines.insert(0, Text(f"the last {_FAILURES} of {len(failed)} failures:"))
    return [Text(), *lines] if lines else []


def _failure(trial: TrialRecord) -> str:
    kind = trial.attributes.get(FAILURE_KIND)
    words = f"trial {trial.number} failed" + (f" ({kind})" if kind else "")
    return f"{words}: {trial.attributes.get(FAILURE) or 'no reason on record'}"
