"""Rules for a study file's sections that need no class: what is required, what is reserved."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from hpsearch.protocol.job import counts_validations
from hpsearch.studyfile import slips
from hpsearch.studyfile.diagnostics import InvalidValueError, did_you_mean, nearest
from hpsearch.studyfile.distributions import check_values
from hpsearch.studyfile.document import Diagnostics, KeyPath, alternatives, items_of
from hpsearch.studyfile.expressions import is_expression, parse_expression
from hpsearch.studyfile.forbidden import forbidden_reason

REQUIRED = ("study", "model", "trainer")
SECTIONS = ("model", "data", "optimizer", "schedule", "trainer", "speed", "tensorboard", "cli")
SCHEDULE_KEYS = ("interval", "monitor")
TYPO = 0.8  # words this similar are surely the same
_COMPONENT_KEYS = ("class_path", "init_args", "dict_kwargs")
AUTO = "auto"  # of `speed:`: what pays is measured when the study begins
_SPEED: dict[str, tuple[Any, ...]] = {
    "channels_last": (True, False),
    "compile": (True, False, "reduce-overhead"),
    "onednn": (True, False),
}


def check_sections(tree: dict[str, Any], log: Diagnostics) -> None:
    """Reports what is wrong with the sections of a study file, as far as the text alone shows."""
    known, of_program = ("study", *SECTIONS), bool(tree.get("cli"))
    for name in tree:
        elsewhere = slips.section_advice(name, of_program)
        near = slips.section_line(name) or elsewhere or nearest(name, known)
        if name in known or (of_program and (name in slips.CALLBACKS or not near)):
            continue  # a program of LightningCLI may have sections of its own
        advice = elsewhere or ((line := slips.section_line(name)) and f"write {line}")
        meant = f"; {advice}" if advice else did_you_mean(name, known)
        log.add((name,), f"there is no section '{name}'{meant}")
    # A section in the wrong spelling is one error, and not a missing section as well.
    filled = [name for name in tree if tree[name] is not None]
    given = {(slips.section_line(n) or nearest(n, known) or "").partition(":")[0] for n in filled}
    for name in REQUIRED:
        if name not in given:
            log.add((name,), f"the section {name}: is missing{slips.missing_line(name, given)}")
    if tree.get("schedule") is not None and "optimizer" not in given and not tree.get("cli"):
        log.add(("schedule",), "needs an optimizer: section; the module's own is not scheduled")
    for name in ("model", "data", "optimizer", "schedule"):
        if tree.get(name) is not None and not tree.get("cli"):  # which may know the classes
            _check_component_section(name, tree[name], log)
    if not isinstance(tree.get("cli") or "", str):
        log.add(("cli",), "must be the path of a LightningCLI class, as in main.MyCLI")
    if tree.get("trainer") is not None:
        _check_trainer(tree["trainer"], log)
    _check_speed(tree.get("speed"), log)
    _check_tensorboard(tree.get("tensorboard"), log)
    for name in SECTIONS:
        section = tree.get(name)
        if tree.get("cli") and isinstance(section, dict) and "class_path" not in section:
            _check_nested(section.get("init_args"), (name, "init_args"), log)
        else:
            _check_nested(section, (name,), log)
    for place, text, names_class in texts_of(tree):
        if names_class and (reason := forbidden_reason(text)):
            log.add(place, reason)
        elif not names_class and place[0] != "study" and (line := slips.search_from_text(text)):
            log.add(place, f"{text!r} is text, since it does not begin with ~; write {line}")


def possible_values(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    """Yields the possible values: the value itself, each option, or both bounds of a range."""
    for place, written in alternatives(value, path):
        if not is_expression(written):
            yield place, written
            continue
        try:
            yield from ((place, end) for end in check_values(parse_expression(written)))
        except InvalidValueError:
            continue  # reported as an error of the expression itself


def texts_of(tree: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str, bool]]:
    """Yields every text that a value of a study may take, its place, and whether it names a class.

    Branches and the options of choices are included.
    """
    for key, child in items_of(tree):
        # The study block names its algorithms by their class path alone.
        algorithm = path[:1] == ("study",) and str(key).endswith(("sampler", "pruner"))
        called = key == "func" and path[-1:] == ("init_args",)
        names_class = algorithm or called or key == "class_path" or (key == "cli" and not path)
        for place, value in possible_values(child, (*path, key)):
            if isinstance(value, str):
                yield place, value, names_class
        yield from texts_of(child, (*path, key))


def report_unit(trainer: Any) -> str:
    """Returns what trials report after, by the `trainer:` section: `epoch` or `validation`."""
    trees = [tree for _, tree in alternatives(trainer, ("trainer",)) if isinstance(tree, dict)]
    return "validation" if any(map(counts_validations, trees)) else "epoch"


def longest_training(trainer: Any) -> int:
    """Returns the most reports that the `trainer:` section allows; 0 if it does not say.

    They are epochs, or validations if these happen within epochs (`counts_validations`).
    """
    trees = [tree for _, tree in alternatives(trainer, ("trainer",)) if isinstance(tree, dict)]
    return max((_most_reports(tree) for tree in trees), default=0)


def _most_reports(trainer: dict[str, Any]) -> int:
    epochs, steps, every, accumulated = (
        _largest(trainer.get(name))
        for name in ("max_epochs", "max_steps", "val_check_interval", "accumulate_grad_batches")
    )
    if not counts_validations(trainer):
        return int(epochs)
    if isinstance(every, float) and 0 < every <= 1:
        return int(epochs * (1 // every))
    return int(steps * (accumulated or 1) // every) if every else 0


def _largest(value: Any) -> float:
    """Returns the largest number that a value may take; 0 if it is not a number or has no bound."""
    numbers = [each for _, each in possible_values(value, ()) if isinstance(each, int | float)]
    return max([0, *filter(math.isfinite, numbers)])


def _check_component_section(name: str, section: Any, log: Diagnostics) -> None:
    for path, tree in alternatives(section, (name,)):
        optional = name in ("optimizer", "schedule")
        if (tree is None and optional) or _is_broken_expression(tree):
            continue
        if not isinstance(tree, dict) or not _names_class(tree):
            advice = f"; {line}" if (line := slips.component_line(name, tree)) else ""
            log.add(path, f"must be a mapping with class_path and init_args{advice}")
            continue
        _check_component(tree, path, log)
        if name == "schedule":
            _check_schedule(tree, path, log)


def _check_schedule(tree: dict[str, Any], path: KeyPath, log: Diagnostics) -> None:
    for place, interval in possible_values(tree.get("interval", "step"), (*path, "interval")):
        if interval not in ("step", "epoch"):
            log.add(place, f"interval must be step or epoch, not {interval!r}")
    if not isinstance(tree.get("monitor", ""), str):
        log.add((*path, "monitor"), "monitor must be the name of a metric")


def _check_trainer(section: Any, log: Diagnostics) -> None:
    for path, tree in alternatives(section, ("trainer",)):
        if not isinstance(tree, dict):
            log.add(path, "must be a mapping of Trainer arguments, as in {max_epochs: 12}")
        if not isinstance(tree, dict) or _is_broken_expression(tree):
            continue
        if {"class_path", "init_args"} & tree.keys():
            log.add(path, "holds the Trainer's own arguments, as in {max_epochs: 12}")
            continue
        for key, value in tree.items():
            if reason := slips.why_not_given(key, value):
                log.add((*path, key), reason)
        _check_length(tree, path, log)


def check_arguments(trainer: Any, log: Diagnostics) -> None:
    """Reports the Trainer's arguments that Lightning would refuse once a trial has begun."""
    for path, tree in alternatives(trainer, ("trainer",)):
        for key, value in tree.items() if isinstance(tree, dict) else ():
            for place, possible in possible_values(value, (*path, key)):
                if rule := slips.broken_rule(key, possible):
                    log.add(place, rule)


