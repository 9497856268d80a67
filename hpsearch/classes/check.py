"""The second half of the check: classes and their arguments, inspected but never built.

Every class path is followed and every argument bound, at every corner of the space. Classes are
imported for that, and with them torch and Lightning.
"""

from __future__ import annotations

import math
from abc import ABCMeta
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hpsearch.classes.binding import Arguments, Binder
from hpsearch.classes.cli import note_on_hooks, with_cli
from hpsearch.classes.components import ComponentError, importing_from, is_installed, resolve
from hpsearch.classes.signature import Bound, RefusedValuesError, has_base, returned_type
from hpsearch.studyfile.algorithms import PACKAGES, Component
from hpsearch.studyfile.diagnostics import Diagnostic
from hpsearch.studyfile.document import Document, KeyPath, Location, is_within, name_of
from hpsearch.studyfile.parse import ParsedStudy, notes_on, parse_study

Places = list[tuple[KeyPath, str]]
Find = Callable[[Any, Sequence[str], Sequence[str]], tuple[Places, Places]]
NAMESPACES = ("pytorch_lightning", "lightning")


def _kind(name: str) -> type:
    """Returns a type for the classes with a base class of this name, in either Lightning."""
    hook = classmethod(lambda _, other: has_base(other, name))
    return ABCMeta(name, (), {"__subclasshook__": hook, "__module__": "builtins"})


# The type of what each section names, and the arguments that hpsearch passes to it unless the file
# does; then the same of the study's algorithms.
_SECTIONS: dict[str, tuple[type, tuple[str, ...]]] = {
    "model": (_kind("LightningModule"), ("input_shape", "classes")),
    "data": (_kind("LightningDataModule"), ("split_seed", "order_seed")),
    "optimizer": (_kind("Optimizer"), ("params",)),
    "schedule": (_kind("LRScheduler"), ("optimizer", "total_steps")),
}
_BY_SEARCH = ("search_space", "seed", "max_resource", "min_resource", "reduction_factor", "priors")
_ALGORITHMS: dict[str, tuple[type, tuple[str, ...]]] = {
    "sampler": (_kind("BaseSampler"), _BY_SEARCH),
    "pruner": (_kind("BasePruner"), ()),
}
SUPPLIED = {name: supplied for name, (_, supplied) in _SECTIONS.items()}
_CALLBACK: Any = _kind("Callback")


def check_components(
    parsed: ParsedStudy,
    note: Callable[[str], None] = lambda text: None,
    find: Find | None = None,
) -> tuple[Diagnostic, ...]:
    """Returns the errors of a study's classes and arguments, each once, in the file's order.

    Args:
        parsed: the study; values that already have an error are not checked again.
        note: receives a line about each value that is accepted but may be a mistake.
        find: does the work of `find_errors`, in another process; here if it is not given.
    """
    wrong = [diagnostic.path for diagnostic in parsed.diagnostics]
    errors, notes = (find or find_errors)(parsed.source.tree, parsed.import_paths, wrong)
    for path, message in (*notes, *notes_on(parsed)):
        line = str(parsed.source.diagnostic(tuple(path), message)).splitlines()[0]
        note(line.replace(": error: ", ": note: ", 1))
    found = [parsed.source.diagnostic(tuple(path), message) for path, message in errors]
    return tuple(sorted(found, key=lambda diagnostic: diagnostic.line or math.inf))


def find_errors(
    tree: Any, import_paths: Sequence[str], wrong: Sequence[str] = ()
) -> tuple[Places, Places]:
    """Returns the errors of a study's classes and arguments, and the notes on them.

    Imports the classes (and with them torch and Lightning) but builds none of them.

    Args:
        tree: the study file as data, expressions as text.
        import_paths: folders with the study's own classes.
        wrong: names of values that already have an error.
    """
    parsed = parse_study(Document(tree, Location("the study")), tuple(import_paths))
    binder = Binder()
    with importing_from(import_paths):
        for corner in parsed.space.corners():
            binder.origins = corner.origins
            _check_sections(binder, corner.config)
        binder.origins = {}
        for name in _ALGORITHMS:
            _check_algorithm(binder, getattr(parsed.settings, name), name)
    errors = [
        found
        for name, found in binder.errors.items()
        if not any(is_within(name, each) or is_within(each, name) for each in wrong)
    ]
    return errors, [*binder.notes.values()]


def _check_sections(binder: Binder, config: Mapping[str, Any]) -> None:
    """Binds every section of a configuration."""
    try:
        program = resolve(str(config["cli"])) if config.get("cli") else None
        config = with_cli(config)
    except ComponentError as error:
        binder.add(binder.errors, ("cli",), str(error).removeprefix("cli: "))
        return
    if program and (note := note_on_hooks(program)):
        binder.add(binder.notes, ("cli",), note)
    found = {
        name: binder.component(config.get(name), (name,), *expected)
        for name, expected in _SECTIONS.items()
    }
    model, data = (_namespace_of(found[name]) for name in ("model", "data"))
    if model and data and model != data:
        rule = "which do not mix; take both from one"
        message = f"the data module comes from {data} and the model from {model}, {rule}"
        binder.add(binder.errors, ("data", "class_path"), message)
    package = "lightning.pytorch" if model == "lightning" else NAMESPACES[0]
    arguments = config.get("trainer")
    if isinstance(arguments, dict):
        plain: Arguments = {name: (("trainer", name), value) for name, value in arguments.items()}
        _, callbacks = plain.pop("callbacks", ((), None))
        binder.arguments(resolve(f"{package}.Trainer"), "the Trainer", plain)
        # Or none, where a branch leaves nothing in its place.
        kinds = _CALLBACK | list[_CALLBACK | None] | None
        binder.value(callbacks, ("trainer", "callbacks"), kinds)


def _check_algorithm(binder: Binder, component: Component, name: str) -> None:
    """Binds the study's sampler or pruner."""
    path, short = ("study", name), component.class_path.rpartition(".")[2]
    for package in PACKAGES.get(component.class_path, ()):
        if not is_installed(package):
            message = f"{short} needs the package {package}; pip install {package}"
            binder.add(binder.errors, path, message)
    bound = binder.component(component.to_tree(), path, *_ALGORITHMS[name])
    # Optuna's constructors check their numbers, and do nothing else.
    is_right = not any(is_within(each, name_of(path)) for each in binder.errors)
    if bound and is_right and component.class_path.startswith("optuna."):
        try:
            bound.build(search_space={})
        except RefusedValuesError as error:
            binder.add(binder.errors, path, str(error).removeprefix("ValueError: "))


def _namespace_of(bound: Bound | None) -> str | None:
    """Returns the Lightning package that a class comes from; None if unknown."""
    returned = returned_type(bound.target) if bound else None
    modules = [base.__module__.partition(".")[0] for base in returned.__mro__] if returned else []
    return next((module for module in modules if module in NAMESPACES), None)
