"""The start of a draft: classes, what is known about their arguments, and a Trainer."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hpsearch.classes.cli import note_on_hooks, with_cli
from hpsearch.classes.components import importing_from, resolve
from hpsearch.classes.project import data_beside, model_in, wants_optimizer
from hpsearch.classes.signature import signature_of
from hpsearch.errors import InputError
from hpsearch.studyfile.diagnostics import StudyFileError
from hpsearch.studyfile.document import Document, Location
from hpsearch.studyfile.lightning_cli import COMPONENT_KEYS
from hpsearch.studyfile.overrides import apply_override

EPOCHS = 10


@dataclass(frozen=True)
class Origin:
    """The parts that a study will be made from.

    Attributes:
        model: class path of the model, or its module; None if the configuration names it.
        data: class path of the data module; None for the one beside the model.
        sections: those of a LightningCLI configuration; empty without one.
        changes: `key=value` each, as in `--set`.
        import_paths: folders in which the classes are found.
    """

    model: str | None
    data: str | None
    sections: Mapping[str, Any] = field(default_factory=dict)
    changes: Sequence[str] = ()
    import_paths: tuple[str, ...] = ()

    @property
    def tree(self) -> dict[str, Any]:
        """All given classes, as a study file names them."""
        named = {"model": self.model, "data": self.data}
        given = {name: {"class_path": path} for name, path in named.items() if path}
        return {**self.sections, **given}


def sections_of(origin: Origin) -> dict[str, Any]:
    """Returns the sections of the file before anything in them is searched.

    Raises:
        InputError: a class is neither given nor found, or a change is wrong.
    """
    given_sections = {name: part for name, part in origin.sections.items() if part is not None}
    tree = copy.deepcopy(given_sections)
    for name, given in (("model", origin.model), ("data", origin.data)):
        if given is not None:
            section = tree.get(name) or {}
            inner = section if {"class_path", "init_args"} & section.keys() else {}
            arguments = inner.get("init_args") if inner else section
            path = model_in(given) if name == "model" else given
            tree[name] = {"class_path": path, "init_args": arguments or {}}
    _name_classes(tree)
    if "class_path" not in (tree.get("model") or {}):
        raise InputError(
            "the configuration does not name the model's class; name both:"
            " hpsearch init MODULE.Class --data MODULE.Class --from CONFIG"
        )
    model = tree["model"]["class_path"]
    data: dict[str, Any] = tree.get("data") or {}
    if "class_path" not in data and (origin.model or not data) and (beside := data_beside(model)):
        arguments = data if "init_args" in data or not data else {"init_args": data}
        tree["data"] = {"class_path": beside, **arguments}
    for name, option in (("data", "--data MODULE.Class, or "), ("optimizer", ""), ("schedule", "")):
        if "class_path" not in (tree.get(name) or {"class_path": ""}):
            raise InputError(
                f"the configuration does not name the class of {name}: write {option}"
                f"{name}.class_path, or the program's class, as in `cli: main.MyCLI`"
            )
    if wants_optimizer(model) and not tree.get("optimizer"):
        tree["optimizer"] = {"class_path": "torch.optim.Adam", "init_args": {"lr": 1e-3}}
    tree["trainer"] = _trainer(tree.get("trainer") or {})
    return _changed(tree, origin.changes)


def note_on_program(origin: Origin) -> str:
    """Returns which methods of the program's LightningCLI class no trial calls; or "".

    Raises:
        InputError: there is no such class.
    """
    if not origin.sections.get("cli"):
        return ""
    with importing_from(origin.import_paths):
        return note_on_hooks(resolve(str(origin.sections["cli"])))


def _name_classes(tree: dict[str, Any]) -> None:
    """Names the classes that the program of `cli:` knows."""
    if tree.get("cli"):
        known = with_cli(tree)
        for name in ("model", "data", "optimizer", "schedule"):
            section = tree.get(name) or {}
            if "class_path" not in section and "class_path" in (known.get(name) or {}):
                own = {key: section[key] for key in section if key in COMPONENT_KEYS}
                given = own or {"init_args": section}
                tree[name] = {"class_path": known[name]["class_path"], **given}


def _trainer(given: Mapping[str, Any]) -> dict[str, Any]:
    defaults = signature_of(resolve("pytorch_lightning.Trainer")).defaults
    kept = {name: value for name, value in given.items() if value != defaults.get(name, ...)}
    bounded = {"max_epochs", "max_steps", "max_time"} & kept.keys()
    return kept if bounded else {"max_epochs": EPOCHS, **kept}


def _changed(tree: dict[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    order = [name for name in ("model", "data", "optimizer", "schedule", "trainer") if name in tree]
    tree = {**{name: tree[name] for name in order}, **tree}
    document = Document(tree, Location("--set"))
    for change in changes:
        document = apply_override(document, change, adds=True)
    if document.diagnostics:
        raise StudyFileError(document.diagnostics)
    changed: dict[str, Any] = document.tree
    return changed
