"""Which checkpoints of a study stay on disk: those that may still be wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hpsearch.search.results import TrialRecord, trial_folder
from hpsearch.spec.job import Direction

TO_RESUME = ("last", "previous")
ALL = (*TO_RESUME, "best")
FINISHED = ("complete", "pruned", "failed")


class Retention:
    """Removes checkpoints that a finished trial needs no more, and those that are beaten.

    A trial that can be resumed keeps all of its own. A finished one keeps at most its best, and
    only while it is among the best trials; with several objectives none is beaten in all of them
    for certain, so every complete trial keeps its best.

    Args:
        folder: the study's folder of trials.
        objectives: metric names and directions; the first one ranks the trials.
        keep: how many of the best complete trials keep their best checkpoint.
        disk_budget: bytes that these may take together; None for no limit. The best one stays.
    """

    def __init__(
        self,
        folder: Path,
        objectives: Mapping[str, Direction],
        keep: int,
        disk_budget: int | None,
    ) -> None:
        self._folder = folder
        self._sign = 1 if next(iter(objectives.values())) == "maximize" else -1
        self._several = len(objectives) > 1
        self._keep = keep
        self._disk_budget = disk_budget
        self._removed: set[Path] = set()

    def tidy(self, trials: Sequence[TrialRecord]) -> None:
        """Removes what is not kept, of all trials as they stand now."""
        kept = {trial.number for trial in self._kept(trials)}
        for trial in trials:
            if trial.state in FINISHED:
                for name in TO_RESUME if trial.number in kept else ALL:
                    self._remove(self._checkpoint(trial, name))

    def _kept(self, trials: Sequence[TrialRecord]) -> list[TrialRecord]:
        """Returns the trials that keep their best checkpoint, the best of them first."""
        complete = [trial for trial in trials if trial.state == "complete" and trial.values]
        ranked = sorted(
            complete, key=lambda trial: self._sign * (trial.values or (0.0,))[0], reverse=True
        )
        ranked = ranked if self._several else ranked[: self._keep]
        if self._disk_budget is None:
            return ranked
        room = self._disk_budget
        kept: list[TrialRecord] = []
        for trial in ranked:
            path = self._checkpoint(trial, "best")
            room -= path.stat().st_size if path.exists() else 0
            if kept and room < 0:
                break
            kept.append(trial)
        return kept

    def _checkpoint(self, trial: TrialRecord, name: str) -> Path:
        return self._folder / trial_folder(trial.number) / f"{name}.ckpt"

    def _remove(self, path: Path) -> None:
        if path in self._removed:
            return
        path.unlink(missing_ok=True)
        path.with_suffix(".json").unlink(missing_ok=True)
        self._removed.add(path)
