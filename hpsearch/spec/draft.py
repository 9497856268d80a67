"""A study file as far as it can be read, right or wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hpsearch.spec.algorithms import misfit
from hpsearch.spec.document import Document, FaultLog
from hpsearch.spec.faults import Fault
from hpsearch.spec.sections import SECTIONS, check_sections
from hpsearch.spec.space import Space
from hpsearch.spec.study_block import StudyBlock, read_study_block


@dataclass(frozen=True)
class Draft:
    """What a study file says where it is right; where it is wrong, there is a fault.

    Attributes:
        source: the file with overrides applied, the place of every value in it, and its faults.
        import_paths: folders in which the study's own classes are found.
        block: the `study:` block, with defaults for what cannot be read.
        space: the space that the sections span, without the marks that cannot be read.
    """

    source: Document
    import_paths: tuple[str, ...]
    block: StudyBlock
    space: Space

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults that the text alone shows, in the order of the file."""
        return self.source.faults


def draft_of(source: Document, import_paths: tuple[str, ...] = ()) -> Draft:
    """Reads a study file as far as it can be read, and notes every fault of its text."""
    log = FaultLog(source)
    if not isinstance(source.tree, dict):
        if not log.faults:
            empty = "is empty" if source.tree is None else "must be a mapping of sections"
            log.add((), f"the study file {empty}; begin with study:, model:, data:, trainer:")
        return Draft(replace(source, faults=log.faults), import_paths, StudyBlock(), Space({}))
    space = Space(sections_of(source.tree))
    for path, message in space.problems:
        log.add(path, message)
    block = read_study_block(source.tree.get("study"), log, limited=bool(space.parameters))
    check_sections(source.tree, log)
    if reason := misfit(block.sampler, space):
        log.add(("study", "sampler"), reason)
    return Draft(replace(source, faults=log.faults), import_paths, block, space)


def sections_of(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the sections of a study file that are filled in for each trial."""
    return {name: tree[name] for name in SECTIONS if tree.get(name) is not None}
