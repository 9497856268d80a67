"""One study: how far it is, its leaderboard, its failures; what `status` and a run's end print."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from hpsearch.search.results import StudyRecord
from hpsearch.views.budget import counts_line, progress_line
from hpsearch.views.confirmation import confirmed_words, openings_words
from hpsearch.views.leaderboard import leaderboard
from hpsearch.views.study_list import STATE_STYLES, best_words

_FAILURES = 5


def study_status(study: StudyRecord, *, width: int, limit: int = 10) -> Group:
    """Returns the study's facts, then its best trials, then why trials failed.

    Args:
        study: the study as it stands.
        width: columns of the screen.
        limit: rows of the leaderboard at most.
    """
    parts: list[RenderableType] = [_heading(study), *_facts(study)]
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


def _facts(study: StudyRecord) -> list[Text]:
    goals = ", ".join(f"{direction} {name}" for name, direction in study.objectives.items())
    rows = {
        "objective": goals,
        "best": best_words(study),
        "storage": study.storage,
        "runs": study.runs,
    }
    if study.front:
        rows["front"] = "trials " + ", ".join(str(trial.number) for trial in study.front)
    if study.confirmation:
        rows["confirmed"] = confirmed_words(study.confirmation)
    if study.openings:
        rows["tested"] = openings_words(study.openings)
    if study.owner:
        rows["run by"] = study.owner
    return [Text.assemble((f"{name:<10}", "dim"), value) for name, value in rows.items()]


def _failures(study: StudyRecord) -> list[RenderableType]:
    failed = [trial for trial in study.trials if trial.state == "failed"]
    lines: list[RenderableType] = [
        Text(f"trial {t.number} failed: {t.attributes.get('failure') or 'no reason on record'}")
        for t in failed[-_FAILURES:]
    ]
    if len(failed) > _FAILURES:
        lines.insert(0, Text(f"the last {_FAILURES} of {len(failed)} failures:"))
    return [Text(), *lines] if lines else []
