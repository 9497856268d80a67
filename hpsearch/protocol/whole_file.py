"""Writing a file that somebody asked for: whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hpsearch.protocol.regular_file import what_else


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yields where to write a file, which gets its name once it is complete.

    Otherwise a full disk, a mistake or a kill would leave half of it, instead of what was there. A
    link, a pipe or a device, such as /dev/stdout, is written to as it is.
    """
    if path.is_symlink() or what_else(path):
        yield path
        return
    beside = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
