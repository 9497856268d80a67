"""The names of the attributes that hpsearch stores in the database, besides Optuna's own."""

from __future__ import annotations

import hashlib

OURS = "hpsearch:"  # the prefix of a study's attributes

# Of a study.
ID = "hpsearch:id"  # identifies it among studies of the same name in other databases
DOCUMENT = "hpsearch:document"  # the study file as data, for `resume`
IMPORT_PATHS = "hpsearch:import_paths"  # folders of the study's own classes
BUDGET = "hpsearch:budget"  # trials in all
RUN_EPOCHS = "hpsearch:run_epochs"  # epochs in all, where `control` has changed them for one run
PAUSED = "hpsearch:paused"  # whether `control` has paused the search that runs now
LAST_RUN = "hpsearch:last_run"  # when the last run began and ended, and why it ended
RUNS = "hpsearch:runs"  # folder of the trials' files
SPLIT = "hpsearch:split"  # hash of the validation rows
DATA_CHANGES = "hpsearch:data_changes"  # when the data changed, and from which trial on
DATA = "hpsearch:data"  # a record of the data, by a hash of the data module's arguments
SPEED = "hpsearch:speed"  # what `speed: auto` has taken, and why
VERSIONS = "hpsearch:versions"  # of Python and of the libraries used for training
ENVIRONMENTS = "hpsearch:environments"  # code and versions that trials were trained with
CONFIRMS = "hpsearch:confirms"  # of a confirmation: the search that it confirms
CONFIRMATION = "hpsearch:confirmation"  # of a search: the result of its confirmation
ENSEMBLE = "hpsearch:ensemble"  # of a search: its ensemble, as plain data
TEST_EVALUATIONS = "hpsearch:test_openings"  # of a search: when its test split was opened, and why

MOVED = "hpsearch:moved"  # the database where it continues, after a copy
OF_RUN = {RUN_EPOCHS: None, PAUSED: False}  # when a run begins

# Of a trial. Attributes not listed here, such as `parameters`, are stored under their own names.
ATTEMPTS = "attempts"
AUDITED_AT = "audited_at"  # epochs of the rung where it continued instead of pausing, as an audit
CHECKPOINT = "checkpoint"
CURVE = "values_by_epoch"  # with several objectives, since Optuna stores reports for one only
DECISIONS = "decisions"  # the decisions after its reports, with reasons, in order
DEVICE = "device"
FAILURE = "failure"
FAILURE_KIND = "failure_kind"
FIXED = "fixed_params"  # Optuna's own name for the values of an enqueued trial
FINALIST = "finalist"  # in a confirmation: number of the search's trial that is trained again
GENERALIZATION_GAP = "gap"  # how much better the objective is in training than in validation
ORIGIN = "origin"  # the source of its setting if no sampler proposed it
PAUSED_AT = "paused_at"  # epochs of the rung where it is paused; 0 once it continues
PROMOTED = "promoted"  # epochs of the rungs where it was promoted
PRUNED_AT = "pruned_at"
REPEAT = "repeat"  # in a confirmation: which of its seeds, from 1
SAMPLES_PER_S = "samples_per_s"  # training speed, as last reported
SECONDS = "seconds"
SEED = "seed"  # if it does not follow from the trial's number
TRACEBACK = "traceback"
WHOLE = "whole"  # it is trained to its end without pausing or pruning

_SUFFIX = ".confirm"
_LONGEST_NAME = 64


def confirmation_name(name: str) -> str:
    """Returns the usual name of a study's confirmation."""
    if len(name) + len(_SUFFIX) <= _LONGEST_NAME:
        return name + _SUFFIX
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: _LONGEST_NAME - len(_SUFFIX) - 9]}-{digest}{_SUFFIX}"
