"""Configurations of LightningCLI, as `--print_config` writes them, read as study files.

Arguments at their defaults are left out where hpsearch sets them. A learning-rate schedule and
arguments without `init_args` are moved to where a study file has them. Classes of the program that
wrote it (`__main__.Net`) are those of the module of `cli:`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from hpsearch.studyfile.diagnostics import nearest
from hpsearch.studyfile.document import Document, KeyPath, is_branches
from hpsearch.studyfile.slips import is_unset

PLATEAU = "torch.optim.lr_scheduler.ReduceLROnPlateau"
TYPO = 0.8  # words this similar are surely the same
COMPONENT_KEYS = ("class_path", "init_args", "dict_kwargs", "from_data", "interval", "monitor")
_UNSET = ("ckpt_path", "weights_only", "verbose", "config", "subcommand")
_OTHER_COMMANDS = ("validate", "test", "predict")
# Arguments of the Trainer that hpsearch sets, at values that make no difference.
_DEFAULTS: Mapping[str, tuple[Any, ...]] = {
    "accelerator": ("auto",),
    "strategy": ("auto", None),
    "devices": ("auto", 1),
    "num_nodes": (1,),
    "enable_checkpointing": (True,),
    "enable_progress_bar": (True, False),
    "enable_model_summary": (True, False),
    "barebones": (False,),
    "fast_dev_run": (False,),
    "logger": (True, None),
    "callbacks": (None,),
    "max_epochs": (None,),
}


def adopt(document: Document) -> Document:
    """Returns a document that may be a LightningCLI configuration, as a study file.

    A study file is returned unchanged. Every value keeps its line.
    """
    if not isinstance(document.tree, dict):
        return document
    tree: dict[str, Any] = {}
    moved: dict[KeyPath, KeyPath] = {}
    module = str(document.tree.get("cli")).rpartition(".")[0]
    written = _of_module(document.tree, module) if module else document.tree
    for path, name, value in _sections(written):
        section = {"lr_scheduler": "schedule"}.get(name, name)
        moved[path] = (section,)
        if section == "trainer":
            tree[section] = _without_defaults(value)
        elif section in ("model", "data", "optimizer", "schedule"):
            named = bool(document.tree.get("cli"))
            value, inner = _gathered(value, path, (section,), named)
            moved |= inner
            tree[section] = _as_schedule(value) if name == "lr_scheduler" else value
        elif (section == "subcommand" and value == "fit") or section in _OTHER_COMMANDS:
            continue
        elif section != "seed_everything" and (value is not None or section not in _UNSET):
            tree[section] = value
    _adopt_seed(tree, document.tree.get("seed_everything"))
    locations = {_move(path, moved): place for path, place in document.locations.items()}
    return replace(document, tree=tree, locations=locations)


def _of_module(tree: Any, module: str) -> Any:
    """Returns a tree in which the running program, `__main__`, has its name as a module."""
    if isinstance(tree, dict):
        return {key: _of_module(value, module) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_of_module(value, module) for value in tree]
    return re.sub(r"\b__main__\.", f"{module}.", tree) if isinstance(tree, str) else tree


def _sections(tree: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str, Any]]:
    """Yields each section with its path; those of `fit` may be nested under that name."""
    for name, value in tree.items():
        if name == "fit" and isinstance(value, dict):
            yield from (((name, inner), inner, part) for inner, part in value.items())
        else:
            yield (name,), name, value


def _adopt_seed(tree: dict[str, Any], seed: Any) -> None:
    study = tree.get("study")
    if isinstance(seed, int) and not isinstance(seed, bool) and isinstance(study, dict):
        tree["study"] = {"seed": seed, **study}


def _without_defaults(trainer: Any) -> Any:
    if not isinstance(trainer, dict):
        return trainer
    return {
        name: value
        for name, value in trainer.items()
        if not is_unset(name, value)
        and not any(
            type(value) is type(default) and value == default for default in _DEFAULTS.get(name, ())
        )
    }


def _gathered(
    tree: Any, path: KeyPath, new: KeyPath, named: bool
) -> tuple[Any, dict[KeyPath, KeyPath]]:
    """Returns a component with stray arguments moved to `init_args`, and the moves.

    Args:
        tree: the component.
        path: where it is written.
        new: where it belongs.
        named: whether its class is named elsewhere.
    """
    if is_branches(tree) or not isinstance(tree, dict) or "init_args" in tree:
        return tree, {}
    beside = [
        key
        for key in tree
        if key not in COMPONENT_KEYS
        and not key.startswith("~")
        and not nearest(key, COMPONENT_KEYS, likeness=TYPO)
    ]
    if not ("class_path" in tree or named) or not beside:
        return tree, {}
    kept = {key: value for key, value in tree.items() if key not in beside}
    arguments = {key: tree[key] for key in beside}
    moves = {(*path, key): (*new, "init_args", key) for key in beside}
    return {**kept, "init_args": arguments}, moves


def _as_schedule(tree: Any) -> Any:
    """Returns a schedule in LightningCLI's sense, which steps once per epoch."""
    if not isinstance(tree, dict) or not isinstance(tree.get("class_path"), str):
        return tree
    schedule = {"interval": "epoch", **tree}
    if tree["class_path"].rpartition(".")[2] == "ReduceLROnPlateau":
        arguments = dict(tree.get("init_args") or {})
        monitor = arguments.pop("monitor", None)
        schedule |= {"class_path": PLATEAU, "init_args": arguments}
        schedule |= {} if monitor is None else {"monitor": monitor}
    return schedule


def _move(path: KeyPath, moved: Mapping[KeyPath, KeyPath]) -> KeyPath:
    for length in range(len(path), 0, -1):
        if path[:length] in moved:
            return (*moved[path[:length]], *path[length:])
    return path
