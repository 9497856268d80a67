"""A whole study file, checked and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from hpsearch.protocol.job import Job, Placement
from hpsearch.protocol.seeds import derive_seed
from hpsearch.protocol.types import Direction, Scalar
from hpsearch.studyfile.algorithms import Component, Promote, leaves_schedule_open
from hpsearch.studyfile.diagnostics import StudyFileError
from hpsearch.studyfile.distributions import example_value
from hpsearch.studyfile.document import Document, Location
from hpsearch.studyfile.expressions import escape
from hpsearch.studyfile.parse import (
    BY_DEFAULT,
    SCHEDULER,
    ParsedStudy,
    parse_study,
    sections_of,
)
from hpsearch.studyfile.sections import AUTO, longest_training, report_unit
from hpsearch.studyfile.space import Space

_LONGEST_NAME = 64


@dataclass(frozen=True)
class StudySpec:
    """What is searched, how, and for how long.

    Attributes:
        name: the study's name in the database.
        objectives: metric name to direction; the first one decides pruning.
        sampler: what proposes settings.
        pruner: what ends a trial early.
        promote: where trials pause, and which of them continue; None if they do not pause.
        trials: how many trials are run in all; None for no limit.
        epochs: how many epochs they train in all; None for no limit.
        timeout_s: how long the search may take, in seconds; None for no limit.
        seed: the source of every random number of the study.
        trial_seed: the seed of every trial; None if it follows from `seed` and its number.
        storage: URL of the database; None for the default.
        hang_timeout_s: how long a trial may show no sign of life, in seconds; None for no limit.
        trial_timeout_s: how long a trial may train over all its attempts, in seconds; None for no
            limit.
        keep_checkpoints: how many of the best complete trials keep their best checkpoint.
        disk_budget: bytes that the checkpoints of the study may take; None for no limit.
        devices_per_trial: how many devices a trial is trained on.
        constraints: formulas that must hold for a setting, or it is not trained.
        max_parameters: trainable numbers that a model may have, or it is not trained.
        audit: share of the trials that are trained to their end instead of pausing, 0 to 1.
        enqueue: settings that are tried first, as written.
        start_from: name of the study whose best settings are tried first; None for none.
        source: the study file with overrides applied, and the place of every value in it.
        import_paths: folders with the study's own classes.
        speed: what `speed: auto` has `taken`, as a `line`, and `why`; None if the file says it all.
    """

    name: str
    objectives: Mapping[str, Direction]
    sampler: Component
    pruner: Component
    promote: Promote | None
    trials: int | None
    epochs: int | None
    timeout_s: float | None
    seed: int
    trial_seed: int | None
    storage: str | None
    hang_timeout_s: float | None
    trial_timeout_s: float | None
    keep_checkpoints: int
    disk_budget: int | None
    devices_per_trial: int
    constraints: tuple[str, ...]
    max_parameters: int | None
    audit: float
    enqueue: tuple[Any, ...]
    start_from: str | None
    source: Document = field(repr=False, compare=False)
    import_paths: tuple[str, ...] = ()
    speed: Mapping[str, Any] | None = field(default=None, compare=False)

    @property
    def document(self) -> dict[str, Any]:
        """The whole file as plain data, expressions as text; what the database stores."""
        tree: dict[str, Any] = self.source.tree
        return tree

    def seed_of(self, number: int) -> int:
        """Returns the seed of a trial."""
        if self.trial_seed is not None:
            return self.trial_seed
        return derive_seed(self.seed, "trial", number)

    def audits(self, number: int) -> bool:
        """Returns whether a trial is an audit: trained to its end instead of pausing."""
        return derive_seed(self.seed, "audit", number) < self.audit * 2**31

    @cached_property
    def space(self) -> Space:
        """The space that the sections define."""
        return Space(sections_of(self.document), self.constraints)

    @property
    def measures_speed(self) -> bool:
        """Whether what makes its trials faster is measured when it begins: `speed: auto`."""
        return bool(self.document.get("speed") == AUTO)

    def with_speed(self, choice: Mapping[str, Any] | None) -> StudySpec:
        """Returns the study with `speed: auto` decided.

        Args:
            choice: what it stands for is under `taken`, by dotted name, such as
                `{"trainer.precision": "16-mixed"}`; None for nothing.
        """
        tree = {name: part for name, part in self.document.items() if name != "speed"}
        source = replace(self.source, tree=tree)
        for name, value in (choice or {"taken": {}})["taken"].items():
            source = source.with_value(tuple(name.split(".")), value, Location("speed: auto"))
        decided = self.from_parsed(parse_study(source, self.import_paths))
        return replace(decided, speed=choice)

    def continuing(self, stored: StudySpec) -> StudySpec:
        """Returns the study with the schedule of its stored form if the file chooses none.

        A study keeps the default that it was begun with.
        """
        of_file = self.source.place_of(SCHEDULER) != BY_DEFAULT
        if of_file or not leaves_schedule_open(stored.document["study"]):
            return self
        settings = {
            key: value for key, value in self.document["study"].items() if key != "scheduler"
        }
        source = replace(self.source, tree={**self.source.tree, "study": settings})
        return self.from_parsed(parse_study(source, self.import_paths))

    @property
    def counts_validations(self) -> bool:
        """Whether the steps of a trial's reports are validations, and not epochs."""
        return report_unit(self.document["trainer"]) == "validation"

    def max_reports(self) -> int | None:
        """Returns the largest step that a trial may report; None if that depends on the data."""
        longest = longest_training(self.document["trainer"])
        if longest:
            return longest
        # If the epochs follow from other values, the text does not show them.
        found = [longest_training(c.config["trainer"]) for c in self.space.corners()]
        return max(found, default=0) or None

    def job(
        self,
        number: int,
        params: Mapping[str, Scalar],
        config: Mapping[str, Any],
        where: Placement,
        seed: int | None = None,
    ) -> Job:
        """Returns the job of one trial; its seed follows from its number if not given.

        Args:
            number: the trial.
            params: the searched values by name.
            config: the sections with these values filled in.
            where: its folder, device and threads.
            seed: the trial's seed.
        """
        return Job(
            study=self.name,
            number=number,
            params=params,
            config=config,
            objectives=self.objectives,
            study_seed=derive_seed(self.seed, "split"),
            seed=self.seed_of(number) if seed is None else seed,
            folder=str(where.folder),
            device=where.device,
            threads=where.threads,
            processes=where.processes,
            import_paths=self.import_paths,
            space={name: example_value(each) for name, each in self.space.parameters.items()},
        )

    @classmethod
    def from_parsed(cls, parsed: ParsedStudy) -> StudySpec:
        """Returns the study of a parsed file.

        Raises:
            StudyFileError: the file has errors that its text alone shows; all of them are named.
        """
        if parsed.diagnostics:
            raise StudyFileError(parsed.diagnostics)
        return cls(**vars(parsed.settings), source=parsed.source, import_paths=parsed.import_paths)

    @classmethod
    def from_document(
        cls, document: Mapping[str, Any], import_paths: tuple[str, ...] = ()
    ) -> StudySpec:
        """Returns the study stored in the database, checked again.

        Raises:
            StudyFileError: the stored study breaks a rule of this version.
        """
        source = Document(dict(document), Location("the stored study"))
        return cls.from_parsed(parse_study(source, import_paths))


def filled_document(
    spec: StudySpec, number: int, params: Mapping[str, Scalar], seed: int
) -> dict[str, Any]:
    """Returns the data of a study file that trains one trial's setting again, to the same value.

    The study keeps its objective and its seed, and so its split; it gets its own name, since it
    searches nothing.

    Args:
        spec: the study.
        number: the trial's number in it.
        params: the trial's parameters.
        seed: the trial's own seed.
    """
    sections = spec.space.sample(lambda name, _: params[name])
    suffix = f"-trial-{number}"
    study = {
        "name": spec.name[: _LONGEST_NAME - len(suffix)] + suffix,
        "objective": dict(spec.objectives),
        "pruner": "none",
        "trials": 1,
        "seed": spec.seed,
        "trial_seed": seed,
        **several_devices(spec),
    }
    return {"study": study, **escape(sections)}


def several_devices(spec: StudySpec) -> dict[str, int]:
    """Returns what the `study:` block says about the devices of a trial; nothing for one device."""
    count = spec.devices_per_trial
    return {"devices_per_trial": count} if count > 1 else {}
