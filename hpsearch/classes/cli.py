"""What a LightningCLI class adds to its configurations: links between arguments, and classes.

A study names the class in `cli:`. Its `add_arguments_to_parser` provides the links; the classes
that it is called with, as in `MyCLI(Net, Rows)`, are read from the text of its module.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import partial
from operator import attrgetter
from typing import Any

from hpsearch.classes.components import ComponentError, is_component, resolve
from hpsearch.classes.project import own_bases
from hpsearch.classes.signature import has_base, signature_of

_HOOKS = (
    *("parse_arguments", "before_instantiate_classes", "instantiate_classes"),
    *("instantiate_trainer", "configure_optimizers", "before_fit", "fit"),
)


def note_on_hooks(cli: Any) -> str:
    """Returns which methods of a LightningCLI class may set values, and are not called; or ""."""
    hooks = [name for name in _HOOKS if any(name in vars(base) for base in own_bases(cli))]
    if not hooks:
        return ""
    return (
        f"hpsearch does not call {', '.join(hooks)} of {_path_of(cli)}; a value set there, such as"
        " an argument of the model, belongs in the file"
    )


class _Parser:
    """Replaces the parser of a LightningCLI class: it only follows the links."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config
        self._callbacks: dict[str, str] = {}
        self._defaults: dict[str, Any] = {}

    def add_lightning_class_args(self, owner: Any, name: str, *_: Any, **__: Any) -> None:
        """Records a callback, whose arguments have their own section."""
        if has_base(owner, "Callback"):
            self._callbacks[name] = _path_of(owner)

    def add_optimizer_args(self, owner: Any = None, *given: Any, **more: Any) -> None:
        """Names the optimizer's class, if the program knows it."""
        self._name_class("optimizer", owner, *given, **more)

    def add_lr_scheduler_args(self, owner: Any = None, *given: Any, **more: Any) -> None:
        """Names the schedule's class, if the program knows it."""
        self._name_class("schedule", owner, *given, **more)

    def _name_class(
        self, section: str, owner: Any, nested_key: str = "", link_to: str = "AUTOMATIC"
    ) -> None:
        if inspect.isclass(owner) and link_to == "AUTOMATIC":
            _name_class(self._config, section, owner)

    def set_defaults(self, defaults: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Records arguments that the file need not give; it must give those of the Trainer."""
        given = {**(defaults or {}), **more}
        kept = {path: given[path] for path in given if path.partition(".")[0] != "trainer"}
        self._defaults |= {path: value for path, value in kept.items() if "." in path}

    def finish(self) -> None:
        """Adds what the file leaves out, and the callbacks of the program."""
        for name in self._callbacks:
            self._config[name] = dict(self._config.get(name) or {})
        for path, value in self._defaults.items():
            owner, name = self._owner_of(path)
            given = {name: value} | _arguments(owner)
            owner |= {"init_args": given} if "class_path" in owner else given
        trainer = self._config.get("trainer")
        if self._callbacks and isinstance(trainer, dict):
            listed = trainer.get("callbacks") or []
            made = [
                {"class_path": path, "init_args": self._config.pop(name)}
                for name, path in self._callbacks.items()
            ]
            trainer["callbacks"] = [*(listed if isinstance(listed, list) else [listed]), *made]

    def link_arguments(
        self, source: Any, target: str, compute_fn: Any = None, apply_on: str = "parse"
    ) -> None:
        compute = compute_fn or (lambda value: value)
        sources = [source] if isinstance(source, str) else [*source]
        owner, name = self._owner_of(target)
        if apply_on == "instantiate":
            derived = {name: partial(_derive, compute, sources)}
            owner["from_data"] = derived | (owner.get("from_data") or {})
        else:
            given = {name: compute(*map(self._value_of, sources))} | _arguments(owner)
            owner |= {"init_args": given} if "class_path" in owner else given

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None

    def _owner_of(self, path: str) -> tuple[dict[str, Any], str]:
        """Returns the component that an argument belongs to, and the argument's name."""
        *owners, name = path.replace(".init_args", "").split(".")
        found: Any = self._config
        for owner in owners:
            found = _arguments(found).get({"lr_scheduler": "schedule"}.get(owner, owner))
            if not isinstance(found, dict):
                raise ComponentError(f"cli: a link names {path}, and there is no {owner}")
        return found, name

    def _value_of(self, path: str) -> Any:
        """Returns the value of an argument, or its default."""
        owner, name = self._owner_of(path)
        known = signature_of(resolve(owner["class_path"])).defaults if "class_path" in owner else {}
        known = {**known, **_arguments(owner)}
        if name not in known:
            raise ComponentError(f"cli: a link comes from {path}, which has no value")
        return known[name]


def with_cli(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a filled-in configuration with the additions of the class in `cli:`, made once.

    Raises:
        ComponentError: the class cannot be found, or it links something that does not exist; or
            neither it nor the file names the class of the model or of the data.
    """
    filled = deepcopy(dict(config))
    if not filled.get("cli"):
        return filled
    cli = resolve(str(filled.pop("cli")))
    for section, owner in zip(("model", "data"), _classes_called_with(cli), strict=False):
        _name_class(filled, section, owner)
    parser = _Parser(filled)
    cli.add_arguments_to_parser(cli.__new__(cli), parser)
    parser.finish()
    for section, absent in (("model", {}), ("data", None)):
        tree = filled.get(section, absent)
        if isinstance(tree, dict) and not is_component(tree):
            raise ComponentError(
                f"cli: where {cli.__name__} is defined, no call of it names the class of {section};"
                f" write {section}.class_path"
            )
    return filled


def _name_class(config: dict[str, Any], section: str, owner: Any) -> None:
    """Names the class of a section, unless the section does or there is none."""
    if owner is not None and isinstance(config.get(section) or {}, dict):
        config[section] = {"class_path": _path_of(owner), **(config.get(section) or {})}


def _path_of(owner: Any) -> str:
    return f"{owner.__module__}.{owner.__qualname__}"


def _arguments(tree: Mapping[str, Any]) -> dict[str, Any]:
    return dict(tree.get("init_args") or {} if "class_path" in tree else tree)


def _derive(compute: Callable[..., Any], sources: list[str], data: Any) -> Any:
    paths = [source.partition(".")[2] for source in sources]
    return compute(*[attrgetter(path)(data) if path else data for path in paths])


def _classes_called_with(cli: Any) -> Iterator[Any]:
    """Yields the classes of model and data that a module calls its CLI with; None for neither."""
    module = sys.modules[cli.__module__]
    names = {base.__name__ for base in cli.__mro__}
    for call in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] in names:
            keywords = {keyword.arg: keyword.value for keyword in call.keywords}
            given = [*call.args, *[None] * 2][:2]
            named = (keywords.get("model_class"), keywords.get("datamodule_class"))
            for argument, keyword in zip(given, named, strict=True):
                written = ast.unparse(argument or keyword or ast.Constant(None))
                try:
                    found = attrgetter(written)(module)
                except AttributeError:  # None, or known only when the program runs
                    found = None
                yield found
            return
