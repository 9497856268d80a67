"""Whose files a trial's folder holds: the trial's own, or those of another trial.

A database that was restored or copied, or that has lost its newest rows, may give a new trial a
number whose folder exists already. The record in that folder then belongs to other parameters.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal

from optuna.trial import FrozenTrial, TrialState

from hpsearch.protocol.events import Record, best_report, digest_of, read_record
from hpsearch.protocol.job import Identity, identity_of
from hpsearch.protocol.layout import trial_folder
from hpsearch.protocol.messages import Report
from hpsearch.protocol.regular_file import read_regular
from hpsearch.protocol.types import Direction, Scalar, primary, sign_of
from hpsearch.search.store.keys import CURVE, SEED

EVENTS = "events.jsonl"
ORPHANS = "orphans"
_REPORT, _ENDED = b'{"kind": "Report"', b'{"kind": "Ended"'
_COMPLETE = b'{"kind": "Ended", "how": "complete"'
_SIDECARS = ("last.json", "previous.json", "best.json")

Whose = Literal["nobody", "own", "another study", "another trial", "other parameters", "unknown"]


@dataclass(frozen=True)
class Evidence:
    """What a trial's folder says about its owner.

    Attributes:
        whose: `nobody` if nothing was written yet; `unknown` if there are reports but nothing says
            whose.
        record: the trial's reports and end; empty if they are not its own.
    """

    whose: Whose
    record: Record

    @property
    def foreign(self) -> bool:
        """Whether it holds files that are not the trial's own, or cannot be shown to be."""
        return self.whose not in ("nobody", "own")


def trial_identity(study_id: str, seed_of: Callable[[int], int], trial: FrozenTrial) -> Identity:
    """Returns the identity that a trial's record must have, according to the database.

    Args:
        study_id: identifies the study among others of the same name.
        seed_of: returns the seed of a trial by number, if the trial has none of its own.
        trial: the trial.
    """
    own = trial.user_attrs.get(SEED)
    seed = seed_of(trial.number) if own is None else own
    return identity_of(study_id, trial.number, trial.params, seed)


def examine_folder(folder: Path, identity: Identity, params: Mapping[str, Scalar]) -> Evidence:
    """Returns whose files a trial's folder holds, and the record if it is the trial's own.

    Args:
        folder: the trial's; it need not exist.
        identity: of the trial, according to the database.
        params: its parameters in the database.
    """
    record = read_record(folder / EVENTS, identity)
    if record.owners or record.proved:
        whose = "own" if record.proved else _name_owner(record.owners[-1], identity)
    elif record.foreign:
        whose = "unknown"
    else:
        whose = _whose_earlier(folder, record, identity, params)
    return Evidence(whose, record if whose == "own" else Record())


class RecordComparison:
    """Compares the values of a study's trials in the database with the trials' own records.

    Most trials are compared in 50 us each, without parsing their records; a record that does not
    agree at once is examined line by line.

    Args:
        study_id: identifies the study among others of the same name.
        seed_of: returns the seed of a trial by number, if the trial has none of its own.
        objectives: metric names and directions.
        folder: the study's own folder of trials.
    """

    def __init__(
        self,
        study_id: str,
        seed_of: Callable[[int], int],
        objectives: Mapping[str, Direction],
        folder: Path,
    ) -> None:
        self._study_id, self._seed_of = study_id, seed_of
        self._objectives, self._folder = objectives, folder
        metric = re.escape(json.dumps(primary(objectives)[0]).encode())
        self._line = re.compile(rb'"Report", "step": (\d+), "values": {' + metric + rb": ([^,}]+)")

    def contradictions(self, trials: Iterable[FrozenTrial]) -> dict[int, str | None]:
        """Returns the `contradiction` of each trial with a value in the database, by number."""
        return {
            trial.number: self.contradiction(trial)
            for trial in trials
            if trial.values or trial.intermediate_values or trial.user_attrs.get(CURVE)
        }

    def contradiction(self, trial: FrozenTrial) -> str | None:
        """Returns how a trial's record contradicts the database, in words.

        It is empty without a contradiction, and None without a record. Damaged and missing lines
        do not count as contradictions.
        """
        place = self._folder / trial_folder(trial.number)
        try:
            content = read_regular(place / EVENTS)
        except OSError:
            return None
        return "" if self._agrees(trial, content) else self._read_closely(trial, place)

    def _identity(self, trial: FrozenTrial) -> Identity:
        return trial_identity(self._study_id, self._seed_of, trial)

    def _agrees(self, trial: FrozenTrial, content: bytes) -> bool:
        own = b'"of": "%s"' % digest_of(self._identity(trial)).encode()
        said = {(int(step), float(value)) for step, value in self._line.findall(content)}
        end = content.rfind(_ENDED)
        complete = content.startswith(_COMPLETE, end) and end > content.rfind(_REPORT)
        if content.count(b'"of": "') != content.count(own) or not said.issuperset(_curve(trial)):
            return False
        if trial.state != TrialState.COMPLETE or not trial.values:
            return not (complete and trial.state.is_finished())
        sign = sign_of(primary(self._objectives)[1])
        best = max((sign * value for _, value in said), default=None)
        values = json.dumps(dict(zip(self._objectives, trial.values, strict=False)))
        return complete and best == sign * trial.values[0] and values.encode() in content

    def _read_closely(self, trial: FrozenTrial, place: Path) -> str:
        evidence = examine_folder(place, self._identity(trial), trial.params)
        if evidence.foreign:
            return f"the files in its folder belong to {evidence.whose}".replace(
                "unknown", "nobody"
            )
        metric, record = primary(self._objectives), evidence.record
        said: dict[int, list[float]] = {}
        reports = [report for report in record.reports if is_whole(report, self._objectives)]
        for report in reports:
            said.setdefault(report.step, []).append(report.values[metric[0]])
        for step, value in _curve(trial):
            if step in said and value not in said[step]:
                return f"report {step} is {value} in the database, {said[step][0]} in its record"
        best, how = best_report(reports, *metric), record.ended and record.ended.how
        if best is None or record.damaged or record.missing:
            return ""
        complete, finished = trial.state == TrialState.COMPLETE, trial.state.is_finished()
        if how is not None and finished and (complete != (how == "complete")):
            words = {"FAIL": "failed"}.get(trial.state.name, trial.state.name.lower())
            return f"it is {words} in the database, {how} in its record"
        expected = [float(best.values[name]) for name in self._objectives]
        if how and complete and trial.values and list(trial.values) != expected:
            stored, wanted = (", ".join(map(str, each)) for each in (trial.values, expected))
            return f"its value is {stored} in the database, {wanted} in its record"
        return ""


