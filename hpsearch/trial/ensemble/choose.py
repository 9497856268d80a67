"""Chooses the models of a study to average, on its validation examples."""

from __future__ import annotations

import tempfile
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from hpsearch.errors import InputError
from hpsearch.internals.lightning import leaves
from hpsearch.protocol.job import Job
from hpsearch.protocol.metrics import counts_answers
from hpsearch.protocol.types import primary, sign_of
from hpsearch.trial.causes import one_line
from hpsearch.trial.ensemble.averaging import Averaging
from hpsearch.trial.ensemble.listening import Listener, Watch, recognise
from hpsearch.trial.ensemble.members import Ensemble, answer_for_all
from hpsearch.trial.ensemble.selection import LOSSES, Array, select
from hpsearch.trial.inference.inputs import first_of
from hpsearch.trial.saving import checkpoint
from hpsearch.trial.trained_model import build, evaluate, find_best

FEWEST = 2


@dataclass(frozen=True)
class _Heard:
    """The outputs of one model.

    Attributes:
        place: its place among the candidates.
        metrics: what its validation logged, by name.
        examples: a hash of the targets.
    """

    place: int
    metrics: Mapping[str, Any]
    scores: Array
    examples: str


def choose_ensemble(
    job: Job, candidates: Sequence[str], folders: Sequence[str], members: int
) -> dict[str, Any]:
    """Chooses which of a study's models to average, and keeps their checkpoints.

    Only one model at a time is in memory; their outputs are kept on disk.

    Args:
        job: the first candidate's, with the device to run on.
        candidates: jobs of the models, best first, as JSON.
        folders: where to keep the checkpoint of each, if it becomes a member.
        members: the most models to average.

    Returns:
        `members` (`place` among the candidates, `count`), `averaging`, `examples` (how many were
        used to choose), `values` and `alone` (metrics of the ensemble and of the best model, which
        is the only member if no average is better), `held_out` (the `loss` by name, of the model
        `alone` and of all `together`, on examples that took no part in the choice), `left_out`
        (`place` and `reason`); or `refused`, why there is no ensemble.
    """
    jobs = [
        replace(Job.from_json(each), device=job.device, threads=job.threads) for each in candidates
    ]
    try:
        with tempfile.TemporaryDirectory(dir=job.folder, prefix="ensemble-") as scratch:
            heard, averaging, left_out = _listen_to_all(jobs, Path(scratch))
            if len(heard) < FEWEST or averaging is None:
                raise InputError(_too_few(heard, left_out))
            found = _choose(jobs, heard, averaging, members, Path(scratch))
            for member in found["members"]:
                _keep(jobs[member["place"]], Path(folders[member["place"]]))
            return {**found, "left_out": left_out}
    except InputError as error:
        return {"refused": str(error)}


def _listen_to_all(
    jobs: Sequence[Job], scratch: Path
) -> tuple[list[_Heard], Averaging | None, list[dict[str, Any]]]:
    """Returns each model's outputs, how to average them, and which models cannot be averaged."""
    heard: list[_Heard] = []
    left_out: list[dict[str, Any]] = []
    averaging, shared = None, None
    for place, job in enumerate(jobs):
        try:
            module, own = build(job)
            if averaging is None:
                averaging, shared = recognise(job, module, own, scratch), (job, own)
            elif shared is not None and job.config.get("data") != shared[0].config.get("data"):
                _require_same_inputs(own, shared[1])
            data = own if shared is None else shared[1]
            heard.append(_listen(place, job, module, data, averaging, scratch))
            if heard[-1].examples != heard[0].examples:
                raise InputError(
                    "its validation examples are not those of the best model, or in another order;"
                    " is val_dataloader() shuffled, or does a sampler draw?"
                )
        except Exception as error:
            # The module may raise anything: it is the study's own code.
            heard = [one for one in heard if one.place != place]
            left_out.append({"place": place, "reason": _reason(error)})
    return heard, averaging, left_out


def _reason(error: Exception) -> str:
    """Returns why a model cannot be averaged."""
    if isinstance(error, InputError):
        return str(error)
    frames = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    hooks = [name for name in frames if name.startswith(("validation_step", "on_validation"))]
    if not hooks:
        return one_line(error)
    return (
        f"{one_line(error)}, in its {hooks[-1]}, which runs here without a training: read what"
        ' self.trainer has only during one only if self.trainer.state.fn == "fit"'
    )


