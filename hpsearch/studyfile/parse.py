"""A study file as far as it can be parsed, correct or not."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hpsearch.studyfile.algorithms import (
    PROMOTE,
    incompatibility,
    leaves_schedule_open,
    why_blind,
    why_idle,
)
from hpsearch.studyfile.diagnostics import Diagnostic, InvalidValueError, did_you_mean, in_yaml
from hpsearch.studyfile.distributions import Choice
from hpsearch.studyfile.document import (
    Diagnostics,
    Document,
    KeyPath,
    Location,
    alternatives,
    name_of,
)
from hpsearch.studyfile.expressions import is_expression
from hpsearch.studyfile.known_settings import (
    Setting,
    broken_constraint,
    expected_setting,
    read_setting,
)
from hpsearch.studyfile.links import InfeasibleError
from hpsearch.studyfile.sections import (
    AUTO,
    SECTIONS,
    check_arguments,
    check_sections,
    longest_training,
    report_unit,
)
from hpsearch.studyfile.settings import StudySettings, read_settings
from hpsearch.studyfile.space import Space

SCHEDULER = ("study", "scheduler")
_DRAWN = 20_000
BY_DEFAULT = Location("the default scheduler")
# Lightning's strategies that accept processes started by others, and save one file.
STRATEGIES = (
    *("auto", "ddp", "ddp_find_unused_parameters_true", "ddp_find_unused_parameters_false"),
    *("fsdp", "fsdp_cpu_offload"),
)


@dataclass(frozen=True)
class ParsedStudy:
    """The correct parts of a study file, and an error for each incorrect one.

    Attributes:
        source: the file with overrides applied, the place of every value in it, and its errors.
        import_paths: folders with the study's own classes.
        settings: the `study:` block, with defaults for what cannot be read.
        space: the space that the sections define, without expressions that cannot be parsed.
    """

    source: Document
    import_paths: tuple[str, ...]
    settings: StudySettings
    space: Space

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The errors that the text alone shows, in the order of the file."""
        return self.source.diagnostics


def parse_study(
    source: Document, import_paths: tuple[str, ...] = (), *, stored: bool = True
) -> ParsedStudy:
    """Parses a study file as far as possible, and collects every error of its text.

    Args:
        source: the file with overrides applied.
        import_paths: folders with the study's own classes.
        stored: the study is stored already. It keeps its schedule, while a file that chooses none
            gets the default, and it opens even if earlier versions let it enqueue a setting that
            breaks a constraint, or if no setting seems to be possible; both are errors of a file.
    """
    log = Diagnostics(source)
    if not isinstance(source.tree, dict):
        if not log.diagnostics:
            empty = "is empty" if source.tree is None else "must be a mapping of sections"
            log.add((), f"the study file {empty}; begin with study:, model:, data:, trainer:")
        return ParsedStudy(
            replace(source, diagnostics=log.diagnostics), import_paths, StudySettings(), Space({})
        )
    space = Space(sections_of(source.tree), constraints_of(source.tree))
    if not stored and space.parameters and leaves_schedule_open(source.tree.get("study")):
        source = source.with_value(SCHEDULER, PROMOTE, BY_DEFAULT)
    for path, message in space.errors:
        log.add(path, message)
    settings = read_settings(source.tree.get("study"), log, limited=bool(space.parameters))
    check_sections(source.tree, log)
    _check_several_devices(source.tree, log)
    if reason := incompatibility(settings.sampler, space):
        log.add(("study", "sampler"), reason)
    _check_epochs(settings, source.tree.get("trainer"), log)
    _check_enqueued(settings, space, log)
    if not stored:
        # A study that is stored may break these, and shows its results all the same.
        _check_options(space, source, log)
        check_arguments(source.tree.get("trainer"), log)
    if not log.diagnostics:
        _check_priors(space, log)
    if not log.diagnostics and not stored:
        _check_trainable(settings, space, log)
        _check_feasible(settings, space, log)
    return ParsedStudy(replace(source, diagnostics=log.diagnostics), import_paths, settings, space)


def notes_on(parsed: ParsedStudy) -> list[tuple[KeyPath, str]]:
    """Returns possible mistakes in the choice of sampler and pruner, with their places."""
    settings, tree = parsed.settings, parsed.source.tree
    trainer, study = (tree.get(name) for name in ("trainer", "study"))
    idle = why_idle(settings.pruner, longest_training(trainer), report_unit(trainer))
    found = {
        "pruner": idle if isinstance(study, dict) and "pruner" in study else None,
        "sampler": why_blind(settings.sampler, settings.pruner, settings.promote),
    }
    return [(("study", name), message) for name, message in found.items() if message]


def constraints_of(tree: Mapping[str, Any]) -> list[str]:
    """Returns the constraints that a study file's `study:` block lists."""
    study = tree.get("study")
    listed = study.get("constraints") if isinstance(study, dict) else None
    return [text for text in listed if isinstance(text, str)] if isinstance(listed, list) else []


