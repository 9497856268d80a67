"""A trained model on the validation split: which classes it confuses, and in which images."""

from __future__ import annotations

import io
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from hpsearch.data import ImageData
from hpsearch.errors import InputError
from hpsearch.protocol.job import Job
from hpsearch.trial.causes import whole_line
from hpsearch.trial.trained_model import load_trained_model

MISTAKES = 20


def inspect_trial(job: Job) -> dict[str, Any]:
    """Runs a trial's best checkpoint on its validation split. Writes nothing.

    Returns:
        `images` (count), `classes` (names), `confusion` (a row per true class, a column per guess),
        `mistakes` (the most confident first, each with `png`, `truth`, `guess`, `confidence`); or
        `failure`, one line, if the model cannot be run.
    """
    try:
        return _inspect(job)
    except InputError as error:
        return {"failure": str(error)}
    except Exception as error:
        # The classes may be the user's own: an error of theirs must not prevent the report.
        return {"failure": whole_line(error)}


def _inspect(job: Job) -> dict[str, Any]:
    module, data = load_trained_model(job)
    if not isinstance(data, ImageData):
        return {"failure": "a confusion matrix is drawn for hpsearch.data.ImageData only"}
    images, labels, chances = _predict(module, data)
    guesses = chances.argmax(dim=1)
    count = data.classes
    confusion = torch.bincount(labels * count + guesses, minlength=count * count)
    return {
        "images": len(labels),
        "classes": list(data.class_names),
        "confusion": confusion.view(count, count).tolist(),
        "mistakes": _mistakes(images, labels, guesses, chances, data.class_names),
    }


@torch.inference_mode()
def _predict(module: torch.nn.Module, data: ImageData) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the images, uint8 `(N, C, H, W)`, their labels, and the chance of each class."""
    images, labels, chances = [], [], []
    for batch in data.val_dataloader():
        inputs, targets = data.on_after_batch_transfer(batch, 0)
        images.append(batch.images)
        labels.append(targets)
        chances.append(torch.softmax(module(inputs), dim=1))
    return torch.cat(images), torch.cat(labels), torch.cat(chances)


def _mistakes(
    images: Tensor, labels: Tensor, guesses: Tensor, chances: Tensor, names: tuple[str, ...]
) -> list[dict[str, Any]]:
    wrong = (guesses != labels).nonzero().flatten()
    confidence = chances.max(dim=1).values
    surest = wrong[confidence[wrong].argsort(descending=True)][:MISTAKES].tolist()
    return [
        {
            "png": _png(images[index]),
            "truth": names[labels[index]],
            "guess": names[guesses[index]],
            "confidence": float(confidence[index]),
        }
        for index in surest
    ]


def _png(image: Tensor) -> bytes:
    array = image.permute(1, 2, 0).squeeze(2).numpy()
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return stream.getvalue()
