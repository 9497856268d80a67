"""The job of one trial: a filled-in configuration, a place and seeds."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hpsearch.protocol.types import Direction, Scalar

# Whose record or checkpoint a file is: study, trial, hash of the parameters, seed.
Identity = Mapping[str, str | int]


def counts_validations(trainer: Mapping[str, Any]) -> bool:
    """Returns whether the steps of a trial's reports count validations instead of epochs.

    They count epochs if a trial is validated only at the ends of epochs and ends after a number of
    them. Otherwise epochs do not measure its progress.

    Args:
        trainer: the study file's `trainer` section with every value filled in.
    """
    within = trainer.get("val_check_interval") not in (None, 1.0) or (
        # Every batch: 1 is a number of batches, 1.0 a part of an epoch.
        isinstance(trainer.get("val_check_interval"), int)
    )
    return within or trainer.get("max_epochs") in (None, -1)


@dataclass(frozen=True)
class Placement:
    """Where a trial runs.

    Attributes:
        folder: the trial's own folder.
        device: `cpu`, `cuda:N`, `cuda:N,M` or `mps`, as the machine numbers them.
        threads: CPU threads each of its processes may use.
        processes: how many train the trial together, one per device.
    """

    folder: Path
    device: str = "cpu"
    threads: int = 1
    processes: int = 1


@dataclass(frozen=True)
class Job:
    """One trial, ready to run: everything its process needs, as plain data.

    Attributes:
        study: name of the study.
        number: the trial's number in the study, from 0.
        params: the searched values by name, for TensorBoard and `params.yaml`.
        config: the study file's sections (`model`, `data`, `optimizer`, `schedule`, `trainer`,
            `speed`, `tensorboard`) with every searched value filled in.
        objectives: metric name to direction; the first one decides pruning and the best epoch.
        study_seed: decides what must be the same in every trial (the train/validation split).
        seed: decides what differs between trials (initial weights, data order, dropout).
        folder: the trial's own folder for reports, checkpoints and curves.
        device: `cpu`, `cuda:N`, `cuda:N,M` or `mps`, as the machine numbers them; its processes see
            no others.
        threads: CPU threads each process may use.
        import_paths: folders with the study's own classes.
        rehearse: try a few batches first, with everything the trial has, so that what would fail
            every trial is found in seconds.
        study_id: identifies the study among others of its name; empty outside a study.
        attempt: identifies this start of the trial, and which of two came later.
        processes: how many train the trial together, one per device.
        space: an example of the values of each parameter, those of other branches too, for
            TensorBoard's table.
    """

    study: str
    number: int
    params: Mapping[str, Scalar]
    config: Mapping[str, Any]
    objectives: Mapping[str, Direction]
    study_seed: int
    seed: int
    folder: str
    device: str = "cpu"
    threads: int = 1
    import_paths: tuple[str, ...] = ()
    rehearse: bool = False
    study_id: str = ""
    attempt: str = ""
    processes: int = 1
    space: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def identity(self) -> dict[str, str | int]:
        """Whose record the trial accepts: that of this study, number, parameters and seed."""
        return identity_of(self.study_id, self.number, self.params, self.seed)

    @property
    def owner(self) -> dict[str, str | int]:
        """Whose checkpoints the trial accepts: its name, for people, and its identity."""
        return {"owner": f"{self.study}, trial {self.number}", **self.identity}

    def to_json(self) -> str:
        """Returns the job as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Job:
        """Returns the job that `to_json` wrote."""
        fields = json.loads(line)
        fields["import_paths"] = tuple(fields["import_paths"])
        return cls(**fields)


def attempt_token(number: int) -> str:
    """Returns a token that identifies an attempt, with its number among those of the trial."""
    return f"{number}-{uuid.uuid4().hex}"


def attempt_number(token: str) -> int:
    """Returns the number in an attempt's token; 0 for a token of an earlier version."""
    number, dash, _ = token.partition("-")
    return int(number) if dash and number.isdecimal() else 0


def identity_of(
    study_id: str, number: int, params: Mapping[str, Scalar], seed: int
) -> dict[str, str | int]:
    """Returns what identifies the record of a trial."""
    text = json.dumps(dict(params), sort_keys=True).encode()
    return {
        "study": study_id,
        "trial": number,
        "parameters": hashlib.sha256(text).hexdigest(),
        "seed": seed,
    }


def is_owned(facts: Mapping[str, Any], owner: Mapping[str, str | int]) -> bool:
    """Returns whether a checkpoint's sidecar says that it belongs to a trial.

    Version 0.1.0 wrote no owner. If there is a study's id, its name is only for people, since a
    study may be renamed.

    Args:
        facts: the sidecar's contents.
        owner: of the trial: see `Job.owner`.
    """
    expected = {
        name: fact for name, fact in owner.items() if name != "owner" or "study" not in facts
    }
    return all(facts.get(name, fact) == fact for name, fact in expected.items())
