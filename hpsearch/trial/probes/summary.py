"""A model's layers, with their shapes and parameter counts."""

from __future__ import annotations

from typing import Any

import torch

from hpsearch.classes.signature import RefusedValuesError
from hpsearch.errors import InputError
from hpsearch.protocol.job import Job
from hpsearch.trial.causes import one_line
from hpsearch.trial.inference.cost import known_size
from hpsearch.trial.training import build_data, build_module, prepare


def summary(job: Job) -> dict[str, Any]:
    """Returns the layers that the job's model passes an image through.

    Shapes are those of a batch of one; they are left out where the module has no
    `example_input_array`.

    Returns:
        `rows`, each with `name`, `type`, `input_shape`, `output_shape`, `parameters` (None for a
        lazy layer, whose size only data show); `total` of the parameters, None if one is unknown.

    Raises:
        InputError: the model cannot be built with these values.
    """
    job = prepare(job)
    try:
        module = build_module(job, build_data(job))
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        named = job.config["model"]["class_path"]
        values = {name: value for name, value in job.params.items() if name.startswith("model.")}
        pairs = ", ".join(f"{name}={value}" for name, value in values.items())
        setting = f" with {pairs}" if values else ""
        advice = f"; --set {next(iter(values))}=... chooses another value" if values else ""
        is_refused = isinstance(error, RefusedValuesError)
        cause = str(error) if is_refused else one_line(error)
        raise InputError(f"{named} cannot be built{setting}: {cause}{advice}") from error
    shapes = _shapes(module)
    rows = [
        {
            "name": name,
            "type": type(layer).__name__,
            "input_shape": shapes.get(name, (None, None))[0],
            "output_shape": shapes.get(name, (None, None))[1],
            "parameters": known_size(layer).get("parameters"),
        }
        for name, layer in module.named_modules()
        if name and not list(layer.children())
    ]
    return {"rows": rows, "total": known_size(module).get("parameters")}


def _shapes(module: Any) -> dict[str, tuple[list[int] | None, list[int] | None]]:
    """Runs the example once, noting what goes into and out of every layer."""
    example = getattr(module, "example_input_array", None)
    if not isinstance(example, torch.Tensor):
        return {}
    shapes: dict[str, tuple[list[int] | None, list[int] | None]] = {}

    def note(name: str) -> Any:
        return lambda _, inputs, output: shapes.update({name: (_shape(inputs[0]), _shape(output))})

    handles = [layer.register_forward_hook(note(name)) for name, layer in module.named_modules()]
    module.eval()
    with torch.inference_mode():
        module(example[:1])
    for handle in handles:
        handle.remove()
    return shapes


def _shape(value: Any) -> list[int] | None:
    return list(value.shape) if isinstance(value, torch.Tensor) else None
