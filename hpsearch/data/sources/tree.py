"""The pictures below class folders, and a line for each one that cannot be used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from hpsearch.data.sources.layout import is_hidden, refuse_folds, visible_folders
from hpsearch.errors import DataError

_READ = "png jpg jpeg jpe jfif bmp gif webp tif tiff ppm pgm pbm pnm pfm tga jp2 avif"
_NOT_READ = "heic heif svg psd eps ai raw nef cr2 arw dng jxl dcm exr hdr pdf"
_READ_SUFFIXES = {f".{suffix}" for suffix in _READ.split()}
_OTHER_SUFFIXES = {f".{suffix}" for suffix in _NOT_READ.split()}
_MOST_LINES = 200


@final
@dataclass
class Tree:
    """Pictures by class.

    Attributes:
        paths: of the pictures, class by class.
        labels: of each, an index into the classes' names.
        errors: what cannot be used: a line each, with the path and the reason.
    """

    paths: list[Path] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def add(self, top: Path, classes: Sequence[str]) -> None:
        """Lists the pictures of every class below a folder, without opening them."""
        for label, name in enumerate(classes):
            found = [path for path in _walk(top / name, self.errors) if self._is_picture(path)]
            if not found and (top / name).is_dir():
                self.errors.append(f"{top / name}: a class without a picture")
            self.paths += found
            self.labels += [label] * len(found)

    def refuse(self, number: int, reason: object) -> None:
        """Records that a picture cannot be used."""
        self.errors.append(f"{self.paths[number]}: {reason}")

    def empty_classes(self, top: Path, classes: Sequence[str], bad: set[int]) -> Iterator[str]:
        """Yields a line for each class without a usable picture."""
        left = {label for number, label in enumerate(self.labels) if number not in bad}
        for label in sorted(set(self.labels) - left):
            yield f"{top / classes[label]}: a class without a picture that can be read"

    def _is_picture(self, path: Path) -> bool:
        suffix = path.suffix.lower()
        if suffix in _OTHER_SUFFIXES:
            self.errors.append(f"{path}: a kind of picture that is not read; make it a PNG")
        return suffix in _READ_SUFFIXES


def other_classes(top: Path, train: Path, classes: Sequence[str]) -> list[str]:
    """Returns a line for each class that only one of two parts has, without opening pictures."""
    here, known = {path.name for path in visible_folders(top)}, set(classes)
    return [
        *(f"{top / name}: a class that {train} does not have" for name in sorted(here - known)),
        *(f"{top / name}: missing, while {train} has this class" for name in sorted(known - here)),
    ]


def listed(errors: Iterable[str]) -> str:
    """Returns errors as the lines of a message."""
    lines = sorted(errors)
    more = [f"and {len(lines) - _MOST_LINES} more"] if len(lines) > _MOST_LINES else []
    return "".join(f"\n  {line}" for line in [*lines[:_MOST_LINES], *more])


def class_names(train: Path) -> list[str]:
    """Returns the classes' names: the folders in the training folder.

    Raises:
        DataError: there are fewer than two, or they are the folds of a cross-validation.
    """
    inside = visible_folders(train)
    refuse_folds(train, inside)
    names = [path.name for path in inside]
    if not names:
        raise DataError(f"{train}: holds no class folders; give each class a folder of pictures")
    if len(names) == 1:
        raise DataError(
            f"{train}: holds one class folder, {names[0]}, so there is nothing to tell apart; if it"
            f" holds the classes, give {train / names[0]} as the source"
        )
    return names


def _walk(folder: Path, errors: list[str]) -> Iterator[Path]:
    """Yields the files below a folder, by name; hidden pictures become errors."""
    try:
        inside = sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        errors.append(f"{folder}: cannot be listed ({error.strerror})")
        return
    for path in inside:
        is_folder = path.is_dir() and not path.is_symlink()
        if is_hidden(path.name):
            errors += _hidden(path, is_folder)
        elif is_folder and path.suffix.lower() not in _READ_SUFFIXES:
            yield from _walk(path, errors)
        else:
            yield path


def _hidden(path: Path, is_folder: bool) -> Iterator[str]:
    if is_folder:
        count = sum(file.suffix.lower() in _READ_SUFFIXES for file in path.rglob("*"))
        if count:
            yield f"{path}: a hidden folder with pictures ({count}), which are likely copies"
    elif path.suffix.lower() in _READ_SUFFIXES:
        yield f"{path}: a hidden file, likely a copy"
