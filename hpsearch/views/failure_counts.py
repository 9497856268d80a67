"""How many trials failed, and in which ways, in one line."""

from __future__ import annotations

from hpsearch.search.results import StudyRecord

_MEMORY = "out of memory"


def failure_counts(study: StudyRecord) -> str:
    """Returns `7: hang 2, training 5; out of memory 3 (pruned)`, or nothing where none failed."""
    kinds = dict(study.failures)
    memory = kinds.pop(_MEMORY, 0)
    counts = ", ".join(f"{kind} {count}" for kind, count in kinds.items())
    parts = [f"{sum(kinds.values())}: {counts}"] * bool(kinds)
    parts += [f"{_MEMORY} {memory} (pruned)"] * bool(memory)
    return "; ".join(parts)
