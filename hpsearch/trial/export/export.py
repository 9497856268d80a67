"""A trained model exported to a file that needs no Lightning, checked to give the same outputs."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hpsearch.data import ImageData
from hpsearch.errors import InputError
from hpsearch.protocol.job import Job
from hpsearch.trial.export.exportable import (
    Example,
    Exportable,
    exportable,
    validation_examples,
)
from hpsearch.trial.export.exported import CARD, SUFFIXES, ModelMetadata, open_model, require
from hpsearch.trial.trained_model import load_trained_model

TOLERANCE = 1e-5


def export_trial(job: Job, values: dict[str, float], kind: str, target: str) -> dict[str, Any]:
    """Writes a trial's best model to one file, checked against the Lightning module.

    Args:
        job: the trial.
        values: its objectives by name, for the file's metadata.
        kind: `onnx`, `pt2` or `state`.
        target: the file; it appears once it has passed the check.

    Returns:
        `metadata` (of the file), `bytes`, `checked_on` (how many validation examples) and
        `difference` (the largest between the file's outputs and the module's).

    Raises:
        InputError: the model cannot be exported, or its outputs differ by more than 1e-5.
    """
    if kind == "onnx":
        for package in ("onnx", "onnxscript", "onnxruntime"):
            require(package, "to export to ONNX")
    module, data = load_trained_model(job)
    path = Path(target)
    beside = path.with_name(f".{path.stem}.partial{SUFFIXES[kind]}")
    metadata = _metadata(job, values, data)
    examples, difference = [], 0.0
    try:
        if kind == "state":
            _state(module, data, beside, metadata)
        else:
            model = exportable(module, data)
            examples = list(validation_examples(model, data))
            metadata = _describe(metadata, model, examples[0])
            _write(kind, model, examples[0].raw, beside, metadata)
            difference = _difference(beside, model, examples)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return {
        "metadata": vars(metadata),
        "bytes": path.stat().st_size,
        "checked_on": sum(len(example.raw[0]) for example in examples),
        "difference": difference,
    }


def _metadata(job: Job, values: dict[str, float], data: Any) -> ModelMetadata:
    """Returns what is known about a model without calling it."""
    ours = isinstance(data, ImageData)
    return ModelMetadata(
        study=job.study,
        trial=job.number,
        values=values,
        input="images" if ours else "tensors",
        shape=tuple(data.input_shape) if ours else (),
        output="outputs",
        classes=tuple(getattr(data, "class_names", ())),
    )


def _describe(metadata: ModelMetadata, model: Exportable, example: Example) -> ModelMetadata:
    shapes = [tuple(tensor.shape[1:]) for tensor in example.raw]
    return replace(
        metadata,
        input=model.input_kind,
        shape=shapes[0],
        shapes=dict(zip(model.names, shapes, strict=True)),
        output=model.output_kind,
    )


def _write(
    kind: str,
    model: Exportable,
    inputs: tuple[torch.Tensor, ...],
    path: Path,
    metadata: ModelMetadata,
) -> None:
    write: Callable[..., None] = {"onnx": _onnx, "pt2": _pt2}[kind]
    inputs = tuple(tensor[:2] for tensor in inputs)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            write(model, inputs, path, metadata)
    except (RuntimeError, TypeError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{type(model.module).__name__} cannot be exported as {kind}: {reason}; its weights"
            " can: --format state"
        ) from error


def _onnx(
    model: Exportable, inputs: tuple[torch.Tensor, ...], path: Path, metadata: ModelMetadata
) -> None:
    program = torch.onnx.export(
        model,
        inputs,
        dynamo=True,
        verbose=False,
        dynamic_shapes=_any_batch(inputs),
        input_names=list(model.names),
        output_names=[metadata.output],
    )
    assert program is not None, "torch returns a program when it is given no file"
    program.model.metadata_props[CARD] = metadata.to_json()
    program.save(path, external_data=False)


def _pt2(
    model: Exportable, inputs: tuple[torch.Tensor, ...], path: Path, metadata: ModelMetadata
) -> None:
    program = torch.export.export(model, inputs, dynamic_shapes=_any_batch(inputs))
    torch.export.save(program, path, extra_files={CARD: metadata.to_json()})


def _state(module: torch.nn.Module, data: Any, path: Path, metadata: ModelMetadata) -> None:
    normalise: Any = data.normalise if isinstance(data, ImageData) else None
    pixels = {"mean": normalise.mean, "deviation": normalise.deviation} if normalise else None
    weights = module.state_dict()
    torch.save({"state_dict": weights, "normalise": pixels, CARD: metadata.to_json()}, path)


def _any_batch(inputs: tuple[torch.Tensor, ...]) -> tuple[tuple[dict[int, Any], ...]]:
    """Returns the shapes of `forward(*tensors)`: a batch of any size, the same for all tensors."""
    batch = torch.export.Dim("batch")
    return (tuple({0: batch} for _ in inputs),)


def _difference(path: Path, model: Exportable, examples: list[Example]) -> float:
    """Returns the largest difference between the file and the module; refuses a large one."""
    exported = open_model(path)
    difference = max(
        float(np.abs(ours - theirs).max())
        for example in examples
        for ours, theirs in zip(
            exported.answer([tensor.numpy() for tensor in example.raw]),
            _expected(model, example),
            strict=True,
        )
    )
    # Written so that a NaN is refused too.
    if not difference <= TOLERANCE:
        raise InputError(
            f"the exported model differs from the Lightning module by {difference:.2g} on the"
            f" validation data, more than {TOLERANCE:g}; nothing was written"
        )
    return difference


def _expected(model: Exportable, example: Example) -> list[Any]:
    with torch.inference_mode():
        outputs = model.answer(example.prepared)
    return [each.numpy() for each in (outputs if isinstance(outputs, tuple) else (outputs,))]
