"""A trained model exported to a file that needs no Lightning, checked to give the same outputs."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hpsearch.data import ImageData
from hpsearch.errors import InputError
from hpsearch.protocol.job import Job
from hpsearch.protocol.model_files import ANY
from hpsearch.protocol.whole_file import written_whole
from hpsearch.trial.export.exportable import (
    Example,
    Exportable,
    exportable,
    validation_examples,
)
from hpsearch.trial.export.exported import CARD, Model, ModelMetadata, open_model, require
from hpsearch.trial.trained_model import load_trained_model

TOLERANCE = 1e-5
# What torch and onnxruntime say of a graph that takes only as many examples as it was traced with.
_FIXED_BATCH = re.compile(r"Constraints violated \(batch\)|index: 0 Got: \d+ Expected: \d+")


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
        InputError: the model cannot be exported, or its outputs differ by more than 1e-5
            of the largest one, or of 1.
    """
    require_packages(kind)
    module, data = load_trained_model(job)
    metadata = describe(job, values, data)
    if kind == "state":
        content = {"state_dict": module.state_dict(), "normalise": pixels_of(data)}
        return write_state(content, metadata, target)
    loading = module if data is None else data
    return write_graph(kind, exportable(module, loading), loading, metadata, target)


def require_packages(kind: str) -> None:
    """Raises InputError with the command that installs it if a format's package is missing."""
    for package in ("onnx", "onnxscript", "onnxruntime") if kind == "onnx" else ():
        require(package, "to export to ONNX")


def write_graph(
    kind: str, model: Exportable, data: Any, metadata: ModelMetadata, target: str
) -> dict[str, Any]:
    """Writes a model as a graph, and checks that its outputs are the same; see `export_trial`."""
    examples = list(validation_examples(model, data))
    metadata = _with_shapes(metadata, model, examples)
    with written_whole(Path(target)) as beside:
        _write(kind, model, examples, beside, metadata)
        difference = _difference(beside, model, examples)
    return _written(target, metadata, sum(len(example.raw[0]) for example in examples), difference)


def write_state(content: dict[str, Any], metadata: ModelMetadata, target: str) -> dict[str, Any]:
    """Writes weights, and what else is given; see `export_trial`."""
    torch.save({**content, CARD: metadata.to_json()}, whole := BytesIO())
    with written_whole(Path(target)) as beside:
        beside.write_bytes(whole.getbuffer())
    return _written(target, metadata)


def _written(
    target: str, metadata: ModelMetadata, checked_on: int = 0, difference: float = 0.0
) -> dict[str, Any]:
    return {
        "metadata": vars(metadata),
        "bytes": Path(target).stat().st_size,
        "checked_on": checked_on,
        "difference": difference,
    }


def describe(job: Job, values: dict[str, float], data: Any) -> ModelMetadata:
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


def _with_shapes(
    metadata: ModelMetadata, model: Exportable, examples: list[Example]
) -> ModelMetadata:
    shapes = [
        tuple(ANY if n in varied else size for n, size in enumerate(tensor.shape) if n)
        for tensor, varied in zip(examples[0].raw, _varied(examples), strict=True)
    ]
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
    examples: list[Example],
    path: Path,
    metadata: ModelMetadata,
) -> None:
    write: Callable[..., None] = {"onnx": _onnx, "pt2": _pt2}[kind]
    inputs = tuple(tensor[:2] for tensor in examples[0].raw)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            write(model, inputs, path, metadata, _any_batch(examples))
    except (RuntimeError, TypeError, ValueError) as error:
        reason = _reason((str(error).strip() or type(error).__name__).splitlines()[0])
        raise InputError(
            f"{type(model.module).__name__} cannot be exported as {kind}: {reason}; its weights"
            " can: --format state"
        ) from error


def _reason(said: str) -> str:
    """Returns why a model cannot be exported, from what torch or onnxruntime says."""
    if not _FIXED_BATCH.search(said):
        return said
    return (
        "its forward fixes how many examples there are in a batch, as len(x) does; write"
        " x.shape[0] for len(x)"
    )


