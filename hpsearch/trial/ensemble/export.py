"""An ensemble written to one file, with the preprocessing of each member inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from hpsearch.errors import InputError
from hpsearch.protocol.job import Job
from hpsearch.trial.ensemble.averaging import Averaging
from hpsearch.trial.ensemble.members import Ensemble
from hpsearch.trial.export.export import (
    describe,
    pixels_of,
    require_packages,
    write_graph,
    write_state,
)
from hpsearch.trial.export.exportable import Exportable, exportable
from hpsearch.trial.trained_model import load_trained_model


class _Average(Exportable):
    """Several exportable models as one, which returns their average."""

    def __init__(
        self, models: Sequence[Exportable], shares: Sequence[float], averaging: Averaging
    ) -> None:
        first: Any = models[0]
        super().__init__(first.module, first.inputs, first.normalise)
        self.models = torch.nn.ModuleList(models)
        self._shares = shares
        # Our own models return probabilities, whatever was averaged.
        ours = self.output_kind == "probabilities"
        self._averaging = Averaging("probabilities", 1) if ours else averaging

    def forward(self, *tensors: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Maps the inputs of one of the models to their average output."""
        return self._mean([model(*tensors) for model in self.models])

    def answer(self, tensors: tuple[Tensor, ...]) -> Tensor | tuple[Tensor, ...]:
        """Returns the same without the preprocessing."""
        answers = [model.answer(tensors) for model in self.models if isinstance(model, Exportable)]
        return self._mean(answers)

    def _mean(self, answers: Sequence[Any]) -> Tensor:
        if not all(isinstance(answer, Tensor) for answer in answers):
            raise InputError("the members of an ensemble return several tensors each")
        weighted = zip(self._shares, answers, strict=True)
        parts = [share * self._averaging.to_mean(answer) for share, answer in weighted]
        return self._averaging.from_mean(torch.stack(parts).sum(0))


def export_ensemble(
    ensemble: Mapping[str, Any], values: dict[str, float], kind: str, target: str
) -> dict[str, Any]:
    """Writes an ensemble to one file, as `export_trial` writes a model; returns the same.

    Args:
        ensemble: the fields of an `Ensemble`.
        values: its objectives by name, for the file's metadata.
        kind: `onnx`, `pt2` or `state`, which has the weights of each member.
        target: the file.
    """
    require_packages(kind)
    given = Ensemble(**ensemble)
    jobs = [Job.from_json(job) for job in given.jobs]
    loaded = [load_trained_model(job) for job in jobs]
    names = tuple(f"{job.study}, trial {job.number}" for job in jobs)
    metadata = replace(
        describe(jobs[0], values, loaded[0][1]), members=names, shares=tuple(given.shares)
    )
    if kind == "state":
        weights = [module.state_dict() for module, _ in loaded]
        pixels = [pixels_of(data) for _, data in loaded]
        return write_state({"state_dicts": weights, "normalise": pixels}, metadata, target)
    loading = [module if data is None else data for module, data in loaded]
    models = [exportable(module, data) for (module, _), data in zip(loaded, loading, strict=True)]
    model = _Average(models, given.shares, Averaging(**given.averaging)).eval()
    return write_graph(kind, model, loading[0], metadata, target)
