"""Searches that run elsewhere, as their databases show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.text import Text

from hpsearch.protocol.messages import Progress
from hpsearch.search.store import StudyRecord, TrialRecord
from hpsearch.views.live.screen import screen
from hpsearch.views.live.search_state import Running, SearchState
from hpsearch.views.ranking import epochs_done, paused_words, settled
from hpsearch.views.tables import best_words, study_heading

_LEAST = 3
NOW_S = 0.0


@dataclass(frozen=True)
class Watched:
    """A study as read from its database.

    Attributes:
        study: its record.
        longest: reports of its longest trial; None if only its data decide that.
    """

    study: StudyRecord
    longest: int | None


@dataclass
class RecordedState(SearchState):
    """A search at the moment it was read; its clock is at 0."""

    def seconds_left(self, now_s: float) -> float | None:
        """Returns how long the rest of the budget takes at the trials' speed so far."""
        trials = [t for t in self.trials.values() if t.is_finished or t.state == "paused"]
        took = [trial.seconds for trial in trials if trial.seconds]
        if self.study.budget is None or not took or not self.running:
            return None
        gained = sum(run.fraction for run in self.running.values())
        rest = self.study.budget - settled(self.counts) - gained
        return max(rest, 0.0) * sum(took) / len(took) / len(self.running)


def recorded_state(watched: Watched, now: datetime) -> RecordedState:
    """Returns how far a search is; for a running trial, the epochs it has reported."""
    study = watched.study
    began = [_seconds_ago(trial.attempts[0], now) for trial in study.trials if trial.attempts]
    state = RecordedState(study, (), -max(began, default=0.0))
    running = [trial for trial in study.trials if trial.state == "running"]
    hosts = {trial.attempts[-1].get("host") for trial in running}
    for trial in running:
        run = _running(trial, watched.longest, now, several_hosts=len(hosts) > 1)
        state.running[trial.number] = run
    return state


def watch_screen(studies: Sequence[Watched], console: Console, now: datetime) -> Group:
    """Returns all the studies, one below the other, each with its share of the screen."""
    share = max((console.height - 1) // max(len(studies), 1), _LEAST)
    most = max((console.height - 1) // share, 1)
    parts: list[RenderableType] = []
    for watched in studies[:most]:
        lines = [study_heading(watched.study), Text(f"best  {best_words(watched.study)}")]
        if words := paused_words(watched.study):
            lines.insert(1, Text(f"paused {words}"))
        left = share - sum(len(console.render_lines(line, pad=False)) for line in lines) - 1
        parts += lines if left >= 0 else lines[:1]
        if left > _LEAST:
            parts += [Text(), screen(recorded_state(watched, now), console, NOW_S, left)]
        if watched is not studies[:most][-1]:
            parts.append(Text())
    return Group(*parts)


def _running(
    trial: TrialRecord, longest: int | None, now: datetime, *, several_hosts: bool
) -> Running:
    attempt = trial.attempts[-1]
    begun = attempt.get("from_epoch") or 0
    progress = Progress(epochs_done(trial) + 1, longest or 0, 0.0, 0.0)
    slot = str(attempt.get("slot") or attempt.get("device") or "?")
    place = f"{attempt.get('host') or '?'} {slot}" if several_hosts else slot
    return Running(trial.number, place, -_seconds_ago(attempt, now), begun, progress)


def _seconds_ago(attempt: object, now: datetime) -> float:
    started = attempt.get("started") if isinstance(attempt, dict) else None
    if not isinstance(started, str):
        return 0.0
    then = datetime.fromisoformat(started)
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max((now - then).total_seconds(), 0.0)