def _check_length(tree: dict[str, Any], path: KeyPath, log: Diagnostics) -> None:
    """Reports a training without an end: no epochs, no steps and no time limit."""
    otherwise = tree.get("max_time") is not None or tree.get("max_steps") not in (None, -1)
    if tree.get("max_epochs") is None and not otherwise:
        _note_no_max_epochs(tree, path, log)
    for name in ("max_epochs", "max_steps"):
        for place, number in possible_values(tree.get(name), (*path, name)):
            if number is None or (number == -1 and (name == "max_steps" or otherwise)):
                continue
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                endless = name == "max_epochs" and number == -1
                without = "; -1 needs max_steps or max_time" if endless else ""
                log.add(place, f"must be a whole number, 1 or more, not {number!r}{without}")


def _note_no_max_epochs(tree: dict[str, Any], path: KeyPath, log: Diagnostics) -> None:
    meant = nearest("max_epochs", tree.keys() - {"min_epochs"}, likeness=0.75)
    if meant is None:
        rule = "trainer needs max_epochs, as in max_epochs: 12, or max_steps"
    else:
        rule = f"the Trainer has no argument '{meant}'; did you mean 'max_epochs'?"
    log.add((*path, meant or "max_epochs"), rule)


def _check_speed(section: Any, log: Diagnostics) -> None:
    for path, tree in alternatives(section, ("speed",)):
        if tree is None or section == AUTO or _is_broken_expression(tree):
            continue
        if not isinstance(tree, dict):
            log.add(path, "must be auto, or a mapping, as in {channels_last: true, compile: true}")
            continue
        for key, value in tree.items():
            if key not in _SPEED:
                log.add((*path, key), f"speed has no key '{key}'{_instead(key)}")
                continue
            for place, given in possible_values(value, (*path, key)):
                # By type as well: 1 is not true.
                if not any(type(given) is type(ok) and given == ok for ok in _SPEED[key]):
                    log.add(place, f"must be {_either(_SPEED[key])}, not {given!r}")


