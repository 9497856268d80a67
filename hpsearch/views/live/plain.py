"""The view of a search without a terminal: one plain line for each important event."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TextIO, final

from hpsearch.protocol.messages import Progress
from hpsearch.protocol.types import Scalar
from hpsearch.search.store import StudyRecord, TrialRecord
from hpsearch.views import formatting
from hpsearch.views.formatting import spell
from hpsearch.views.ranking import epochs_done, known_values, opening_line

_SLOTS = 8  # up to this many are listed by name


@final
class PlainView:
    """Writes one line for each trial that ends, without control codes. An Observer."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream: TextIO | None = sys.stdout if stream is None else stream
        self._objectives: tuple[str, ...] = ()
        self._unit = "epoch"

    def opened(self, study: StudyRecord, slots: list[str]) -> None:
        """Writes what is on record already, and where the trials will run."""
        self._objectives, self._unit = tuple(study.objectives), study.unit
        places = ", ".join(slots) or "those of the nodes that come in"
        if len(slots) > _SLOTS:
            places = f"{slots[0]} to {slots[-1]} ({len(slots)} in all)"
        self._write(f"{opening_line(study)}; slots: {places}")

    def started(
        self, number: int, slot: str, params: Mapping[str, Scalar], from_epoch: int
    ) -> None:
        """Writes a line only if a trial continues after an interruption."""
        if from_epoch:
            self._write(f"trial {number} continues after {self._unit} {from_epoch} on {slot}")

    def progressed(self, number: int, progress: Progress) -> None:
        """Writes nothing: nobody reads a log of every batch."""

    def reported(self, number: int, step: int, values: Mapping[str, float]) -> None:
        """Writes nothing: the trial's own line comes at its end."""

    def ended(self, trial: TrialRecord) -> None:
        """Writes the trial's line."""
        self._write(trial_line(trial, self._objectives, self._unit))

    def changed(self, budget: int | None, waiting: Sequence[TrialRecord]) -> None:
        """Writes nothing: the note on the command says it."""

    def note(self, text: str) -> None:
        """Writes the note on its own line."""
        self._write(text)

    def refresh(self) -> None:
        """Does nothing: there is nothing to draw again."""

    def closed(self, study: StudyRecord) -> None:
        """Writes nothing: the command prints the final result."""

    def stop(self) -> None:
        """Does nothing: no terminal is held."""

    def _write(self, line: str) -> None:
        if self._stream is None:
            return
        try:
            print(line, file=self._stream, flush=True)
        except BrokenPipeError:
            # The reader is gone; a long search continues without it.
            self._stream = None


def trial_line(trial: TrialRecord, objectives: tuple[str, ...], unit: str = "epoch") -> str:
    """Returns a finished trial as one line: number, state, values, epochs, time, parameters."""
    epochs = epochs_done(trial)
    parts = [f"trial {trial.number} {trial.state}"]
    named = zip(objectives, known_values(trial, objectives), strict=True)
    parts += [f"{o} {formatting.metric(v)}" for o, v in named if v is not None]
    parts.append(f"{epochs} {unit}{'' if epochs == 1 else 's'}")
    parts.append("" if trial.seconds is None else spell(trial.seconds))
    parts.append(formatting.one_line(trial.params))
    if trial.state == "failed" or "failure" in trial.attributes:
        parts.append(f"failure: {trial.failure}")
    return "  ".join(part for part in parts if part)
