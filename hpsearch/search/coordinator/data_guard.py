"""Whether every trial of a study trains and validates on the same data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpsearch.protocol.data_record import changed_parts
from hpsearch.protocol.messages import Ended
from hpsearch.search.store import StudyWriter
from hpsearch.search.store.keys import DATA, SPLIT

_MOST_RECORDS = 8  # with other arguments of the data module, content is another


class DataGuard:
    """Compares the data of each trial with those of the trials before it.

    The first trial's are the study's, in its database, so that a later run and a confirmation
    compare with them as well.

    Args:
        writer: of the study.
    """

    def __init__(self, writer: StudyWriter) -> None:
        self._writer = writer
        self._agreed = False

    def check(self, number: int, split: str | None, data: Mapping[str, Any] | None) -> Ended | None:
        """Returns why a trial may not train, or None; what is not known yet of the study is stored.

        If no trial of this run had the study's data, they have changed since: the search stops, and
        the trial waits. If others had, it is the data module that differs from trial to trial.

        Args:
            number: of the trial.
            split: changes with the validation rows.
            data: the record of its data, see `protocol/data_record.py`.
        """
        stored = self._writer.attribute(SPLIT)
        what = ["validation rows"] if split and stored and split != stored else []
        if not what and data:
            what = self._changed(data)
        if what:
            parts = " and ".join(what)
            return self._disagreement(number, parts) if self._agreed else self._change(parts)
        if split and not stored:
            self._writer.set_attribute(SPLIT, split)
        if data:
            self._remember(data)
        self._agreed = True
        return None

    def _changed(self, data: Mapping[str, Any]) -> list[str]:
        known = self._writer.attribute(DATA) or {}
        return changed_parts(known.get(data["arguments"], {}), data)

    def _remember(self, data: Mapping[str, Any]) -> None:
        known = self._writer.attribute(DATA) or {}
        if data["arguments"] not in known and len(known) < _MOST_RECORDS:
            self._writer.set_attribute(DATA, {**known, data["arguments"]: dict(data)})

    def _disagreement(self, number: int, parts: str) -> Ended:
        return Ended(
            "failed",
            f"the {parts} of trial {number} are not those of the trials before it, so their values"
            " cannot be compared: draw them from split_seed, an argument that the data module is"
            " given, and not from the clock, a generator of its own or a searched value",
            "set-up",
        )

    def _change(self, parts: str) -> Ended:
        return Ended(
            "failed",
            f"the {parts} are not those of the study's earlier trials: they have changed since, and"
            " values on other data cannot be compared. Put the data back, or give the study another"
            " name. If nothing has changed, the data module draws them anew each time; let it draw"
            " them from split_seed, which it is given",
            "set-up",
            fatal=True,
        )
