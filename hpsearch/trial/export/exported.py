"""Exported models: opened from their file, called with arrays, returning arrays."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, final

import numpy as np
import numpy.typing as npt
import torch

from hpsearch.classes.components import is_installed
from hpsearch.errors import InputError
from hpsearch.protocol.model_files import predictor_format

CARD = "hpsearch"  # the key of the metadata in a file
EXTRA = "pip install 'hpsearch[export]'"

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ModelMetadata:
    """The metadata of an exported file.

    Attributes:
        study: the study that the model comes from.
        trial: its trial's number.
        values: the trial's objectives by name.
        input: `images` (uint8, before any preprocessing) or `tensors` (as the module takes them).
        shape: the shape of one input, without the batch; 0 for a size that varies.
        output: `probabilities`, or `outputs` of a user's module.
        classes: the classes' names, in the order of the outputs; empty if unknown.
        shapes: the shape of each input by its name, in their order; empty in files of version
            0.2.0, which have one input.
        members: of an ensemble, the trials whose models it averages; its `trial` is the first.
        shares: the weight of each of them; they sum up to 1.
    """

    study: str
    trial: int
    values: dict[str, float]
    input: str
    shape: tuple[int, ...]
    output: str
    classes: tuple[str, ...]
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    members: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()

    def to_json(self) -> str:
        """Returns the metadata as the text that is stored in the file."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ModelMetadata:
        """Returns the metadata that `to_json` wrote."""
        fields = json.loads(text)
        listed = ("shape", "classes", "members", "shares")
        fields |= {name: tuple(fields[name]) for name in listed if name in fields}
        shapes = {name: tuple(shape) for name, shape in fields.get("shapes", {}).items()}
        return cls(**fields | {"shapes": shapes})


class Model(Protocol):
    """An exported model, opened."""

    @property
    def metadata(self) -> ModelMetadata: ...  # noqa: D102

    def __call__(self, inputs: Array) -> Array:
        """Returns the first output for a batch of inputs of the metadata's shape."""
        ...

    def answer(self, inputs: Sequence[Array]) -> list[Array]:
        """Returns every output for batches of the inputs, in the order of `metadata.shapes`."""
        ...


@final
class OnnxModel:
    """A model run by onnxruntime."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        try:
            self._session = onnxruntime.InferenceSession(
                str(path), providers=["CPUExecutionProvider"]
            )
            stored = self._session.get_modelmeta().custom_metadata_map
        except Exception as error:  # onnxruntime's own classes, which it does not export
            raise InputError(f"{path} is not a readable ONNX model: {error}") from error
        self.metadata = _card(path, stored.get(CARD))

    def __call__(self, inputs: Array) -> Array:
        """Returns the first output for a batch of inputs of the metadata's shape."""
        return self.answer([inputs])[0]

    def answer(self, inputs: Sequence[Array]) -> list[Array]:
        """Returns every output for batches of the inputs, in the order of `metadata.shapes`."""
        # An input that the outputs do not depend on is not in the graph.
        order = list(self.metadata.shapes)
        taken = {
            each.name: inputs[order.index(each.name)] if len(order) > 1 else inputs[0]
            for each in self._session.get_inputs()
        }
        return list(self._session.run(None, taken))


@final
class Pt2Model:
    """A model run by torch, from its exported program."""

    def __init__(self, path: Path) -> None:
        extra = {CARD: ""}
        # It prints the traceback of a damaged file, and raises the error as well.
        logging.getLogger("torch.export").setLevel(logging.CRITICAL)
        try:
            self._program = torch.export.load(path, extra_files=extra).module()
        except Exception as error:  # zip, JSON, pickle: a damaged file may raise any error
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise InputError(f"{path} is not an exported program: {reason[0]}") from error
        self.metadata = _card(path, extra[CARD])

    def __call__(self, inputs: Array) -> Array:
        """Returns the first output for a batch of inputs of the metadata's shape."""
        return self.answer([inputs])[0]

    def answer(self, inputs: Sequence[Array]) -> list[Array]:
        """Returns every output for batches of the inputs, in the order of `metadata.shapes`."""
        tensors = [torch.from_numpy(np.ascontiguousarray(each)) for each in inputs]
        with torch.inference_mode():
            outputs = self._program(*tensors)
        return [each.numpy() for each in (outputs if isinstance(outputs, tuple) else (outputs,))]


def open_model(path: Path) -> Model:
    """Opens an exported model, by the suffix of its file.

    Raises:
        InputError: the file is missing, of another kind, damaged, or not written by hpsearch; or
            the package that runs it is not installed.
    """
    if predictor_format(path) == "pt2":
        return Pt2Model(path)
    require("onnxruntime", "to run an ONNX model")
    return OnnxModel(path)


def require(package: str, purpose: str) -> None:
    """Raises InputError, with the command that installs it, if a package is missing."""
    if not is_installed(package):
        raise InputError(f"{purpose}, {package} is needed, which is not installed: {EXTRA}")


def _card(path: Path, text: str | None) -> ModelMetadata:
    if not text:
        raise InputError(f"{path} was not exported by hpsearch: it does not describe its input")
    try:
        return ModelMetadata.from_json(text)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        rule = "its description is damaged, or of another version"
        raise InputError(f"{path} cannot be read: {rule}; export it again") from error
