"""The callbacks and loggers that a study file gives the Trainer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

# Where Lightning's loggers and checkpoints write, by the names of their arguments.
FOLDERS = ("save_dir", "root_dir", "dirpath", "log_dir")
PROGRESS_LEFT_OUT = "is left out: hpsearch shows the progress of all trials together"


class UnusableError(Exception):
    """Something of the study file that every trial has cannot be used: no trial can be trained."""


def build_callbacks(section: Any, instantiate: Callable[[Any], Any]) -> tuple[list[Any], list[str]]:
    """Returns the callbacks of `trainer.callbacks`, and a note on each that is left out.

    Raises:
        UnusableError: one cannot be built.
    """
    built = [_build("trainer.callbacks", tree, instantiate) for tree in as_list(section)]
    bars = [callback for callback in built if _is_progress_bar(callback)]
    notes = [f"{type(bar).__name__} {PROGRESS_LEFT_OUT}" for bar in bars]
    return [callback for callback in built if callback not in bars], notes


def build_loggers(section: Any, instantiate: Callable[[Any], Any]) -> list[Any]:
    """Returns the loggers of `trainer.logger`; none for true and false, which ask for ours only.

    Raises:
        UnusableError: one cannot be built.
    """
    if isinstance(section, bool):
        return []
    return [_build("trainer.logger", tree, instantiate) for tree in as_list(section)]


def put_aside(tree: Any, folder: Path) -> Any:
    """Returns a component tree whose loggers and checkpoints write into a folder of ours."""
    if isinstance(tree, list):
        return [put_aside(item, folder) for item in tree]
    if not isinstance(tree, Mapping):
        return tree
    changed = {key: put_aside(value, folder) for key, value in tree.items()}
    if "class_path" in changed and isinstance(given := changed.get("init_args"), dict):
        ours = {name: str(folder / name) for name in FOLDERS if isinstance(given.get(name), str)}
        changed["init_args"] = {**given, **ours}
    return changed


def as_list(value: Any) -> list[Any]:
    """Returns a value, or the values of a list, without those that are None."""
    items = list(value) if isinstance(value, list | tuple) else [value]
    # A `~choice:` may leave nothing in its place, as in "this callback or none".
    return [item for item in items if item is not None]


def _build(place: str, tree: Any, instantiate: Callable[[Any], Any]) -> Any:
    try:
        return instantiate(tree)
    except Exception as error:
        named = tree.get("class_path", tree) if isinstance(tree, Mapping) else tree
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UnusableError(f"{place}: {named} cannot be built: {reason}") from error


def _is_progress_bar(callback: Any) -> bool:
    """Returns whether it is one of Lightning's progress bars, of either of its trees."""
    return any(base.__name__ == "ProgressBar" for base in type(callback).__mro__)
