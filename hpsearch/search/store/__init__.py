"""The study in its database: the only room that knows Optuna's storage and SQLAlchemy."""

from __future__ import annotations

from hpsearch.search.store.create import (
    QueuedTrial,
    create_study,
    describe_study,
    enqueue,
    find_confirmation,
    is_unfinished,
    queue_changes,
)
from hpsearch.search.store.database import (
    close_all,
    close_storage,
    default_url,
    open_storage,
    read_storage,
    reason_of,
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
from hpsearch.search.store.owned_storage import buffer_writes
from hpsearch.search.store.proof import (
    EVENTS,
    ORPHANS,
    Evidence,
    examine_folder,
    find_study_id,
    free_name,
    read_params,
    set_aside,
)
from hpsearch.search.store.records import (
    TRIAL_STATES,
    StudyRecord,
    TrialRecord,
    TrialState,
    trial_record,
)
from hpsearch.search.store.run_folder import (
    DEFAULT_RUNS,
    MARK,
    claim_folder,
    find_runs,
    mark_folder,
    read_mark,
    refuse_foreign_folder,
)
from hpsearch.search.store.sampling import grid_size
from hpsearch.search.store.sqlite_file import connect_read_only
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
)
from hpsearch.search.store.writer import StudyWriter

__all__ = [
    "DEFAULT_RUNS",
    "DatabaseUnavailableError",
    "EVENTS",
    "Evidence",
    "Ids",
    "Lease",
    "LeaseLostError",
    "MARK",
    "Mutation",
    "ORPHANS",
    "QueuedTrial",
    "StudyRecord",
    "StudyWriter",
    "TRIAL_STATES",
    "TrialRecord",
    "TrialState",
    "WriteBehindQueue",
    "buffer_writes",
    "claim_folder",
    "close_all",
    "close_storage",
    "connect_read_only",
    "create_study",
    "default_url",
    "describe_study",
    "direction_change",
    "enqueue",
    "examine_folder",
    "find_confirmation",
    "find_owner",
    "find_runs",
    "find_study_id",
    "free_name",
    "grid_size",
    "is_unfinished",
    "last_owner",
    "list_studies",
    "load_record",
    "open_study",
    "open_storage",
    "mark_folder",
    "parameter",
    "queue_changes",
    "read_mark",
    "read_params",
    "read_storage",
    "reason_of",
    "redact",
    "refuse_foreign_folder",
    "set_aside",
    "study_attribute",
    "StoredStudy",
    "find_study",
    "with_confirmation",
    "stored_document",
    "take_lease",
    "trial_attribute",
    "trial_record",
    "trial_state",
    "value_after",
    "write",
]
