"""The names of a study's facts in the database, besides Optuna's own."""

from __future__ import annotations

import hashlib

OURS = "hpsearch:"  # what each name of a study's attributes begins with

# Of a study.
ID = "hpsearch:id"  # identifies it among studies of the same name in other databases
DOCUMENT = "hpsearch:document"  # the study file as data: what `resume` continues from
IMPORT_PATHS = "hpsearch:import_paths"  # folders of the study's own classes
BUDGET = "hpsearch:budget"  # trials in all
RUNS = "hpsearch:runs"  # folder of the trials' files
SPLIT = "hpsearch:split"  # hash of the validation rows
DATA_CHANGES = "hpsearch:data_changes"  # since when, and from which trial on, data are others
DATA = "hpsearch:data"  # what the data hold, by a hash of the data module's arguments
VERSIONS = "hpsearch:versions"  # of python and the libraries that trained
ENVIRONMENTS = "hpsearch:environments"  # code and versions that trials were trained under
CONFIRMS = "hpsearch:confirms"  # of a confirmation: the search whose finalists it trains again
CONFIRMATION = "hpsearch:confirmation"  # of a search: what its confirmation found
ENSEMBLE = "hpsearch:ensemble"  # of a search: which of its models answer as one
TEST_EVALUATIONS = "hpsearch:test_openings"  # of a search: when its test split was opened, and why

MOVED = "hpsearch:moved"  # the database that it was copied to, and continues in

# Of a trial. What has no name here is a fact under its own name, such as `parameters`.
ATTEMPTS = "attempts"
AUDITED_AT = "audited_at"  # epochs of the rung that it would have paused at, and did not
CHECKPOINT = "checkpoint"
CURVE = "values_by_epoch"  # of several objectives: Optuna's own reports are for one only
DECISIONS = "decisions"  # what was decided after its reports, and why, in order
DEVICE = "device"
FAILURE = "failure"
FAILURE_KIND = "failure_kind"
FIXED = "fixed_params"  # Optuna's own name for the values of an enqueued trial
FINALIST = "finalist"  # of a confirmation: number of the trial that is trained again
GENERALIZATION_GAP = "gap"  # by how much the objective is better in training than in validation
ORIGIN = "origin"  # where its setting comes from, if no sampler proposed it
PAUSED_AT = "paused_at"  # epochs of the rung that it is paused at; 0 once it continues
PROMOTED = "promoted"  # epochs of the rungs that it has continued from
PRUNED_AT = "pruned_at"
REPEAT = "repeat"  # of a confirmation: which of its seeds, from 1
SAMPLES_PER_S = "samples_per_s"  # training speed, as last said
SECONDS = "seconds"
SEED = "seed"  # where it does not follow from the trial's number
TRACEBACK = "traceback"
WHOLE = "whole"  # it is trained to its end, whatever others do

_SUFFIX = ".confirm"
_LONGEST_NAME = 64


def confirmation_name(name: str) -> str:
    """Returns the name of the study that confirms the one of this name."""
    if len(name) + len(_SUFFIX) <= _LONGEST_NAME:
        return name + _SUFFIX
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: _LONGEST_NAME - len(_SUFFIX) - 9]}-{digest}{_SUFFIX}"
