"""Changes are made in memory, and another thread writes them to the database."""

from __future__ import annotations

from hpsearch.search.store.write_behind.buffer import buffer_writes, trials_of
from hpsearch.search.store.write_behind.guard import DatabaseGuard
from hpsearch.search.store.write_behind.queue import (
    DatabaseUnavailableError,
    LeaseLostError,
    WriteBehindQueue,
)
from hpsearch.search.store.write_behind.storage import WriteBehindStorage, without_results

__all__ = [
    "DatabaseGuard",
    "DatabaseUnavailableError",
    "LeaseLostError",
    "WriteBehindQueue",
    "WriteBehindStorage",
    "buffer_writes",
    "trials_of",
    "without_results",
]
