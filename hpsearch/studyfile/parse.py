"""A study file as far as it can be read, right or wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hpsearch.studyfile.algorithms import incompatibility
from hpsearch.studyfile.diagnostics import Diagnostic, InvalidValueError
from hpsearch.studyfile.document import Diagnostics, Document
from hpsearch.studyfile.known_settings import Setting, read_setting
from hpsearch.studyfile.sections import SECTIONS, check_sections, longest_training
from hpsearch.studyfile.settings import StudySettings, read_settings
from hpsearch.studyfile.space import Space


@dataclass(frozen=True)
class ParsedStudy:
    """What a study file says where it is right; where it is wrong, there is a fault.

    Attributes:
        source: the file with overrides applied, the place of every value in it, and its faults.
        import_paths: folders in which the study's own classes are found.
        settings: the `study:` block, with defaults for what cannot be read.
        space: the space that the sections span, without the expressions that cannot be read.
    """

    source: Document
    import_paths: tuple[str, ...]
    settings: StudySettings
    space: Space

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The faults that the text alone shows, in the order of the file."""
        return self.source.diagnostics


def parse_study(source: Document, import_paths: tuple[str, ...] = ()) -> ParsedStudy:
    """Reads a study file as far as it can be read, and notes every fault of its text."""
    log = Diagnostics(source)
    if not isinstance(source.tree, dict):
        if not log.diagnostics:
            empty = "is empty" if source.tree is None else "must be a mapping of sections"
            log.add((), f"the study file {empty}; begin with study:, model:, data:, trainer:")
        return ParsedStudy(
            replace(source, diagnostics=log.diagnostics), import_paths, StudySettings(), Space({})
        )
    space = Space(sections_of(source.tree), constraints_of(source.tree))
    for path, message in space.errors:
        log.add(path, message)
    settings = read_settings(source.tree.get("study"), log, limited=bool(space.parameters))
    check_sections(source.tree, log)
    if reason := incompatibility(settings.sampler, space):
        log.add(("study", "sampler"), reason)
    _check_epochs(settings, longest_training(source.tree.get("trainer")), log)
    _check_enqueued(settings, space, log)
    return ParsedStudy(replace(source, diagnostics=log.diagnostics), import_paths, settings, space)


def constraints_of(tree: Mapping[str, Any]) -> list[str]:
    """Returns the constraints that a study file's `study:` block lists."""
    study = tree.get("study")
    listed = study.get("constraints") if isinstance(study, dict) else None
    return [text for text in listed if isinstance(text, str)] if isinstance(listed, list) else []


def _check_epochs(settings: StudySettings, longest: int, log: Diagnostics) -> None:
    if settings.epochs is not None and settings.epochs < longest:
        rule = f"{settings.epochs} epochs do not train one model: trainer.max_epochs is {longest}"
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


def sections_of(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the sections of a study file that are filled in for each trial."""
    return {name: tree[name] for name in SECTIONS if tree.get(name) is not None}
