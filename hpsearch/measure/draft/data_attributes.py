"""What a model may take from its data module, as far as the text of its class shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from inspect import isfunction
from typing import Any

from hpsearch.classes.binding import ITSELF
from hpsearch.classes.components import resolve
from hpsearch.classes.project import own_bases, text_of
from hpsearch.classes.signature import has_base, options_of
from hpsearch.measure.draft.settings import holds_settings

# A number of things, as either side may call it.
_NUMBER = re.compile(r"(n|num|nb|number_of)_(?=.)")
_DATA_MODULE = re.compile(r"(.*_)?data_?module|dm")
_ASSIGNED = re.compile(r"\bself\.([a-z]\w*)(?=(?:\s*:[^=\n]*|\s*,[^=\n(]*)?\s*=(?!=))")
_PREFIXES = ("n_", "num_", "nb_", "number_of_")


def attribute_for(data: Mapping[str, Any] | None, name: str, hint: Any = Any) -> str | None:
    """Returns the attribute of a data module that an argument is; None if there is none.

    For `n_users` that may be `num_users`; for `datamodule` it is the data module itself.

    Args:
        data: the section of the data; None without one.
        name: the argument's.
        hint: its type.
    """
    if data and is_data_module(name, hint):
        return ITSELF
    found = _NUMBER.match(name)
    alike = [f"{prefix}{name[found.end() :]}" for prefix in _PREFIXES] if found else []
    return next((each for each in (name, *alike) if has_attribute(data, each)), None)


def is_data_module(name: str, hint: Any) -> bool:
    """Returns whether an argument is a data module, by its type, or else by its name."""
    named = bool(_DATA_MODULE.fullmatch(name)) and hint is Any
    return named or any(has_base(option, "LightningDataModule") for option in options_of(hint))


def kept_by(data: Mapping[str, Any] | None) -> list[str]:
    """Returns the attributes that a data module keeps, as far as the text of its class shows."""
    names: list[str] = []
    for made in _made_by(resolve(data["class_path"])) if data else ():
        for base in own_bases(made):
            names += _ASSIGNED.findall(text_of(base))
    return [*dict.fromkeys(names)]


def has_attribute(data: Mapping[str, Any] | None, name: str) -> bool:
    """Returns whether a data module has an attribute.

    What holds its own settings, such as `self.config`, does not count; `self.inferred_config` does.

    Args:
        data: the section of the data; None without one.
        name: the attribute's.
    """
    if not data or (holds_settings(name) and "_" not in name):
        return False
    assigned = re.compile(rf"\bself\.{name}\b[^=\n]*=(?!=)")
    own = [base for made in _made_by(resolve(data["class_path"])) for base in own_bases(made)]
    return any(name in vars(base) or assigned.search(text_of(base)) for base in own)


def offered(tree: Mapping[str, Any], idle: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Returns the model's arguments that stay null, and that the data module has an attribute of.

    Args:
        tree: the sections.
        idle: the arguments that keep their values, by section.
    """
    unset = [name for name, value in idle.get("model", {}).items() if value is None]
    return [name for name in unset if has_attribute(tree.get("data"), name)]


def _made_by(target: Any) -> list[type]:
    """Returns the class of a data module, or those that a function which returns one names."""
    if isfunction(target):
        named = map(target.__globals__.get, target.__code__.co_names)
        kinds = (each for each in named if isinstance(each, type))
        return [kind for kind in kinds if has_base(kind, "LightningDataModule")]
    return [target] if isinstance(target, type) else []