def _instead(key: str) -> str:
    if nearest(key, ("bf16", "precision", "amp")):
        return "; the Trainer sets the precision: trainer.precision: bf16-mixed"
    return did_you_mean(key, _SPEED)


def _either(values: tuple[Any, ...]) -> str:
    *most, last = (str(value).lower() for value in values)
    return f"{', '.join(most)} or {last}"


def _check_tensorboard(section: Any, log: Diagnostics) -> None:
    if section is None:
        return
    if not isinstance(section, dict):
        log.add(("tensorboard",), "must be a mapping, as in {histograms: true, graph: true}")
        return
    for key, value in section.items():
        path = ("tensorboard", key)
        if key not in ("histograms", "graph"):
            meant = did_you_mean(key, ("histograms", "graph"))
            log.add(path, f"tensorboard has no key '{key}'{meant}")
        elif not isinstance(value, bool):
            log.add(path, f"must be true or false, not {value!r}")


def _check_nested(tree: Any, path: KeyPath, log: Diagnostics) -> None:
    if isinstance(tree, list):
        for index, item in enumerate(tree):
            _check_nested(item, (*path, index), log)
    if not isinstance(tree, dict):
        return
    if any(key in tree for key in _COMPONENT_KEYS) and path != ("trainer",):
        _check_component(tree, path, log)
    for key, child in tree.items():
        _check_nested(child, (*path, key), log)


def _check_component(tree: dict[str, Any], path: KeyPath, log: Diagnostics) -> None:
    class_path = tree.get("class_path")
    if not _names_class(tree):
        log.add(path, "has init_args but no class_path")
    elif "class_path" in tree and not isinstance(class_path, str | dict):
        log.add((*path, "class_path"), f"class_path must be text, not {class_path!r}")
    for part in ("init_args", "dict_kwargs"):
        if not isinstance(tree.get(part) or {}, dict):
            log.add((*path, part), f"{part} must be a mapping of arguments")
    _check_from_data(tree.get("from_data"), (*path, "from_data"), log)
    special = {"schedule": SCHEDULE_KEYS, "model": ("from_data",)}.get(str(path[0]), ())
    known = (*_COMPONENT_KEYS, *special)
    for key in tree:
        if key not in known and not key.startswith("~"):
            meant = {"_target_": "class_path"}.get(key) or nearest(key, known, likeness=TYPO)
            hint = f"did you mean '{meant}'?" if meant else "arguments go into init_args"
            log.add((*path, key), f"'{key}' is not a key of a component; {hint}")


def _check_from_data(names: Any, path: KeyPath, log: Diagnostics) -> None:
    """Reports what is wrong with the arguments that follow from the data."""
    if names is None:
        return
    if not isinstance(names, dict):
        example = "from_data: {n_classes: num_labels}"
        log.add(path, f"must map arguments to attributes of the data module, as in {example}")
        return
    for argument, attribute in names.items():
        if not isinstance(attribute, str) or is_expression(attribute):
            log.add((*path, argument), f"must be an attribute's name, not {attribute!r}")


def _names_class(tree: dict[str, Any]) -> bool:
    """Returns whether a component has a class path, even if it is misspelled."""
    return nearest("class_path", tree, likeness=TYPO) is not None


def _is_broken_expression(tree: Any) -> bool:
    """Returns whether the tree has a broken `~` key, which the space reports."""
    return isinstance(tree, dict) and any(key.startswith("~") for key in tree)
