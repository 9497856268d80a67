"""The second half of the check: classes and their arguments, looked at but never built.

Every class path is followed and every argument bound and compared with its type hint, at every
corner of the space. Classes are imported for that, unless told to look at them in another way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from hpsearch.classes.components import ComponentError, importing_from, is_component, is_installed
from hpsearch.classes.imported import ClassFacts, imported
from hpsearch.studyfile.algorithms import PACKAGES, Component
from hpsearch.studyfile.diagnostics import Diagnostic, did_you_mean, nearest
from hpsearch.studyfile.document import Diagnostics, KeyPath
from hpsearch.studyfile.parse import ParsedStudy
from hpsearch.studyfile.sections import TYPO
from hpsearch.studyfile.space import CornerConfig

_KINDS = {
    "model": "LightningModule",
    "data": "LightningDataModule",
    "optimizer": "Optimizer",
    "schedule": "LRScheduler",
    "sampler": "BaseSampler",
    "pruner": "BasePruner",
    "callbacks": "Callback",
}
# What hpsearch gives to a section's class if the file does not.
_SUPPLIED: dict[str, tuple[str, ...]] = {
    "model": ("input_shape", "classes"),
    "data": ("split_seed", "order_seed"),
    "optimizer": ("params",),
    "schedule": ("optimizer", "total_steps"),
    "sampler": ("search_space", "seed"),
    "pruner": (),
}
Look = Callable[[str], ClassFacts]


def check_components(parsed: ParsedStudy, look: Look = imported) -> tuple[Diagnostic, ...]:
    """Returns the faults of a study's classes and arguments, each once, in the file's order.

    Imports the classes (and with them torch and Lightning) but builds none of them. What the draft
    has a fault in already is not looked at again.

    Args:
        parsed: the study.
        look: returns the facts of the class at a path.
    """
    log = Diagnostics(parsed.source)
    with importing_from(parsed.import_paths):
        for corner in parsed.space.corners():
            _Check(log, corner.origins, look).corner(corner)
        for role, component in (
            ("sampler", parsed.settings.sampler),
            ("pruner", parsed.settings.pruner),
        ):
            _check_algorithm(role, component, log, look)
    known = set(parsed.diagnostics)
    return tuple(diagnostic for diagnostic in log.diagnostics if diagnostic not in known)


def _check_algorithm(role: str, component: Component, log: Diagnostics, look: Look) -> None:
    path: KeyPath = ("study", role)
    missing = [name for name in PACKAGES.get(component.class_path, ()) if not is_installed(name)]
    if missing:
        name = component.class_path.rpartition(".")[2]
        log.add(path, f"{name} needs the package {missing[0]}; pip install {missing[0]}")
        return
    _Check(log, {}, look).component(component.to_tree(), path, _KINDS[role], _SUPPLIED[role])


class _Check:
    """Checks the components of one filled-in configuration."""

    def __init__(self, log: Diagnostics, origins: Mapping[KeyPath, KeyPath], look: Look) -> None:
        self._log, self._origins, self._look = log, origins, look

    def corner(self, corner: CornerConfig) -> None:
        found = {
            name: self.component(corner.config[name], (name,), _KINDS[name], _SUPPLIED[name])
            for name in ("model", "data", "optimizer", "schedule")
            if corner.config.get(name) is not None
        }
        self._same_tree(found.get("model"), found.get("data"))
        self._trainer(corner.config.get("trainer"))

    def component(
        self, tree: Any, path: KeyPath, kind: str | None = None, supplied: Collection[str] = ()
    ) -> ClassFacts | None:
        """Checks a component and what is inside it; returns what its class is, if it was found."""
        at = (*path, "class_path")
        if not _has_class(tree) or any(self._log.has(self._written(p)) for p in (path, at)):
            return None
        try:
            facts = self._look(tree["class_path"])
        except ComponentError as error:
            self._note(at, str(error))
            return None
        if kind and kind not in facts.names:
            self._note(at, f"{tree['class_path']} is no {kind}, which {path[-1]} must be")
            return None
        if facts.abstract:
            self._note(at, f"{tree['class_path']} is abstract; name one of its subclasses")
            return None
        if _has_arguments(tree):
            arguments = tree.get("init_args") or {}
            self._arguments(facts, tree["class_path"], arguments, (*path, "init_args"), supplied)
        return facts

    def _arguments(
        self,
        facts: ClassFacts,
        owner: str,
        given: dict[str, Any],
        path: KeyPath,
        supplied: Collection[str],
    ) -> None:
        accepted = facts.arguments
        meant = {nearest(name, accepted) for name in given if not facts.takes_anything}
        for name, value in given.items():
            if name in accepted:
                self._value(facts, name, value, (*path, name))
            elif not facts.takes_anything:
                hint = did_you_mean(name, accepted)
                self._note((*path, name), f"{owner} has no argument '{name}'{hint}")
            self._inside(value, (*path, name))
        for name, required in accepted.items():
            if required and not {name} & {*given, *meant, *supplied}:
                self._note((*path, name), f"{owner} needs the argument '{name}'")

    def _value(self, facts: ClassFacts, name: str, value: Any, path: KeyPath) -> None:
        if _has_component(value) or self._log.has_within(self._written(path)):
            return
        wanted = facts.misfit(name, value)
        if wanted is not None:
            self._note(path, f"must be {wanted}, not {value!r}")

    def _inside(self, value: Any, path: KeyPath, kind: str | None = None) -> None:
        if is_component(value):
            self.component(value, path, kind)
        elif isinstance(value, dict):
            for key, child in value.items():
                self._inside(child, (*path, key), kind)
        elif isinstance(value, list):
            for index, child in enumerate(value):
                self._inside(child, (*path, index), kind)
        elif kind and value is not None:
            self._note(path, f"must be a {kind} with class_path and init_args, not {value!r}")

    def _trainer(self, arguments: Any) -> None:
        if not isinstance(arguments, dict):
            return
        trainer = self._look("pytorch_lightning.Trainer")
        plain = {name: value for name, value in arguments.items() if name != "callbacks"}
        self._arguments(trainer, "the Trainer", plain, ("trainer",), ())
        self._inside(arguments.get("callbacks"), ("trainer", "callbacks"), _KINDS["callbacks"])

    def _same_tree(self, model: ClassFacts | None, data: ClassFacts | None) -> None:
        if model is None or data is None or model.tree == data.tree:
            return
        self._note(
            ("data", "class_path"),
            f"the data module comes from {data.tree} and the model from {model.tree}, "
            "which do not mix; take both from one",
        )

    def _note(self, path: KeyPath, message: str) -> None:
        self._log.add(self._written(path), message)

    def _written(self, path: KeyPath) -> KeyPath:
        """Returns where a value of the configuration is written, which may be in a branch."""
        known = next(p for p in _prefixes(path) if p in self._origins or not p)
        return (*self._origins.get(known, ()), *path[len(known) :])


def _prefixes(path: KeyPath) -> list[KeyPath]:
    return [path[:length] for length in range(len(path), -1, -1)]


def _has_class(tree: Any) -> bool:
    """Tells whether the tree names a class; where it should and does not, the draft says so."""
    return is_component(tree) and isinstance(tree["class_path"], str)


def _has_arguments(tree: dict[str, Any]) -> bool:
    """Tells whether a component's arguments stand in their place; if not, the draft says so."""
    astray = nearest("init_args", tree, likeness=TYPO) if "init_args" not in tree else None
    return astray is None and isinstance(tree.get("init_args") or {}, dict)


def _has_component(value: Any) -> bool:
    if isinstance(value, dict):
        return is_component(value) or any(_has_component(child) for child in value.values())
    return isinstance(value, list) and any(_has_component(child) for child in value)