def _listen(
    place: int, job: Job, module: Any, data: Any, averaging: Averaging, scratch: Path
) -> _Heard:
    """Returns the outputs of a model in its validation."""
    listener = Listener(module.forward, averaging, scratch / f"{place}.scores")
    module.forward = listener
    apart = replace(job, folder=str(scratch))
    metrics = evaluate("validate", apart, module, data, find_best(job), Watch(listener))
    return _Heard(place, metrics, listener.scores(), listener.examples)


def _choose(
    jobs: Sequence[Job],
    heard: Sequence[_Heard],
    averaging: Averaging,
    members: int,
    scratch: Path,
) -> dict[str, Any]:
    scores = [one.scores for one in heard]
    if len(scores[0]) < FEWEST:
        raise InputError("there is only one validation example, too few to choose by")
    loss = _loss_for(averaging, primary(jobs[0].objectives)[0])
    selection = select(scores, LOSSES[loss], members, jobs[0].study_seed)
    counted = zip(selection.counts, heard, strict=True)
    chosen = sorted(((count, one.place) for count, one in counted if count), key=_first)
    kept = [{"place": place, "count": count} for count, place in chosen]
    alone = _best(heard, jobs[0])
    values = alone.metrics
    if len(kept) > 1:
        values = _measure(jobs, kept, averaging, scratch)
        if _is_worse(values, alone.metrics, jobs[0]):
            kept, values = [], alone.metrics
    return {
        "members": kept if len(kept) > 1 else [{"place": alone.place, "count": 1}],
        "averaging": asdict(averaging),
        "examples": len(scores[0]),
        "values": dict(values),
        "alone": {"place": alone.place, "values": dict(alone.metrics)},
        "held_out": {"alone": selection.alone, "together": selection.together, "loss": loss},
    }


def _loss_for(averaging: Averaging, objective: str) -> str:
    """Returns the name of the loss that an average is chosen by."""
    if averaging.kind == "values":
        return "squared error"
    return "log loss of doubtful answers" if counts_answers(objective) else "log loss"


def _measure(
    jobs: Sequence[Job], members: Sequence[Mapping[str, int]], averaging: Averaging, scratch: Path
) -> dict[str, Any]:
    """Returns the metrics of an ensemble, logged by the steps of its first member."""
    chosen = [jobs[one["place"]] for one in members]
    counts = [one["count"] for one in members]
    module, data = build(chosen[0])
    answer_for_all(module, Ensemble([job.to_json() for job in chosen], counts, asdict(averaging)))
    apart = replace(chosen[0], folder=str(scratch))
    return evaluate("validate", apart, module, data, find_best(chosen[0]))


def _is_worse(ours: Mapping[str, Any], theirs: Mapping[str, Any], job: Job) -> bool:
    """Returns whether an ensemble is worse than one model in the study's first objective.

    The selection uses a loss of ours. If the objective is not logged in the validation, or is the
    same for both, that loss decides: the model's value is the best of several, and was chosen.
    """
    metric, direction = primary(job.objectives)
    if metric not in ours or metric not in theirs:
        return False
    return bool(sign_of(direction) * (ours[metric] - theirs[metric]) < 0)


def _first(counted: tuple[int, int]) -> tuple[int, int]:
    return -counted[0], counted[1]


def _best(heard: Sequence[_Heard], job: Job) -> _Heard:
    """Returns the best model by the first objective; the first model if that is not logged."""
    metric, direction = primary(job.objectives)
    having = [one for one in heard if metric in one.metrics]
    sign = sign_of(direction)
    return max(having, key=lambda one: sign * one.metrics[metric], default=heard[0])


def _keep(job: Job, folder: Path) -> None:
    """Links a model's checkpoint, which the study may remove later."""
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint.keep(Path(job.folder) / checkpoint.BEST, folder / checkpoint.BEST)


def _require_same_inputs(own: Any, first: Any) -> None:
    """Rejects a model whose data module prepares different inputs than that of the first model."""
    parts = [
        [each for each in leaves(_validation_batch(data)) if isinstance(each, torch.Tensor)]
        for data in (own, first)
    ]
    same = len(parts[0]) == len(parts[1]) and all(
        torch.equal(a[: len(b)], b[: len(a)]) for a, b in zip(*parts, strict=True)
    )
    if not same:
        raise InputError("its data module prepares different inputs than that of the best model")


def _validation_batch(data: Any) -> Any:
    loader = first_of(data.val_dataloader(), Mapping)
    return data.on_after_batch_transfer(next(iter(loader)), 0)


def _too_few(heard: Sequence[_Heard], left_out: Sequence[Mapping[str, Any]]) -> str:
    reasons = "; ".join(dict.fromkeys(one["reason"] for one in left_out))
    return f"{len(heard)} of {len(heard) + len(left_out)} models can be averaged: {reasons}"