def compiling(speed: Any) -> list[KeyPath]:
    """Returns where a `speed:` section has networks compiled; it may, if that is searched."""
    parts = alternatives(speed, ("speed",))
    return [
        (*at, "compile") for at, part in parts if isinstance(part, dict) and part.get("compile")
    ]


def _check_options(space: Space, source: Document, log: Diagnostics) -> None:
    """Reports options that no table, report or `--set` can tell apart."""
    for name, found in space.parameters.items():
        if isinstance(found, Choice) and (pair := found.alike()):
            path = next((at for at in source.locations if name_of(at) == name), ())
            rule = f"options that cannot be told apart: {in_yaml(pair[0])} and {pair[1]!r}"
            log.add(path, f"~choice has {rule}; leave one out")


def _check_epochs(settings: StudySettings, trainer: Any, log: Diagnostics) -> None:
    longest, unit = longest_training(trainer), report_unit(trainer)
    if settings.epochs is not None and settings.epochs < longest:
        whole = f"trainer.max_epochs is {longest}"
        if unit == "validation":
            whole = f"a trial has up to {longest} validations, which epochs counts here"
        rule = f"{settings.epochs} {unit}s are too few for one model: {whole}"
        log.add(("study", "epochs"), f"{rule}; write {longest} or more")


def _check_enqueued(settings: StudySettings, space: Space, log: Diagnostics) -> None:
    known: list[Setting] = []
    for index, written in enumerate(settings.enqueue):
        path = ("study", "enqueue", index)
        try:
            setting = read_setting(space, written)
        except InvalidValueError as error:
            log.add(path, str(error))
            continue
        if setting in known:
            log.add(path, f"is the same setting as entry {known.index(setting)}; leave one out")
        known.append(setting)


def _check_priors(space: Space, log: Diagnostics) -> None:
    """Reports priors that are impossible together, although trial 0 has all of them."""
    try:
        expected_setting(space)
    except InfeasibleError as error:
        rule = f"trial 0 has all priors, which are impossible together: {error.message}"
        log.add(error.path or ("study", "constraints"), f"{rule}; change one of them")


def _check_trainable(settings: StudySettings, space: Space, log: Diagnostics) -> None:
    """Reports enqueued settings that would never be trained: they break a constraint."""
    for index, written in enumerate(settings.enqueue):
        if broken := broken_constraint(space, read_setting(space, written)):
            rule = f"this setting would never be trained: {broken}"
            log.add(("study", "enqueue", index), f"{rule}; change it, or leave it out")


def _check_feasible(settings: StudySettings, space: Space, log: Diagnostics) -> None:
    """Reports constraints that no setting satisfies, unless the study is given settings.

    A search finds what one setting in a thousand satisfies; that is far from being missed here.
    """
    if settings.enqueue or settings.start_from:
        return
    chance = random.Random(0)
    broken = InfeasibleError((), "")
    for _ in range(_DRAWN):
        try:
            space.sample(lambda _, distribution: distribution.draw(chance))
            return
        except InfeasibleError as error:
            broken = error
    rule = f"none of {_DRAWN:,} random settings is possible: in the last one, {broken.message}"
    advice = "loosen a constraint, or widen the ranges"
    log.add(broken.path or ("study", "constraints"), f"{rule}; {advice}")


def _check_several_devices(tree: Mapping[str, Any], log: Diagnostics) -> None:
    """Reports a strategy that a trial cannot have, and what does not work on several devices."""
    study, speed = tree.get("study"), tree.get("speed")
    devices = study.get("devices_per_trial") if isinstance(study, dict) else None
    several = isinstance(devices, int) and devices > 1
    for path, trainer in alternatives(tree.get("trainer"), ("trainer",)):
        if not isinstance(trainer, dict) or "strategy" not in trainer:
            continue
        for place, strategy in alternatives(trainer["strategy"], (*path, "strategy")):
            if error := _strategy_error(strategy, several):
                log.add(place, error)
    if several and speed == AUTO:
        rule = "auto measures a trial on one device"
        log.add(("speed",), f"{rule}; leave it out, or leave study.devices_per_trial out")
    for place in compiling(speed) if several else ():
        rule = "a network on several devices is not compiled"
        log.add(place, f"{rule}; leave it out, or leave study.devices_per_trial out")


def _strategy_error(strategy: Any, several: bool) -> str:
    if strategy == "auto":
        return ""
    if not several:
        return (
            "cannot be set: a trial runs on one device; leave it out, or say on how many with"
            " study.devices_per_trial"
        )
    if strategy in STRATEGIES:
        return ""
    if is_expression(strategy):
        return "cannot be searched; write one of " + ", ".join(STRATEGIES)
    meant = did_you_mean(str(strategy), STRATEGIES)
    return f"{strategy!r} is not a strategy that a trial can have{meant}"


def sections_of(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the sections of a study file that are filled in for each trial.

    A LightningCLI class may have additional sections, such as those of its callbacks. `speed: auto`
    is none: it is decided before there are trials.
    """
    known = [name for name in tree if name != "study"] if tree.get("cli") else SECTIONS
    given = {name: tree[name] for name in known if tree.get(name) is not None}
    return {name: section for name, section in given.items() if (name, section) != ("speed", AUTO)}
