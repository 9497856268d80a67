"""The folders where named datasets are looked for."""

from __future__ import annotations

import os
import re
from pathlib import Path

from platformdirs import user_cache_path


def places(data_dir: str | None = None) -> list[Path]:
    """Returns the folders in which named datasets are looked for, in that order."""
    named = (data_dir, os.environ.get("HPSEARCH_DATA"))
    given = [Path(place).expanduser() for place in named if place]
    return [*given, Path("data"), cache_folder()]


def cache_folder() -> Path:
    """Returns the folder that downloads go to."""
    return user_cache_path("hpsearch") / "datasets"


def same_name(name: str) -> str:
    """Returns a name without case and separators: `fashion-mnist` is `FashionMNIST`."""
    return re.sub(r"[\s._-]", "", name).lower()
