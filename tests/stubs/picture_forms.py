"""One digit in every form in which picture files hold it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from hpsearch.data.sources.idx import read_idx
from hpsearch.data.sources.table import MNIST_FOLDER

DIGIT: npt.NDArray[np.uint8] = read_idx(MNIST_FOLDER / "t10k-images-idx3-ubyte.gz")[0]
GREY = Image.fromarray(DIGIT)


def _turned(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn me a quarter to the right"
    GREY.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)


def _with_alpha(ink: Any, alpha: Any) -> Image.Image:
    layers = [
        Image.fromarray(np.broadcast_to(layer, DIGIT.shape).astype(np.uint8))
        for layer in (ink, alpha)
    ]
    return Image.merge("LA", layers)


FORMS: dict[str, Callable[[Path], Any]] = {
    "grey.png": GREY.save,
    "colour.png": GREY.convert("RGB").save,
    "palette.png": GREY.quantize(256, dither=Image.Dither.NONE).save,
    "16 bits.png": Image.fromarray(DIGIT.astype(np.uint16) * 257).save,
    "16 bits.tif": Image.fromarray(DIGIT.astype(np.uint16) * 257).save,
    "16 bits.pgm": Image.fromarray(DIGIT.astype(np.uint16) * 257).save,
    "floats to 255.tif": Image.fromarray(DIGIT.astype(np.float32)).save,
    "floats to 1.tif": Image.fromarray(DIGIT.astype(np.float32) / 255).save,
    "opaque.png": _with_alpha(DIGIT, 255).save,
    "opaque colours.png": _with_alpha(DIGIT, 255).convert("RGBA").save,
    "white ink.png": _with_alpha(255, DIGIT).save,
    "black ink around it.png": _with_alpha(0, 255 - DIGIT).save,
    "printed.tif": GREY.convert("RGB").convert("CMYK").save,
    "turned.png": _turned,
    "lossless.webp": lambda path: GREY.convert("RGB").save(path, lossless=True),
    "windows.bmp": GREY.save,
}


def write_forms(folder: Path) -> list[Path]:
    """Writes the digit in every form, and returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, write in FORMS.items():
        write(folder / name)
    return [folder / name for name in FORMS]
