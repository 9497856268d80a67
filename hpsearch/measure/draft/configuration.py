"""Configurations of LightningCLI and Hydra, whole or of one class, as sections of a study file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hpsearch.errors import InputError
from hpsearch.studyfile.diagnostics import Diagnostic, StudyFileError, nearest
from hpsearch.studyfile.document import Document
from hpsearch.studyfile.sections import SECTIONS
from hpsearch.studyfile.slips import SET_BY_HPSEARCH

_TARGET = "_target_"
_SECTIONS = {"model": "model", "data": "data", "datamodule": "data", "trainer": "trainer"}


def read_configuration(document: Document) -> dict[str, Any]:
    """Returns the sections of a configuration of LightningCLI or Hydra, as a study file has them.

    Of Hydra's, only some parts are used: what is wrong elsewhere does not matter.

    Raises:
        InputError: Hydra has to compose it, or to fill in its values, first.
        StudyFileError: something else is wrong with it.
    """
    errors, tree = document.diagnostics, document.tree
    if isinstance(tree, dict) and any(map(_is_target, tree.values())):
        errors = tuple(error for error in errors if _is_used(error.path.split(".")))
        if open_ones := [error.path for error in errors if _refers(error)]:
            raise InputError(
                f"{document.place.where}: {', '.join(open_ones)}: Hydra fills in these values;"
                " have it do so: `python train.py --cfg job --resolve > config.yaml`"
            )
    if errors:
        raise StudyFileError(errors)
    return from_hydra(tree)


def left_out(configuration: Any, sections: Mapping[str, Any]) -> list[str]:
    """Returns the names of what a configuration has and the sections made from it have not."""
    names = []
    for name, part in configuration.items() if isinstance(configuration, dict) else ():
        section = sections.get(str(_SECTIONS.get(name, name)))
        if section is None and part is not None and name not in sections:
            names.append(str(name))
        elif name == "trainer" and isinstance(part, dict) and isinstance(section, dict):
            names += [f"trainer.{key}" for key in part if key not in section and key != _TARGET]
    return names


def _is_used(path: Sequence[str]) -> bool:
    """Returns whether a part of Hydra's configuration is used, or belongs to no part."""
    name, *inside = path
    section = _SECTIONS.get(name)
    left_out = section == "trainer" and inside and inside[0] in SET_BY_HPSEARCH
    return not name or (section is not None and not left_out)


def _refers(error: Diagnostic) -> bool:
    return "${" in error.message


def from_hydra(sections: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the model, the data and the Trainer of a Hydra configuration.

    Those of a LightningCLI configuration are returned as they are, without what hpsearch sets.

    Raises:
        InputError: it is one file of a configuration that Hydra composes from several.
    """
    if isinstance(sections.get("defaults"), list):
        raise InputError(
            "this is a Hydra configuration of several files; write it as one, as in"
            " `python train.py --cfg job --resolve > config.yaml`, and use --from config.yaml"
        )
    whole = {"model": sections} if _TARGET in sections else sections
    if any(_is_target(section) for section in whole.values()):
        parts = {
            _SECTIONS[name]: part for name, part in whole.items() if part and name in _SECTIONS
        }
    else:
        parts = {name: part for name, part in whole.items() if _is_section(name, whole)}
    if isinstance(trainer := parts.get("trainer"), Mapping):
        kept = _component(trainer).get("init_args", trainer)
        parts["trainer"] = {key: kept[key] for key in kept if not _is_of_hpsearch(key, kept)}
    return {name: _converted(part) for name, part in parts.items()}


def _is_section(name: str, sections: Mapping[str, Any]) -> bool:
    """Returns whether a section is one of a study file, is one misspelled, or belongs to `cli:`."""
    misspelled = isinstance(sections[name], Mapping) and nearest(name, SECTIONS)
    return bool(name in SECTIONS or sections.get("cli") or misspelled)


def _is_of_hpsearch(name: str, trainer: Mapping[str, Any]) -> bool:
    """Returns whether an argument of the Trainer is one that hpsearch sets, or no limit at all."""
    return name in SET_BY_HPSEARCH or (name == "max_epochs" and trainer[name] == -1)


def _converted(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        converted = {key: _converted(value) for key, value in tree.items()}
        return _component(converted) if _is_target(tree) else converted
    return [*map(_converted, tree)] if isinstance(tree, list) else tree


def _component(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Returns `{_target_: net.Net, width: 8}` as a component; Hydra's other keys are left out."""
    if not _is_target(tree):
        return dict(tree)
    arguments = {key: value for key, value in tree.items() if not _is_of_hydra(key)}
    if tree.get("_partial_") and tree[_TARGET].rpartition(".")[2][:1].islower():  # a function
        return {
            "class_path": "functools.partial",
            "init_args": {"func": tree[_TARGET], **arguments},
        }
    return {"class_path": tree[_TARGET], **({"init_args": arguments} if arguments else {})}


def _is_target(tree: Any) -> bool:
    return isinstance(tree, Mapping) and isinstance(tree.get(_TARGET), str)


def _is_of_hydra(key: str) -> bool:
    return key.startswith("_") and key.endswith("_")
