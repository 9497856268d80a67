"""How a folder of pictures is laid out: class folders, possibly below training and test folders.

Public datasets name these folders in their own ways: `train` and `test`, `Training` and `Testing`,
`seg_train/seg_train`, `train_images`, `asl_train`. A folder named like a split is never taken for a
class, unless it holds pictures directly, as the class `train` beside `bus` and `car` does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, final

from hpsearch.errors import DataError

Part = Literal["train", "val", "test"]

_WORDS: dict[str, Part] = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev"), "val"),
    **dict.fromkeys(("test", "testing", "tst", "eval", "evaluation", "holdout"), "test"),
}
_PART = re.compile(rf"({'|'.join(_WORDS)})(?:set|data|images|split)?")
_FOLD = re.compile(r"(?:(?:k|cv|cross)[ _-]?)?(?:fold|split|cv|xval)[ _-]*\d+")
# Folders of copies that other programs leave beside pictures.
_COPIES = {"__MACOSX", "@eaDir", "$RECYCLE.BIN"}


@final
@dataclass(frozen=True)
class Layout:
    """The folders that hold the classes of each part.

    Attributes:
        train: the folder that holds the training classes.
        val: the folder that holds the validation classes, if there is one.
        test: the folder that holds the test classes, if there is one.
    """

    train: Path
    val: Path | None = None
    test: Path | None = None


def find_layout(folder: Path) -> Layout:
    """Returns how a folder of pictures is laid out.

    Raises:
        DataError: two folders could be the same part, or there are parts but none to train on.
    """
    inside = visible_folders(folder)
    if len(inside) == 1 and part_of(inside[0].name) is None and _is_divided(inside[0]):
        # As archives unpack: one folder with everything in it.
        return find_layout(inside[0])
    if not _is_divided(folder):
        return Layout(folder)
    found = {part: _only(folder, part, inside) for part in ("train", "val", "test")}
    if found["train"] is None:
        refuse_folds(folder, [path for path in inside if part_of(path.name) is None])
        names = ", ".join(path.name for path in inside)
        raise DataError(
            f"{folder}: holds {names}, and none of them is the training folder; name it train"
        )
    return Layout(found["train"], found["val"], found["test"])


def part_of(name: str) -> Part | None:
    """Returns which part of a dataset a folder's name stands for; None for other names."""
    words = [word for word in re.split(r"[^a-z]+", name.lower()) if word]
    for word in (words[0], words[-1]) if words else ():
        if match := _PART.fullmatch(word):
            return _WORDS[match[1]]
    return None


def refuse_folds(folder: Path, inside: Sequence[Path]) -> None:
    """Raises DataError if the folders in a folder are those of a cross-validation, not classes."""
    folds = [path for path in inside if _FOLD.fullmatch(path.name.lower())]
    if len(folds) < 2 or len(folds) < len(inside):
        return
    names = " and ".join([", ".join(path.name for path in folds[:-1]), folds[-1].name])
    if any(part_of(path.name) == "train" for path in visible_folders(folds[0])):
        remedy = f"give the one to train with as the source: {folds[0]}"
    else:
        top = folder.parent if part_of(folder.name) == "train" else folder
        remedy = (
            f"put the classes of one of them into {top / 'val'} and those of the others together"
            f" into {top / 'train'}"
        )
    raise DataError(
        f"{folder}: {names} are folds of a cross-validation by their names, and not classes;"
        f" {remedy}; if they are classes, rename them"
    )


def visible_folders(folder: Path) -> list[Path]:
    """Returns the folders in a folder, by name, without hidden ones and folders of copies."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not is_hidden(path.name))


def is_hidden(name: str) -> bool:
    """Returns whether a file or folder is hidden, or a folder of copies."""
    return name.startswith(".") or name in _COPIES


def _is_divided(folder: Path) -> bool:
    """Returns whether a folder holds parts of a dataset, not its classes."""
    parts = [path for path in visible_folders(folder) if part_of(path.name)]
    kinds = {part_of(path.name) for path in parts}
    return any(visible_folders(path) for path in parts) or (len(kinds) > 1 and "train" in kinds)


def _only(folder: Path, part: str, inside: Sequence[Path]) -> Path | None:
    """Returns the one folder of a part; for seg_train/seg_train, the inner one."""
    found = [path for path in inside if part_of(path.name) == part]
    exact = [path for path in found if path.name.lower() == part]
    if len(exact or found) > 1:
        names = " and ".join(path.name for path in exact or found)
        raise DataError(f"{folder}: {names} could each be the {part} part; leave one, or rename")
    if not found:
        return None
    [top] = exact or found
    while len(below := visible_folders(top)) == 1 and part_of(below[0].name) == part:
        top = below[0]
    return top
