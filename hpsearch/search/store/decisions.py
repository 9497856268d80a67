"""Why a trial continued, paused or was pruned: kept with the trial, and never decided twice.

Optuna's pruners only answer yes or no. Those that keep a state (`search/pruners`) also say what
they compared. For two others it is computed here; for the rest, only the value is recorded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial

from hpsearch.internals.optuna import storage_of
from hpsearch.protocol.job import identity_of
from hpsearch.protocol.messages import Report
from hpsearch.protocol.types import primary, sign_of
from hpsearch.search.pruners import KeptPruner
from hpsearch.search.rungs import RungDecision
from hpsearch.search.store.keys import DECISIONS, SECONDS
from hpsearch.studyfile.algorithms import PRUNERS
from hpsearch.studyfile.sections import report_unit
from hpsearch.studyfile.study import StudySpec

_FIELDS = {"step": int, "action": str, "rung": int, "reason": str}


class Decisions:
    """The decisions on a study's trials, kept with each trial and in the study's own folder.

    Args:
        folder: the study's, in case the database is lost; None keeps nothing there.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._file = None if folder is None else folder / "decisions.jsonl"
        self._decided: dict[int, int] = {}  # by trial, up to which step

    def find(self, trial: Trial, step: int) -> RungDecision | None:
        """Returns the last decision after an epoch; None if there is none yet."""
        for kept in reversed(trial.user_attrs.get(DECISIONS, ())):
            if kept["step"] == step:
                return RungDecision(kept["action"], kept["rung"], kept["reason"])
        return RungDecision("continue") if step <= self._decided.get(trial.number, 0) else None

    def recall(self, trial: Trial, report: Report) -> None:
        """Marks a report as decided if the database shows that it was.

        The seconds of a report are written after the decision on it.
        """
        if round(report.seconds, 3) <= trial.user_attrs.get(SECONDS, -1.0):
            self.note(trial, report.step)

    def note(self, trial: Trial, step: int) -> None:
        """Records that the decision after an epoch was made."""
        self._decided[trial.number] = max(step, self._decided.get(trial.number, 0))

    def keep(
        self, trial: Trial, step: int, decision: RungDecision, value: float | None = None
    ) -> None:
        """Writes a decision with the trial.

        Args:
            trial: the trial.
            step: epochs done.
            decision: what was decided, and why.
            value: of the objective after that epoch; None if the decision was not on a report.
        """
        entry = {
            "step": step,
            "value": value,
            "action": decision.action,
            "rung": decision.rung,
            "reason": decision.reason,
        }
        trial.set_user_attr(DECISIONS, [*trial.user_attrs.get(DECISIONS, ()), entry])
        if self._file is None:
            return
        line = {
            "trial": trial.number,
            "parameters": identity_of("", 0, trial.params, 0)["parameters"],
            **entry,
        }
        # A full disk does not stop the search.
        with suppress(OSError), self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def read_decisions(folder: Path) -> dict[tuple[int, str], list[dict[str, Any]]]:
    """Returns the decisions in a study's folder, by trial and hash of its parameters."""
    file, found = folder / "decisions.jsonl", dict[tuple[int, str], list[dict[str, Any]]]()
    for line in file.read_bytes().splitlines() if file.is_file() else ():
        with suppress(ValueError, KeyError, TypeError, AttributeError):  # torn by a kill
            entry = json.loads(line)
            whose = entry.pop("trial"), entry.pop("parameters")
            if not all(isinstance(entry[name], kind) for name, kind in _FIELDS.items()):
                continue
            # A search that was killed may have made and written the same decision again.
            if entry not in found.setdefault(whose, []):
                found[whose].append(entry)
    return found


def why_pruned(spec: StudySpec, study: optuna.Study, number: int) -> str:
    """Returns which pruner has just pruned a trial, and what it compared.

    Args:
        spec: what is searched.
        study: the study in memory, with its pruner.
        number: the trial.
    """
    trial = storage_of(study).get_trial(number)
    metric, direction = primary(spec.objectives)
    unit = report_unit(spec.document.get("trainer"))
    if isinstance(study.pruner, KeptPruner):
        found = study.pruner.reason(study, trial, metric, unit)
    elif spec.pruner.class_path == PRUNERS["patient"]:
        found = _of_patience(spec.pruner.init_args, trial, metric, sign_of(direction), unit)
    elif spec.pruner.class_path == PRUNERS["wilcoxon"]:
        found = _of_wilcoxon(spec.pruner.init_args, trial, metric, study.best_trial, unit)
    else:
        step = max(trial.intermediate_values)
        found = f"{metric} was {trial.intermediate_values[step]:.4g} after {unit} {step}"
    return f"by {_class_name(spec.pruner.class_path)}: {found}"


def _class_name(class_path: str) -> str:
    return class_path.rpartition(".")[2]


def _of_patience(
    arguments: Mapping[str, Any], trial: FrozenTrial, metric: str, sign: int, unit: str
) -> str:
    """Returns the best value of a trial's last reports, compared with the best one before."""
    curve = [value for _, value in sorted(trial.intermediate_values.items())]
    last = int(arguments["patience"]) + 1
    before, after = (
        max(values, key=lambda value: sign * value) for values in (curve[:-last], curve[-last:])
    )
    recent = f"last {last} {unit}s" if last > 1 else f"last {unit}"
    found = (
        f"the best {metric} of its {recent} is {after:.4g}, behind {before:.4g}, the best before"
    )
    wrapped = arguments.get("wrapped_pruner")
    if not isinstance(wrapped, Mapping):
        return found
    return f"{found}; {_class_name(str(wrapped.get('class_path')))} ends it, too"


def _of_wilcoxon(
    arguments: Mapping[str, Any], trial: FrozenTrial, metric: str, best: FrozenTrial, unit: str
) -> str:
    """Returns over how many reports a trial is behind the best trial."""
    both = len(trial.intermediate_values.keys() & best.intermediate_values.keys())
    threshold = float(arguments.get("p_threshold", 0.1))
    return (
        f"its {metric} is behind that of trial {best.number}, the best, over {both} {unit}s"
        f" (Wilcoxon signed-rank test, p below {threshold:g})"
    )
