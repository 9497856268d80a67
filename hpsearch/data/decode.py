"""Picture files of every kind, converted to the one form that models see: upright, opaque, 8 bits.

Training and `predict` both read pictures here, so a picture means the same to both.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]

GREY_MODES = {"1", "L", "LA", "La", "F", "I"}
_SIXTEEN_BITS = "I;16"  # with a byte order behind it: I;16B
_ORIENTATION = 0x0112  # the EXIF tag
_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262  # TIFF tags
# Formats whose 16-bit samples Pillow returns as 32-bit integers, black 0 and white 65535.
_SCALED_TO_16_BITS = {"PNG", "PPM"}


class UnreadablePicture(ValueError):
    """A picture cannot be used; the message says why, without its path."""


def read_picture(path: Path) -> Image.Image:
    """Opens a picture file and decodes it completely.

    Raises:
        UnreadablePicture: it is missing, in a format that Pillow does not read, cut short, damaged,
            or so large that decoding it could exhaust the memory.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with open_picture(path) as picture:  # closes the file but keeps the pixels
            _load(picture)
    return picture


def open_picture(path: Path) -> Image.Image:
    """Opens a picture file and reads its header (format and size), but no pixels.

    Raises:
        UnreadablePicture: see `read_picture`.
    """
    # Reading a pipe or a device would never end.
    if not path.is_file():
        missing = "there is no such file" if not path.exists() else "not a file"
        raise UnreadablePicture("a link to nothing" if path.is_symlink() else missing)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Image.open(path)
    except Image.DecompressionBombError as error:
        count, limit = (int(number) for number in re.findall(r"\d+", str(error))[:2])
        raise UnreadablePicture(
            f"{count / 1e6:,.0f} megapixels; at most {limit / 1e6:,.0f} are read: scale it down"
        ) from error
    except UnidentifiedImageError as error:
        empty = path.stat().st_size == 0
        words = "an empty file" if empty else "not a picture, or in a format that cannot be read"
        raise UnreadablePicture(words) from error
    except Exception as error:
        raise UnreadablePicture(f"cannot be opened ({_reason(error)})") from error


def decode(picture: Image.Image, shape: tuple[int, int, int]) -> Pixels:
    """Returns a picture as the models see it: grey or coloured, scaled, cropped around its centre.

    Args:
        picture: of any size and kind, see `plain`.
        shape: the `(C, H, W)` to convert it to; C is 1 for grey, 3 for red, green, blue.

    Returns:
        uint8, `(C, H, W)`.

    Raises:
        UnreadablePicture: its pixels are of a kind whose black and white are not known.
    """
    channels, height, width = shape
    coloured = plain(picture).convert("L" if channels == 1 else "RGB")
    fitted = ImageOps.fit(coloured, (width, height), Image.Resampling.BILINEAR)
    return np.atleast_3d(np.asarray(fitted)).transpose(2, 0, 1)


