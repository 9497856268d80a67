"""The result of a search for Python: tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, final

import optuna

from hpsearch.errors import InputError
from hpsearch.protocol.layout import trial_folder
from hpsearch.protocol.messages import Report
from hpsearch.protocol.types import Scalar, primary
from hpsearch.search.store import StoredStudy, StudyRecord, TrialRecord, own_reports
from hpsearch.views.ranking import progress_line
from hpsearch.views.tables import best_words, study_html

if TYPE_CHECKING:
    import pandas
    import plotly.graph_objects

FigureName = Literal[
    "history", "curves", "importance", "slice", "parallel", "contour", "pareto", "timeline"
]
# Optuna's function for each, by name: loading them takes longer than reading a study.
_FIGURES = {
    "history": "plot_optimization_history",
    "curves": "plot_intermediate_values",
    "importance": "plot_param_importances",
    "slice": "plot_slice",
    "parallel": "plot_parallel_coordinate",
    "contour": "plot_contour",
    "pareto": "plot_pareto_front",
    "timeline": "plot_timeline",
}
_OF_ONE_OBJECTIVE = {"history", "importance", "slice", "parallel", "contour"}
_IN_TABLE = ("parameters", "epochs", "best_step", "gap")


@final
class Result:
    """A study as it was in the database when this object was made.

    Args:
        stored: the study.

    Attributes:
        record: the study and its trials, as plain records.
        optuna: the same as an Optuna study, for whatever is missing here.
    """

    def __init__(self, stored: StoredStudy) -> None:
        self.record: StudyRecord = stored.record()
        self.optuna: optuna.Study = stored.study

    @property
    def trials(self) -> tuple[TrialRecord, ...]:
        """Every trial, by number."""
        return self.record.trials

    @property
    def best_trial(self) -> TrialRecord:
        """The best complete trial, by the first objective.

        Raises:
            InputError: none is complete.
        """
        if self.record.best is None:
            raise InputError(f"no trial of {self.record.name} is complete yet")
        return self.record.best

    @property
    def best_value(self) -> float:
        """The first objective of the best trial.

        Raises:
            InputError: none is complete.
        """
        values = self.best_trial.values
        assert values, "a trial without values cannot be the best"
        return values[0]

    @property
    def best_params(self) -> Mapping[str, Scalar]:
        """The parameters of the best trial, by name.

        Raises:
            InputError: none is complete.
        """
        return self.best_trial.params

    @property
    def confirmation(self) -> Mapping[str, Any] | None:
        """The result of `confirm`, as `hpsearch confirm --json` prints it; None before."""
        return self.record.confirmation

    @property
    def ensemble(self) -> Mapping[str, Any] | None:
        """The result of `ensemble`, as `hpsearch ensemble --json` prints it; None before."""
        return self.record.ensemble

    def __repr__(self) -> str:
        record = self.record
        best = f"; best {best_words(record)}" if record.trials else ""
        return f"Result({record.name!r}: {record.state}, {progress_line(record)}{best})"

    def _repr_html_(self) -> str:
        return study_html(self.record)

    def trials_dataframe(self) -> pandas.DataFrame:
        """Returns a row for each trial.

        Columns: `number`, `state`, each objective, `seconds`, `device`, `parameters` (count),
        `epochs`, `best_step`, `gap` (of training over validation), then each parameter by name.

        Raises:
            InputError: pandas is not installed.
        """
        return _table([self._row(trial) for trial in self.record.trials])

    def curves_dataframe(self) -> pandas.DataFrame:
        """Returns a row for each trial and epoch, with every metric that was logged.

        Raises:
            InputError: pandas is not installed.
        """
        folder = Path(self.record.runs) / self.record.name
        return _table(
            [
                {"number": trial.number, "epoch": step, **report.metrics}
                for trial in self.record.trials
                for step, report in self._reports(trial, folder).items()
            ]
        )

    def figure(self, name: FigureName = "history") -> plotly.graph_objects.Figure:
        """Returns a plotly figure; a notebook shows it, `write_html` and `write_image` save it.

        Args:
            name: `history`, `curves` (one objective), `importance`, `slice`, `parallel`,
                `contour`, `pareto` (several objectives) or `timeline`.

        Raises:
            InputError: there is no such figure.
        """
        if name not in _FIGURES:
            raise InputError(f"there is no figure {name!r}; write one of {', '.join(_FIGURES)}")
        from optuna import visualization

        plot = getattr(visualization, _FIGURES[name])
        if name not in _OF_ONE_OBJECTIVE:
            return plot(self.optuna)
        objective = primary(self.record.objectives)[0]
        return plot(self.optuna, target=lambda trial: trial.values[0], target_name=objective)

    def _reports(self, trial: TrialRecord, folder: Path) -> dict[int, Report]:
        place = folder / trial_folder(trial.number)
        reports = own_reports(place, self.record.id, trial.number, trial.params)
        return {report.step: report for report in reports}

    def _row(self, trial: TrialRecord) -> dict[str, Any]:
        values = trial.values or (None,) * len(self.record.objectives)
        return {
            "number": trial.number,
            "state": trial.state,
            **dict(zip(self.record.objectives, values, strict=True)),
            "seconds": trial.seconds,
            "device": trial.device,
            **{name: trial.attributes.get(name) for name in _IN_TABLE},
            **trial.params,
        }


def _table(rows: Sequence[Mapping[str, Any]]) -> pandas.DataFrame:
    try:
        import pandas
    except ImportError:
        raise InputError(
            "tables need pandas: pip install 'hpsearch[notebook]'; without it, `result.trials` has"
            " the same as plain records"
        ) from None
    return pandas.DataFrame(rows)
