"""The names under which a study's facts stand in the database, beside Optuna's own."""

from __future__ import annotations

# Of a study.
DOCUMENT = "hpsearch:document"  # the study file as data: what `resume` goes on from
IMPORT_PATHS = "hpsearch:import_paths"  # folders of the study's own classes
BUDGET = "hpsearch:budget"  # trials in all
RUNS = "hpsearch:runs"  # folder of the trials' files
SPLIT = "hpsearch:split"  # hash of the train/validation split
VERSIONS = "hpsearch:versions"  # of python and the libraries that trained

# Of a trial. What has no name here is a fact under its own name, such as `parameters`.
ATTEMPTS = "attempts"
CHECKPOINT = "checkpoint"
CURVE = "values_by_epoch"  # of several objectives: Optuna's own reports are for one only
DEVICE = "device"
FAILURE = "failure"
PRUNED_AT = "pruned_at"
SECONDS = "seconds"
TRACEBACK = "traceback"