def _onnx(
    model: Exportable,
    inputs: tuple[torch.Tensor, ...],
    path: Path,
    metadata: ModelMetadata,
    shapes: Any,
) -> None:
    program = torch.onnx.export(
        model,
        inputs,
        dynamo=True,
        verbose=False,
        dynamic_shapes=shapes,
        input_names=list(model.names),
        output_names=[metadata.output],
    )
    assert program is not None, "torch returns a program when it is given no file"
    # torch names a result by its operation, and does not see that an input `cat` is called so.
    for result in (each for node in program.model.graph for each in node.outputs):
        if result.name in model.names:
            result.name += "_result"
    program.model.metadata_props[CARD] = metadata.to_json()
    program.save(path, external_data=False)


def _pt2(
    model: Exportable,
    inputs: tuple[torch.Tensor, ...],
    path: Path,
    metadata: ModelMetadata,
    shapes: Any,
) -> None:
    program = torch.export.export(model, inputs, dynamic_shapes=shapes)
    # To memory first: where the disk is full, torch would end the process.
    torch.export.save(program, whole := BytesIO(), extra_files={CARD: metadata.to_json()})
    path.write_bytes(whole.getbuffer())


def pixels_of(data: Any) -> dict[str, Any] | None:
    """Returns the mean and the deviation of the pixels, for our own data module."""
    normalise: Any = data.normalise if isinstance(data, ImageData) else None
    return {"mean": normalise.mean, "deviation": normalise.deviation} if normalise else None


def _any_batch(examples: list[Example]) -> tuple[tuple[dict[int, Any], ...]]:
    """Returns the shapes of `forward(*tensors)`: a batch of any size, the same for all tensors.

    What else varies among the examples, such as the length of a text, may be of any size, too.
    """
    batch, other = torch.export.Dim("batch"), torch.export.Dim.DYNAMIC
    varied = _varied(examples)
    return (tuple({0: batch, **dict.fromkeys(each, other)} for each in varied),)


def _varied(examples: list[Example]) -> list[list[int]]:
    """Returns which dimensions of each input differ between batches, besides the first."""
    sizes = zip(*([tensor.shape for tensor in example.raw] for example in examples), strict=True)
    return [
        [n for n, size in enumerate(zip(*each, strict=False)) if n and len({*size}) > 1]
        for each in sizes
    ]


def _difference(path: Path, model: Exportable, examples: list[Example]) -> float:
    """Returns the largest difference between the file and the module; raises if it is large."""
    exported = open_model(path)
    differences, allowed = [0.0], TOLERANCE
    for example in examples:
        for ours, theirs in zip(_answer(exported, example), _expected(model, example), strict=True):
            differences.append(float(np.abs(ours - theirs).max()))
            # Of large outputs, the last digits are large as well.
            allowed = max(allowed, TOLERANCE * float(np.abs(theirs).max()))
    difference = float(np.max(differences))
    # Written so that a NaN is rejected, too.
    if not difference <= allowed:
        raise InputError(
            f"the exported model differs from the Lightning module by {difference:.2g} on the"
            f" validation data, more than {allowed:.2g}; nothing was written"
        )
    return difference


def _answer(exported: Model, example: Example) -> list[Any]:
    try:
        return exported.answer([tensor.numpy() for tensor in example.raw])
    except Exception as error:  # onnxruntime's own classes, which it does not export
        reason = _reason(" ".join(str(error).split()))
        raise InputError(
            f"the exported model cannot be run on the validation data: {reason}; nothing was"
            " written. The weights alone can be: --format state"
        ) from error


def _expected(model: Exportable, example: Example) -> list[Any]:
    with torch.inference_mode():
        outputs = model.answer(example.prepared)
    return [each.numpy() for each in (outputs if isinstance(outputs, tuple) else (outputs,))]
