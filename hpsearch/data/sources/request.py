"""A request to a source: which images, and how to hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

Split = Literal["train", "test"]


@final
@dataclass(frozen=True)
class Request:
    """Which images are wanted.

    Attributes:
        source: `mnist`, the name of a torchvision dataset however it is spelled, a CSV file of
            pixels, or a folder: one that exists, or anything with a path separator in it.
        data_dir: where a named dataset is looked for first, before `$HPSEARCH_DATA`, `./data` and
            the user's cache.
        image_size: height and width of pictures that come in different sizes, in pixels.
        memory_limit_gb: how much memory images may take, in units of 10**9 bytes.
        skip_unreadable: whether pictures that cannot be used are left out instead of raising an
            error.
    """

    source: str = "mnist"
    data_dir: str | None = None
    image_size: int | None = None
    memory_limit_gb: float = 4.0
    skip_unreadable: bool = False
