"""A whole study file, checked and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hpsearch.spec.algorithms import Component, misfit
from hpsearch.spec.document import Document, FaultLog, Place
from hpsearch.spec.faults import StudyFileError
from hpsearch.spec.job import Direction
from hpsearch.spec.paths import alternatives
from hpsearch.spec.sections import SECTIONS, check_sections, possible_values
from hpsearch.spec.space import Space, SpaceError
from hpsearch.spec.study_block import read_study_block


@dataclass(frozen=True)
class StudySpec:
    """What is searched, how, and for how long.

    Attributes:
        name: the study's name in the database.
        objectives: metric name to direction; the first one decides pruning.
        sampler: what proposes settings.
        pruner: what ends a trial early.
        trials: how many trials are run in all; None for no limit.
        timeout_s: how long the search may take, in seconds; None for no limit.
        seed: where every random number of the study comes from.
        storage: URL of the database; None for the default.
        source: the study file with overrides applied, and the place of every value in it.
        import_paths: folders in which the study's own classes are found.
    """

    name: str
    objectives: Mapping[str, Direction]
    sampler: Component
    pruner: Component
    trials: int | None
    timeout_s: float | None
    seed: int
    storage: str | None
    source: Document = field(repr=False, compare=False)
    import_paths: tuple[str, ...] = ()

    @property
    def document(self) -> dict[str, Any]:
        """The whole file as plain data, marks as text; what the database stores."""
        tree: dict[str, Any] = self.source.tree
        return tree

    @cached_property
    def space(self) -> Space:
        """The space that the sections span."""
        return Space(_sections(self.document))

    def max_epochs(self) -> int:
        """Returns the most epochs that a trial of the space may take."""
        values: list[int] = [
            epochs
            for path, trainer in alternatives(self.document["trainer"], ("trainer",))
            for _, epochs in possible_values(trainer["max_epochs"], (*path, "max_epochs"))
        ]
        return max(values)

    @classmethod
    def from_source(cls, source: Document, import_paths: tuple[str, ...] = ()) -> StudySpec:
        """Returns the study that a file says.

        Raises:
            StudyFileError: the file has faults that its text alone shows; all of them are named.
        """
        log = FaultLog(source)
        if not isinstance(source.tree, dict):
            if not log.faults:
                empty = "is empty" if source.tree is None else "must be a mapping of sections"
                log.add((), f"the study file {empty}; begin with study:, model:, data:, trainer:")
            raise StudyFileError(log.faults)
        space = _read_space(source.tree, log)
        block = read_study_block(source.tree.get("study"), log)
        check_sections(source.tree, log)
        if space and (reason := misfit(block.sampler, space)):
            log.add(("study", "sampler"), reason)
        if space and space.parameters and block.trials is None and block.timeout_s is None:
            log.add(("study", "trials"), "study needs a limit, as in trials: 60 or timeout: 2h")
        if log.faults:
            raise StudyFileError(log.faults)
        return cls(**vars(block), source=source, import_paths=import_paths)

    @classmethod
    def from_document(
        cls, document: Mapping[str, Any], import_paths: tuple[str, ...] = ()
    ) -> StudySpec:
        """Returns the study that the database stores, checked again.

        Raises:
            StudyFileError: the stored study breaks a rule of this version.
        """
        return cls.from_source(Document(dict(document), Place("the stored study")), import_paths)


def _sections(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tree[name] for name in SECTIONS if tree.get(name) is not None}


def _read_space(tree: Mapping[str, Any], log: FaultLog) -> Space | None:
    try:
        return Space(_sections(tree))
    except SpaceError as error:
        for path, message in error.problems:
            log.add(path, message)
        return None
