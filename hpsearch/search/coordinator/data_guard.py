"""Whether every trial of a study trains and validates on the same data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hpsearch.protocol.data_record import changed_parts, other_data
from hpsearch.protocol.messages import Ended
from hpsearch.search.store import StudyWriter
from hpsearch.search.store.keys import DATA, DATA_CHANGES, SPLIT

_MOST_RECORDS = 8  # with other arguments of the data module, the content differs


class DataGuard:
    """Compares the data of each trial with those of the trials before it.

    The first trial's data become the study's, in its database, so that a later run and a
    confirmation are compared with them too.

    Args:
        writer: of the study.
        accept_changes: whether the first trial of this run may have other data, which then become
            the study's.
    """

    def __init__(self, writer: StudyWriter, accept_changes: bool) -> None:
        self._writer = writer
        self._accept_changes = accept_changes
        self._agreed = False

    @property
    def facts(self) -> dict[str, int | None]:
        """What a trial's record says about its data: how often they had changed before."""
        return {"data_changes": len(self._writer.attribute(DATA_CHANGES) or ()) or None}

    def check(self, number: int, split: str | None, data: Mapping[str, Any] | None) -> Ended | None:
        """Returns why a trial may not train, or None; stores facts that the study lacks.

        If no trial of this run had the study's data, the data have changed: the search stops, and
        the trial waits. If others had, the data module differs from trial to trial.

        Args:
            number: of the trial.
            split: changes with the validation rows.
            data: the record of its data, see `protocol/data_record.py`.
        """
        parts = " and ".join(self._changed(split, data))
        if parts and self._agreed:
            return _disagreement(number, parts)
        if parts and not self._accept_changes:
            return _change(parts)
        if parts:
            self._accept(number, parts)
        self._remember(split, data)
        self._agreed = True
        return None

    def _changed(self, split: str | None, data: Mapping[str, Any] | None) -> list[str]:
        stored = self._writer.attribute(SPLIT)
        if split and stored and split != stored:
            return ["validation rows"]
        known = self._writer.attribute(DATA) or {}
        return changed_parts(known.get(data["arguments"], {}), data) if data else []

    def _accept(self, number: int, parts: str) -> None:
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        changes = self._writer.attribute(DATA_CHANGES) or []
        change = {"since": since, "trial": number, "changed": parts}
        self._writer.set_attribute(DATA_CHANGES, [*changes, change])
        for key in (SPLIT, DATA):
            self._writer.set_attribute(key, None)

    def _remember(self, split: str | None, data: Mapping[str, Any] | None) -> None:
        if split and not self._writer.attribute(SPLIT):
            self._writer.set_attribute(SPLIT, split)
        known = self._writer.attribute(DATA) or {}
        if data and data["arguments"] not in known and len(known) < _MOST_RECORDS:
            self._writer.set_attribute(DATA, {**known, data["arguments"]: dict(data)})


def _disagreement(number: int, parts: str) -> Ended:
    return Ended("failed", other_data(parts, f"trial {number}", "the trials before it"), "set-up")


def _change(parts: str) -> Ended:
    return Ended(
        "failed",
        f"the {parts} are not those of the study's earlier trials: they have changed since, and"
        " values on other data cannot be compared. Put the data back, continue with"
        " --accept-changes, which is recorded, or give the study another name. If nothing has"
        " changed, the data module draws them again each time; let it draw them from split_seed,"
        " which it is given",
        "set-up",
        fatal=True,
    )