def own_reports(
    folder: Path, study_id: str, number: int, params: Mapping[str, Scalar]
) -> list[Report]:
    """Returns a trial's own reports; none if its folder holds another trial's files.

    Args:
        folder: the trial's.
        study_id: identifies its study among others of the name.
        number: the trial's.
        params: its parameters in the database.
    """
    wanted = identity_of(study_id, number, params, 0)
    del wanted["seed"]  # Taken from the record itself, since nothing else here knows it.
    owners = read_record(folder / EVENTS).owners
    seeds = [owner["seed"] for owner in owners if wanted.items() <= owner.items()]
    seed = seeds[-1] if seeds else 0
    identity = identity_of(study_id, number, params, seed)
    return examine_folder(folder, identity, params).record.reports


def is_checkpoint_of(path: str, trial: FrozenTrial) -> bool:
    """Returns whether a checkpoint exists and its sidecar names this trial.

    Its bytes are checked when they are read.
    """
    if not os.path.isfile(path):  # noqa: PTH113
        return False
    facts = _read_sidecar(Path(path).with_suffix(".json"))
    params, seed = facts.get("parameters"), facts.get("seed")
    wanted = identity_of("", trial.number, trial.params, 0)["parameters"]
    return params in (None, wanted) and (seed is None or trial.user_attrs.get(SEED, seed) == seed)


def move_to_orphans(folder: Path, whose: str) -> Path:
    """Moves a trial's folder into `orphans/`, under a name that says why; returns where it is."""
    target = free_name(folder.parent / ORPHANS / f"{folder.name}.{whose.replace(' ', '-')}")
    target.parent.mkdir(exist_ok=True)
    shutil.move(folder, target)
    return target


def free_name(path: Path) -> Path:
    """Returns the path or, if it is taken, the first free one with a number added."""
    if not path.exists():
        return path
    tries = (path.with_name(f"{path.name}-{number}") for number in count(2))
    return next(each for each in tries if not each.exists())


def find_study_id(folder: Path) -> str | None:
    """Returns the id of the study whose trials wrote into a study's folder, if any did."""
    for file in sorted(folder.glob(f"trial-*/{EVENTS}")):
        owners = read_record(file).owners
        if owners:
            return str(owners[-1].get("study"))
    return None


def is_whole(report: Report, objectives: Mapping[str, Direction]) -> bool:
    """Returns whether a line without a checksum, as the first version wrote them, is complete."""
    values: Any = report.values
    return (
        isinstance(report.step, int)
        and isinstance(values, dict)
        and all(isinstance(values.get(name), int | float) for name in objectives)
    )


def _curve(trial: FrozenTrial) -> Iterable[tuple[int, float]]:
    """Returns a trial's first objective after each epoch, from the database."""
    curve: Mapping[Any, float] = trial.user_attrs.get(CURVE) or trial.intermediate_values
    return ((int(step), value) for step, value in curve.items())


def _name_owner(owner: Mapping[str, Any], identity: Identity) -> Whose:
    if owner.get("study") != identity["study"]:
        return "another study"
    return "another trial" if owner.get("trial") != identity["trial"] else "other parameters"


def _whose_earlier(
    folder: Path, record: Record, identity: Identity, params: Mapping[str, Scalar]
) -> Whose:
    """Returns whose an earlier version's files are, by the parameters written beside them."""
    found = read_params(folder)
    if found is not None:
        same = identity_of("", 0, found, 0)["parameters"] == identity["parameters"]
        return "own" if same or dict(found) == dict(params) else "other parameters"
    hashes = {_read_sidecar(folder / name).get("parameters") for name in _SIDECARS} - {None}
    if hashes:
        return "own" if hashes == {identity["parameters"]} else "other parameters"
    return "unknown" if record.events else "nobody"


def read_params(folder: Path) -> Mapping[str, Scalar] | None:
    """Returns the parameters that a trial was trained with, from its folder."""
    import yaml

    try:
        found = yaml.safe_load(read_regular(folder / "params.yaml"))["params"]
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return None
    return found if isinstance(found, dict) else None


def _read_sidecar(path: Path) -> Mapping[str, Any]:
    try:
        facts = json.loads(read_regular(path))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
