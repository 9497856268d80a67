"""Why a trial continued, paused or was pruned: kept with the trial, and never decided twice.

Optuna's pruners only say yes or no. Those that keep their state (`search/pruners`) also say what
they compared; of the others it is computed here, or only what was asked is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial

from hpsearch.internals.optuna import storage_of
from hpsearch.protocol.types import primary, sign_of
from hpsearch.search.pruners import KeptPruner
from hpsearch.search.rungs import RungDecision
from hpsearch.search.store.keys import DECISIONS
from hpsearch.studyfile.algorithms import PRUNERS
from hpsearch.studyfile.sections import report_unit
from hpsearch.studyfile.study import StudySpec


def kept_decision(trial: Trial, step: int) -> RungDecision | None:
    """Returns what was decided last after an epoch; None if the trial just continued."""
    for kept in reversed(trial.user_attrs.get(DECISIONS, ())):
        if kept["step"] == step:
            return RungDecision(kept["action"], kept["rung"], kept["reason"])
    return None


def keep_decision(
    trial: Trial, step: int, decision: RungDecision, value: float | None = None
) -> None:
    """Writes a decision with the trial.

    Args:
        trial: the trial.
        step: epochs done.
        decision: what was decided, and why.
        value: of the objective after that epoch; None where no report was decided on.
    """
    entry = {
        "step": step,
        "value": value,
        "action": decision.action,
        "rung": decision.rung,
        "reason": decision.reason,
    }
    trial.set_user_attr(DECISIONS, [*trial.user_attrs.get(DECISIONS, ()), entry])


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
    """Returns the best value of a trial's last reports, against that of all before them."""
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
    """Returns over how many reports a trial's values are behind those of the best one."""
    both = len(trial.intermediate_values.keys() & best.intermediate_values.keys())
    threshold = float(arguments.get("p_threshold", 0.1))
    return (
        f"its {metric} is behind that of trial {best.number}, the best, over {both} {unit}s"
        f" (Wilcoxon signed-rank test, p below {threshold:g})"
    )
