"""Several models of a search, averaged: chosen, tested once, and recorded."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hpsearch.engines.slots import find_slots
from hpsearch.errors import InputError
from hpsearch.protocol.job import Job
from hpsearch.protocol.types import primary, sign_of
from hpsearch.search.compatible import check_environment
from hpsearch.search.confirm.final_test import Call, ModelToTest, calls, evaluate_once
from hpsearch.search.confirm.record import describe_test
from hpsearch.search.confirm.test_log import FinalTest
from hpsearch.search.model import ensemble_of, member_folder, model_job
from hpsearch.search.options import RunOptions
from hpsearch.search.store import StoredStudy, TrialRecord, with_confirmation
from hpsearch.search.store.keys import CONFIRMS, ENSEMBLE, REPEAT

# The best ones only: if every complete trial is kept, there may be thousands.
MOST_CANDIDATES = 50


@dataclass(frozen=True)
class EnsembleOptions:
    """Options of an ensemble.

    Attributes:
        members: the most different models it may have.
        again: whether the test split may be opened a second time.
    """

    members: int = 5
    again: bool = False


@dataclass(frozen=True)
class EnsembleResult:
    """The result of making an ensemble.

    Attributes:
        record: what is averaged and how good it is, as plain data.
        refused: why the test split was not opened; empty if it was, now or before.
    """

    record: dict[str, Any]
    refused: str = ""


@dataclass(frozen=True)
class _Candidate:
    of: str
    trial: TrialRecord
    job: Job

    @property
    def name(self) -> dict[str, Any]:
        return {"trial": self.trial.number, "of": self.of}


def make_ensemble(search: StoredStudy, options: EnsembleOptions, run: RunOptions) -> EnsembleResult:
    """Chooses which models of a search to average, and tests their ensemble.

    Args:
        search: the study; the models of its confirmation are candidates, too.
        options: how many models, and whether to test again.
        run: the device, and whether changed code is accepted.

    Raises:
        InputError: fewer than two models can be averaged, or another process runs the study.
    """
    if options.members < 2:
        raise InputError(f"--members {options.members}: an ensemble averages two or more models")
    study = search.study
    if CONFIRMS in study.user_attrs:
        original = study.user_attrs[CONFIRMS]
        raise InputError(f"{search.name} is a confirmation; hpsearch ensemble {original}")
    slot = find_slots(run.devices, run.per_device)[0]
    candidates = _find_candidates(search)
    with search.own(), calls(run, search.spec) as call:
        check_environment(study, search.spec, run.accept_changes, call)
        folder = member_folder(search, candidates[0].name).parent
        folder.mkdir(parents=True, exist_ok=True)
        job = replace(
            candidates[0].job, folder=str(folder), device=slot.device, threads=slot.threads
        )
        chosen = _choose(search, candidates, job, options, call)
        _drop_others(folder, [member_folder(search, one) for one in chosen["members"]])
        study.set_user_attr(ENSEMBLE, chosen)
        final = _test(search, chosen, job, options, call)
        record = {
            **chosen,
            "test": describe_test(chosen["metric"], final.evaluation),
            "untested": final.missing,
        }
        study.set_user_attr(ENSEMBLE, record)
    return EnsembleResult(record, final.refused)


def _find_candidates(search: StoredStudy) -> list[_Candidate]:
    """Returns the models kept by a search and its confirmation, best first.

    Raises:
        InputError: there are fewer than two.
    """
    _, direction = primary(search.spec.objectives)
    found = []
    for of, stored in zip(("search", "confirmation"), with_confirmation(search), strict=False):
        record = stored.record()
        found += [
            (trial.values[0], _Candidate(of, trial, model_job(record, stored.spec, trial)))
            for trial in record.trials
            if trial.state == "complete" and trial.values and trial.checkpoint
        ]
    if len(found) < 2:
        raise InputError(
            f"an ensemble needs two models, and {len(found)} of {search.name} have a checkpoint:"
            " train more trials, or keep more of them with study.keep_checkpoints"
        )
    found.sort(key=lambda pair: -sign_of(direction) * pair[0])
    return [candidate for _, candidate in found[:MOST_CANDIDATES]]


def _choose(
    search: StoredStudy,
    candidates: Sequence[_Candidate],
    job: Job,
    options: EnsembleOptions,
    call: Call,
) -> dict[str, Any]:
    """Returns the record of the ensemble, not tested yet.

    Raises:
        InputError: fewer than two models can be averaged.
    """
    found: dict[str, Any] = call(
        "hpsearch.trial.ensemble.choose:choose_ensemble",
        job,
        [one.job.to_json() for one in candidates],
        [str(member_folder(search, one.name)) for one in candidates],
        options.members,
    )
    if "refused" in found:
        raise InputError(f"{search.name} cannot have an ensemble: {found['refused']}")
    metric, direction = primary(search.spec.objectives)
    members = [
        {
            **candidates[one["place"]].name,
            "count": one["count"],
            "searched": (candidates[one["place"]].trial.values or (0.0,))[0],
        }
        for one in found["members"]
    ]
    alone = candidates[found["alone"]["place"]]
    return {
        "metric": metric,
        "direction": direction,
        "candidates": len(candidates),
        "examples": found["examples"],
        "members": members,
        "averaging": found["averaging"],
        "values": found["values"],
        "alone": {**alone.name, "values": found["alone"]["values"]},
        "held_out": found["held_out"],
        "left_out": [
            {**candidates[one["place"]].name, "reason": one["reason"]} for one in found["left_out"]
        ],
        "test": None,
        "untested": "",
    }


def _drop_others(folder: Path, members: Sequence[Path]) -> None:
    """Removes the models of an earlier ensemble that are not part of this one."""
    for path in folder.iterdir():
        if path.is_dir() and path not in members:
            shutil.rmtree(path)


def _test(
    search: StoredStudy,
    record: Mapping[str, Any],
    job: Job,
    options: EnsembleOptions,
    call: Call,
) -> FinalTest:
    """Returns the ensemble's result on the test split, or why the split was not opened."""
    members = record["members"]
    if len(members) < 2:
        # For a single model, `confirm` says more, and the split should be opened only once.
        return FinalTest()
    ensemble = ensemble_of(search)
    first = replace(Job.from_json(ensemble["jobs"][0]), device=job.device, threads=job.threads)
    model = ModelToTest(
        what=f"the ensemble of {len(members)} models",
        trial=members[0]["trial"],
        seed=_seed_of(search, members[0]),
        checkpoints=[str(Path(member_folder(search, member)) / "best.ckpt") for member in members],
        by="ensemble",
        function="hpsearch.trial.ensemble.final_test:run_final_test",
        arguments=(ensemble,),
        counts=[member["count"] for member in members],
    )
    return evaluate_once(search.study, model, first, again=options.again, call=call)


def _seed_of(search: StoredStudy, member: Mapping[str, Any]) -> int:
    """Returns the number of the confirmation's seed of a member; 0 for a trial's own seed."""
    if member["of"] == "search":
        return 0
    confirmation = with_confirmation(search)[1].record()
    return int(confirmation.trials[member["trial"]].attributes[REPEAT])
