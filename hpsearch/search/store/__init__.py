"""The study in its database: the only room that knows Optuna's storage and SQLAlchemy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hpsearch.internals.optuna import study_of
from hpsearch.search.store.commands import Command, Inbox, has_commands, send_command, take_commands
from hpsearch.search.store.create import (
    NewStudy,
    QueuedTrial,
    create_study,
    describe_study,
    enqueue,
    find_confirmation,
    insert_study,
    is_unfinished,
    new_settings,
    queue_changes,
)
from hpsearch.search.store.database import (
    close_all,
    close_storage,
    database_file,
    default_url,
    open_storage,
    read_storage,
    redact,
)
from hpsearch.search.store.lease import Lease, find_owner, last_owner, take_lease
from hpsearch.search.store.load import (
    StoredStudy,
    find_study,
    list_studies,
    load_record,
    open_study,
    stored_document,
    with_confirmation,
)
from hpsearch.search.store.lost import DEFAULT_RUNS, OWNER_FILE, rebuilding_words, runs_of
from hpsearch.search.store.proof import (
    EVENTS,
    ORPHANS,
    Evidence,
    RecordComparison,
    examine_folder,
    find_study_id,
    free_name,
    is_whole,
    move_to_orphans,
    own_reports,
    read_params,
    trial_identity,
)
from hpsearch.search.store.records import (
    FINISHED,
    STATES,
    TRIAL_STATES,
    StudyRecord,
    TrialRecord,
    TrialState,
    best_first,
    find_setting,
    trial_record,
)
from hpsearch.search.store.run_folder import (
    claim_folder,
    find_runs,
    is_readable,
    owner_fault,
    read_owner_file,
    refuse_folder_of_original,
    refuse_foreign_folder,
    write_owner,
)
from hpsearch.search.store.schema import reason_of
from hpsearch.search.store.shape import check_shape
from hpsearch.search.store.sqlite_file import connect_read_only, keeps_log
from hpsearch.search.store.tables import (
    Ids,
    Mutation,
    direction_change,
    parameter,
    study_attribute,
    trial_attribute,
    trial_state,
    value_after,
    write,
)
from hpsearch.search.store.write_behind import (
    DatabaseUnavailableError,
    LeaseLostError,
    WriteBehindQueue,
    buffer_writes,
    trials_of,
    without_results,
)

if TYPE_CHECKING:
    from hpsearch.search.store.decisions import read_decisions
    from hpsearch.search.store.sampling import grid_size
    from hpsearch.search.store.writer import StudyWriter

__all__ = [
    "Command",
    "DEFAULT_RUNS",
    "DatabaseUnavailableError",
    "EVENTS",
    "Evidence",
    "Ids",
    "Inbox",
    "Lease",
    "LeaseLostError",
    "OWNER_FILE",
    "Mutation",
    "NewStudy",
    "ORPHANS",
    "QueuedTrial",
    "RecordComparison",
    "StudyRecord",
    "StudyWriter",
    "FINISHED",
    "STATES",
    "TRIAL_STATES",
    "TrialRecord",
    "TrialState",
    "WriteBehindQueue",
    "buffer_writes",
    "check_shape",
    "claim_folder",
    "close_all",
    "close_storage",
    "connect_read_only",
    "create_study",
    "database_file",
    "default_url",
    "describe_study",
    "direction_change",
    "enqueue",
    "examine_folder",
    "find_confirmation",
    "best_first",
    "find_setting",
    "find_owner",
    "find_runs",
    "find_study_id",
    "free_name",
    "grid_size",
    "insert_study",
    "is_readable",
    "is_unfinished",
    "is_whole",
    "has_commands",
    "keeps_log",
    "last_owner",
    "list_studies",
    "load_record",
    "open_study",
    "open_storage",
    "write_owner",
    "new_settings",
    "own_reports",
    "parameter",
    "queue_changes",
    "read_decisions",
    "owner_fault",
    "read_owner_file",
    "rebuilding_words",
    "runs_of",
    "read_params",
    "read_storage",
    "reason_of",
    "redact",
    "refuse_folder_of_original",
    "refuse_foreign_folder",
    "move_to_orphans",
    "study_attribute",
    "study_of",
    "StoredStudy",
    "find_study",
    "with_confirmation",
    "stored_document",
    "send_command",
    "take_commands",
    "take_lease",
    "trial_attribute",
    "trial_identity",
    "trial_record",
    "trial_state",
    "trials_of",
    "value_after",
    "without_results",
    "write",
]


def __getattr__(name: str) -> Any:
    # Loaded on first use: they import samplers and pruners, which reading a study does not need.
    if name == "StudyWriter":
        from hpsearch.search.store.writer import StudyWriter

        return StudyWriter
    if name == "read_decisions":
        from hpsearch.search.store.decisions import read_decisions

        return read_decisions
    if name == "grid_size":
        from hpsearch.search.store.sampling import grid_size

        return grid_size
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
