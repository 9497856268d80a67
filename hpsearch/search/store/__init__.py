"""The study in its database: the only room that knows Optuna's storage and SQLAlchemy."""

from __future__ import annotations

from hpsearch.search.store.create import create_study, describe_study, enqueue
from hpsearch.search.store.database import BUSY_S, default_url, open_storage, reason_of, redact
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
    refuse_foreign_folder,
)
from hpsearch.search.store.sampling import grid_size
from hpsearch.search.store.tables import (
    Ids,
    Mutation,
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
    "BUSY_S",
    "DEFAULT_RUNS",
    "DatabaseUnavailableError",
    "Ids",
    "Lease",
    "LeaseLostError",
    "MARK",
    "Mutation",
    "StudyRecord",
    "StudyWriter",
    "TRIAL_STATES",
    "TrialRecord",
    "TrialState",
    "WriteBehindQueue",
    "buffer_writes",
    "claim_folder",
    "create_study",
    "default_url",
    "describe_study",
    "enqueue",
    "find_owner",
    "find_runs",
    "grid_size",
    "last_owner",
    "list_studies",
    "load_record",
    "open_study",
    "open_storage",
    "reason_of",
    "redact",
    "refuse_foreign_folder",
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
