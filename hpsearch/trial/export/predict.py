"""Labels image files with an exported model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from hpsearch.data.decode import UnreadablePicture, decode, read_picture
from hpsearch.errors import InputError
from hpsearch.trial.export.exported import Array, Model, ModelMetadata, open_model

_AT_ONCE = 256


def predict(model: str, images: Sequence[str]) -> dict[str, Any]:
    """Labels image files.

    Args:
        model: an `.onnx` or `.pt2` file that `export` wrote.
        images: PNG, JPEG or other picture files; each is converted to the model's colours and size.

    Returns:
        `metadata` (of the model) and `rows`, one per file: `file`, `label`, `score` (a probability
        if the metadata say so), and `changed`, how the picture was converted.

    Raises:
        InputError: the model cannot be used, or pictures cannot be read; the message names all of
            them.
    """
    opened = open_model(Path(model))
    if opened.metadata.input != "images":
        is_torch = Path(model).suffix == ".pt2"
        call = f'torch.export.load("{model}").module()' if is_torch else "onnxruntime"
        raise InputError(
            f"{model} takes tensors as its own data module makes them, not image files: run it from"
            f" Python, with {call}"
        )
    shape = _image_shape(opened.metadata)
    pictures, pixels = _read([Path(image) for image in images], shape)
    outputs = _in_batches(opened, pixels)
    best = outputs.argmax(axis=1)
    return {
        "metadata": vars(opened.metadata),
        "rows": [
            {
                "file": str(image),
                "label": opened.metadata.classes[index],
                "score": float(scores[index]),
                "changed": _changed(picture, shape),
            }
            for image, picture, scores, index in zip(images, pictures, outputs, best, strict=True)
        ],
    }


def _read(
    paths: Sequence[Path], shape: tuple[int, int, int]
) -> tuple[list[Image.Image], npt.NDArray[np.uint8]]:
    """Returns the pictures of some files, and their pixels, uint8 `(N, C, H, W)`."""
    pictures, pixels, errors = [], [], []
    for path in paths:
        try:
            pictures.append(read_picture(path))
            pixels.append(decode(pictures[-1], shape))
        except UnreadablePicture as error:
            errors.append(f"{path}: {error}")
    if errors:
        raise InputError("\n       ".join(errors))
    return pictures, np.stack(pixels)


def _in_batches(model: Model, pixels: Array) -> Array:
    starts = range(0, len(pixels), _AT_ONCE)
    return np.concatenate([model(pixels[start : start + _AT_ONCE]) for start in starts])


def _image_shape(metadata: ModelMetadata) -> tuple[int, int, int]:
    channels, height, width = metadata.shape
    return channels, height, width


def _changed(picture: Image.Image, shape: tuple[int, int, int]) -> str:
    channels, height, width = shape
    colours = "L" if channels == 1 else "RGB"
    changes = []
    if picture.mode != colours:
        changes.append(f"{picture.mode} to {colours}")
    if picture.size != (width, height):
        changes.append(f"{picture.width}x{picture.height} to {width}x{height}")
    return ", ".join(changes)
