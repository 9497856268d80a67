"""The second half of the check: classes and their arguments, inspected but never built.

Every class path is followed and every argument bound, at every corner of the space. Classes are
imported for that, and with them torch and Lightning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hpsearch.classes.binding import Binder
from hpsearch.classes.bound import Bound
from hpsearch.classes.cli import with_cli
from hpsearch.classes.components import (
    ComponentError,
    importing_from,
    is_component,
    is_installed,
    resolve,
)
from hpsearch.classes.signature import Kind, returned_type
from hpsearch.studyfile.algorithms import PACKAGES, Component, why_blind, why_idle
from hpsearch.studyfile.diagnostics import Diagnostic
from hpsearch.studyfile.document import (
    Diagnostics,
    Document,
    KeyPath,
    Location,
)
from hpsearch.studyfile.parse import ParsedStudy, parse_study
from hpsearch.studyfile.sections import longest_training, report_unit

# The path of a value, and a message about it.
Findings = list[tuple[KeyPath, str]]
Find = Callable[[Any, Sequence[str], Sequence[str]], tuple[Findings, Findings]]
NAMESPACES = ("pytorch_lightning", "lightning")
_KINDS = {
    "model": "LightningModule",
    "data": "LightningDataModule",
    "optimizer": "Optimizer",
    "schedule": "LRScheduler",
    "sampler": "BaseSampler",
    "pruner": "BasePruner",
    "callbacks": "Callback",
}
# What hpsearch passes to a section's class unless the file does.
SUPPLIED: dict[str, tuple[str, ...]] = {
    "model": ("input_shape", "classes"),
    "data": ("split_seed", "order_seed"),
    "optimizer": ("params",),
    "schedule": ("optimizer", "total_steps"),
    "sampler": ("search_space", "seed", "max_resource", "reduction_factor", "priors"),
    "pruner": (),
}


def check_components(
    parsed: ParsedStudy,
    note: Callable[[str], None] = lambda text: None,
    find: Find | None = None,
) -> tuple[Diagnostic, ...]:
    """Returns the errors of a study's classes and arguments, each once, in the file's order.

    Args:
        parsed: the study; values that already have an error are not checked again.
        note: takes a line about what is accepted but may be a mistake.
        find: does the work of `find_errors`, in another process; here if it is not given.
    """
    wrong = [diagnostic.path for diagnostic in parsed.diagnostics]
    found = (find or find_errors)(parsed.source.tree, parsed.import_paths, wrong)
    log, notes = Diagnostics(parsed.source), Diagnostics(parsed.source)
    for diagnostics, findings in zip((log, notes), found, strict=True):
        for path, message in findings:
            diagnostics.add(tuple(path), message)
    known = set(parsed.diagnostics)
    for diagnostic in notes.diagnostics:
        if diagnostic not in known:
            note(str(diagnostic).splitlines()[0].replace(": error: ", ": note: ", 1))
    return tuple(diagnostic for diagnostic in log.diagnostics if diagnostic not in known)


def find_errors(
    tree: Any, import_paths: Sequence[str], wrong: Sequence[str] = ()
) -> tuple[Findings, Findings]:
    """Returns the errors of a study's classes and arguments, and the notes on them.

    Imports the classes (and with them torch and Lightning) but builds none of them.

    Args:
        tree: the study file as data, expressions as text.
        import_paths: folders with the study's own classes.
        wrong: names of values that already have an error.
    """
    known = tuple(Diagnostic("", None, name, "") for name in wrong)
    document = Document(tree, Location("the study"), diagnostics=known)
    parsed = parse_study(document, tuple(import_paths))
    log = Diagnostics(parsed.source)
    errors: Findings = []
    notes: Findings = []
    with importing_from(import_paths):
        for corner in parsed.space.corners():
            _Check(log, corner.origins, errors, notes).corner(corner.config)
        for role in ("sampler", "pruner"):
            component = getattr(parsed.settings, role)
            _Check(log, {}, errors, notes).algorithm(role, component)
    trainer = tree.get("trainer")
    idle = why_idle(parsed.settings.pruner, longest_training(trainer), report_unit(trainer))
    if idle and "pruner" in tree["study"]:
        notes.append((("study", "pruner"), idle))
    settings = parsed.settings
    if blind := why_blind(settings.sampler, settings.pruner, settings.promote):
        notes.append((("study", "sampler"), blind))
    return errors, notes


class _Check:
    """Checks the components of one filled-in configuration."""

    def __init__(
        self,
        log: Diagnostics,
        origins: Mapping[KeyPath, KeyPath],
        errors: Findings,
        notes: Findings,
    ) -> None:
        self._log, self._origins, self._errors, self._notes = log, origins, errors, notes
        self._binder = Binder(self.diagnostic, self._note, self._known)

    def corner(self, config: Mapping[str, Any]) -> None:
        """Checks every section of a configuration."""
        try:
            config = with_cli(config)
        except ComponentError as error:
            return self.diagnostic(("cli",), str(error))
        found = {
            name: self.component(config[name], (name,), name)
            for name in ("model", "data", "optimizer", "schedule")
            if config.get(name) is not None
        }
        model, data = (_namespace_of(found.get(name)) for name in ("model", "data"))
        if model and data and model != data:
            rule = "which do not mix; take both from one"
            message = f"the data module comes from {data} and the model from {model}, {rule}"
            self.diagnostic(("data", "class_path"), message)
        return self._trainer(config.get("trainer"), model or NAMESPACES[0])

    def algorithm(self, role: str, component: Component) -> None:
        """Checks the study's sampler or pruner."""
        for package in PACKAGES.get(component.class_path, ()):
            if not is_installed(package):
                name = component.class_path.rpartition(".")[2]
                message = f"{name} needs the package {package}; pip install {package}"
                return self.diagnostic(("study", role), message)
        self.component(component.to_tree(), ("study", role), role)
        return None

    def component(self, tree: Any, path: KeyPath, role: str) -> Bound | None:
        """Checks a component that must be of its role's kind."""
        if not is_component(tree):
            return None
        return self._binder.component(tree, path, Kind(_KINDS[role]), SUPPLIED.get(role, ()))

    def diagnostic(self, path: KeyPath, message: str) -> None:
        """Records an error at the place where the value is written."""
        written = self._written(path)
        if not self._log.has(written):
            self._log.add(written, message)
            self._errors.append((written, message))

    def _trainer(self, arguments: Any, namespace: str) -> None:
        if not isinstance(arguments, dict):
            return
        target = resolve(
            "lightning.pytorch.Trainer" if namespace == "lightning" else f"{namespace}.Trainer"
        )
        plain = {name: (("trainer", name), value) for name, value in arguments.items()}
        _, callbacks = plain.pop("callbacks", ((), None))
        self._binder.arguments(target, "the Trainer", plain)
        path: KeyPath = ("trainer", "callbacks")
        listed = enumerate(callbacks) if isinstance(callbacks, list) else [(None, callbacks)]
        for index, callback in listed:
            place = path if index is None else (*path, index)
            if callback is not None and not is_component(callback):
                rule = "must be a Callback with class_path and init_args"
                self.diagnostic(place, f"{rule}, not {callback!r}")
            self.component(callback, place, "callbacks")

    def _note(self, path: KeyPath, message: str) -> None:
        self._notes.append((self._written(path), message))

    def _known(self, path: KeyPath, inside: bool) -> bool:
        written = self._written(path)
        return self._log.has_within(written) if inside else self._log.has(written)

    def _written(self, path: KeyPath) -> KeyPath:
        """Returns where a value of the configuration is written, possibly in a branch."""
        length = next(n for n in range(len(path), -1, -1) if not n or path[:n] in self._origins)
        return (*self._origins.get(path[:length], ()), *path[length:])


def _namespace_of(bound: Bound | None) -> str | None:
    """Returns the Lightning package that a class comes from; None if unknown."""
    returned = returned_type(bound.target) if bound else None
    modules = [base.__module__.partition(".")[0] for base in returned.__mro__] if returned else []
    return next((module for module in modules if module in NAMESPACES), None)