def plain(picture: Image.Image) -> Image.Image:
    """Returns a picture upright, opaque and in 8 bits, of mode `L` or `RGB`.

    An EXIF orientation is applied. 16 bits become 8. Floating-point pixels go from 0 to 1, or from
    0 to 255. CMYK and palettes become red, green, blue. Transparent parts become white, or black if
    the drawing is light: white ink must not vanish.

    Raises:
        UnreadablePicture: the pixels are of a kind whose black and white are not known.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _opaque(_eight_bits(_upright(picture), picture.format))
        except UnreadablePicture:
            raise
        except Exception as error:
            raise UnreadablePicture(
                f"pixels of mode {picture.mode} cannot be converted to 8 bits ({_reason(error)})"
            ) from error


def is_grey(picture: Image.Image) -> bool:
    """Returns whether a picture has no colours, by its header, or else by its palette.

    Raises:
        UnreadablePicture: the palette cannot be read.
    """
    if picture.mode == "P":
        _load(picture)
        palette = np.asarray(picture.getpalette() or [0, 0, 255]).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return picture.mode in GREY_MODES or picture.mode.startswith(_SIXTEEN_BITS)


def sample_range(picture: Image.Image) -> tuple[int, int] | None:
    """Returns the highest value in a picture of 16 bits, and the highest possible; None for others.

    The first is that of white, or of black in a TIFF whose white is 0.
    """
    if not _has_16_bits(picture, picture.format):
        return None
    return int(np.asarray(picture).max()), 2 ** _tiff_samples(picture)[0] - 1


def _load(picture: Image.Image) -> None:
    try:
        picture.load()
    # Pillow's readers report damaged files in their own ways: SyntaxError, struct.error,
    # IndexError...
    except Exception as error:
        raise UnreadablePicture(f"damaged or cut short ({_reason(error)})") from error


def _upright(picture: Image.Image) -> Image.Image:
    # EXIF data that cannot be read do not matter for the pixels.
    with contextlib.suppress(Exception):
        if picture.getexif().get(_ORIENTATION, 1) != 1:
            return ImageOps.exif_transpose(picture)
    return picture


def _eight_bits(picture: Image.Image, file_format: str | None) -> Image.Image:
    """Returns a picture in 8 bits, with its transparency, if any, as an alpha channel."""
    mode = picture.mode
    if _has_16_bits(picture, file_format):
        return _from_16_bits(picture)
    if mode == "F":
        return _from_floats(np.asarray(picture))
    if mode == "I":
        raise UnreadablePicture(
            "32-bit integer pixels, whose value for white is unknown: save it with 8 or 16 bits"
        )
    if mode in ("PA", "La", "RGBa") or "transparency" in picture.info:
        return picture.convert("LA" if mode in ("1", "L", "La") else "RGBA")
    if mode == "P":
        return picture.convert("L" if is_grey(picture) else "RGB")
    if mode == "1":
        return picture.convert("L")
    return picture if mode in ("L", "LA", "RGB", "RGBA") else picture.convert("RGB")


def _has_16_bits(picture: Image.Image, file_format: str | None) -> bool:
    scaled = picture.mode == "I" and file_format in _SCALED_TO_16_BITS
    return scaled or picture.mode.startswith(_SIXTEEN_BITS)


def _from_16_bits(picture: Image.Image) -> Image.Image:
    samples = np.asarray(picture)
    bits, white_is_zero = _tiff_samples(picture)
    # The high byte, as Pillow itself reads coloured pictures of 16 bits.
    high = (samples >> (bits - 8)).astype(np.uint8)
    if samples.any() and not high.any():
        reason = f"pixels of {bits} bits from 0 to {samples.max()}, all of them black"
        raise UnreadablePicture(f"{reason}: save it with 8 bits")
    grey = Image.fromarray(255 - high if white_is_zero else high)
    transparent = picture.info.get("transparency")
    if not isinstance(transparent, int):
        return grey
    alpha = Image.fromarray(np.where(samples == transparent, 0, 255).astype(np.uint8))
    return Image.merge("LA", (grey, alpha))


def _tiff_samples(picture: Image.Image) -> tuple[int, bool]:
    """Returns the bits of a sample, and whether 0 is white, which Pillow does not handle."""
    tags = getattr(picture, "tag_v2", {})
    return tags.get(_BITS_PER_SAMPLE, (16,))[0], tags.get(_PHOTOMETRIC) == 0


def _from_floats(samples: np.ndarray[tuple[int, ...], np.dtype[np.floating]]) -> Image.Image:
    low, high = float(samples.min()), float(samples.max())
    # Written so that a NaN is rejected, too.
    if not (low >= 0 and high <= 255):
        raise UnreadablePicture(
            f"floating-point pixels from {low:g} to {high:g}, which is neither 0 to 1 nor 0 to 255:"
            " save it with 8 or 16 bits"
        )
    scale = 255 if high <= 1 else 1
    return Image.fromarray(np.rint(samples * scale).astype(np.uint8))


def _opaque(picture: Image.Image) -> Image.Image:
    """Returns the picture on a background that its ink contrasts with."""
    if picture.mode not in ("LA", "RGBA"):
        return picture
    alpha = picture.getchannel("A")
    ink = picture.convert(picture.mode[:-1])
    weight = np.asarray(alpha, np.int64)
    if weight.min() == 255:
        return ink
    brightness = (np.asarray(ink.convert("L"), np.int64) * weight).sum() / max(weight.sum(), 1)
    paper = Image.new("L", picture.size, 0 if brightness > 127.5 else 255).convert(ink.mode)
    return Image.composite(ink, paper, alpha)


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or " ".join(str(error).split())
    return (text or type(error).__name__)[:120]
