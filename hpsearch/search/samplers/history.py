"""The trials that TPE learns from, kept in columns from one proposal to the next."""

from __future__ import annotations

import json
import math
from bisect import insort
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from hpsearch.internals.optuna import RELATIVE_PARAMS, good_share

MOST_OTHERS = 2000
SORT_FROM = 100
Space = dict[str, BaseDistribution]
# By parameter, the values of some trials, in one order, as the database stores them.
Columns = Mapping[str, np.ndarray]
Rank = tuple[int, float, float, int]
_ABSENT, _RUNNING, _OVER = 0, 1, 2


class TrialHistory:
    """The trials of a study as TPE sees them; a finished trial is read only once.

    The good trials are the same as Optuna's: at most 25, complete ones before pruned ones. Optuna
    compares them with all others, which takes longer with each trial. Here it is at most
    `MOST_OTHERS`, evenly spread over all of them, so that a proposal takes the same time after
    10,000 trials as after 2,000.
    """

    def __init__(self) -> None:
        self._columns: dict[str, np.ndarray] = {}
        self._states = np.zeros(0, dtype=np.int8)
        self._distributions: Space = {}
        self._spaces: dict[frozenset[str], tuple[int, Space]] = {}
        self._best_first: list[Rank] = []
        self._open: dict[int, FrozenTrial] = {}  # as they were when last read
        self._seen = 0

    def __len__(self) -> int:
        """Returns how many trials are complete or pruned."""
        return len(self._best_first)

    def update(self, trials: Sequence[FrozenTrial], sign: float) -> None:
        """Reads the trials that are new or have changed since the last call.

        Args:
            trials: every trial, by number.
            sign: 1 where the objective is minimized, -1 where it is maximized.
        """
        self._grow(len(trials))
        new, self._seen = range(self._seen, len(trials)), len(trials)
        ranks = []
        for number in [*self._open, *new]:
            # A study in memory replaces the object of a trial that changes.
            if (trial := trials[number]) is not self._open.get(number):
                ranks += self._take(trial, sign)
        if len(ranks) > SORT_FROM:
            self._best_first = sorted([*self._best_first, *ranks])
        else:
            for rank in ranks:
                insort(self._best_first, rank)

    def spaces(self) -> Iterable[Space]:
        """Returns the different spaces of finished trials, in the order of the trials."""
        return [space for _, space in sorted(self._spaces.values(), key=lambda each: each[0])]

    def split(self, number: int, names: Sequence[str], *, running: bool) -> tuple[Columns, Columns]:
        """Returns the good trials and the others that have the given parameters, by number.

        Args:
            number: a trial to leave out of both: the one to propose for.
            names: the parameters.
            running: whether the others include running trials.
        """
        good = np.sort([rank[-1] for rank in self._best_first[: good_share(len(self))]])
        states = self._states[: self._seen].copy()
        states[[number, *good] if number < self._seen else good] = _ABSENT
        others = np.flatnonzero(states >= (_RUNNING if running else _OVER))
        kept = self._having(names, others)
        if len(kept) > MOST_OTHERS:
            kept = kept[np.linspace(0, len(kept) - 1, MOST_OTHERS).astype(int)]
        return self._of(names, self._having(names, good.astype(int))), self._of(names, kept)

    def _having(self, names: Sequence[str], numbers: np.ndarray) -> np.ndarray:
        there = np.ones(len(numbers), dtype=bool)
        for name in names:
            column = self._columns.get(name)
            there &= False if column is None else ~np.isnan(column[numbers])
        return numbers[there]

    def _of(self, names: Sequence[str], numbers: np.ndarray) -> Columns:
        if not len(numbers):
            return {name: np.zeros(0) for name in names}
        return {name: self._columns[name][numbers] for name in names}

    def _take(self, trial: FrozenTrial, sign: float) -> list[Rank]:
        """Stores what is known of a trial; returns its rank if it has finished without failing."""
        number = trial.number
        self._open[number] = trial
        if not trial.state.is_finished():
            self._states[number] = _RUNNING if trial.state == TrialState.RUNNING else _ABSENT
            self._write(number, trial.distributions, _proposed(trial) | trial.params)
            return []
        del self._open[number]
        self._states[number] = _ABSENT
        if trial.state == TrialState.FAIL:
            return []
        self._states[number] = _OVER
        # It may have ended before it took all the proposed values.
        for column in self._columns.values():
            column[number] = math.nan
        self._write(number, trial.distributions, trial.params)
        which = frozenset(trial.distributions)
        first, _ = self._spaces.get(which, (number + 1, {}))
        if number < first:
            self._spaces[which] = number, trial.distributions
        return [_rank(trial, sign)]

    def _write(self, number: int, distributions: Space, params: Mapping[str, object]) -> None:
        for name, value in params.items():
            known = self._distributions.get(name) or distributions.get(name)
            if known is None:
                continue
            if name not in self._columns:
                self._distributions[name] = known
                self._columns[name] = np.full(len(self._states), math.nan)
            self._columns[name][number] = known.to_internal_repr(value)

    def _grow(self, size: int) -> None:
        if size <= len(self._states):
            return
        more = max(size, 2 * len(self._states), 1024) - len(self._states)
        self._states = np.append(self._states, np.zeros(more, dtype=np.int8))
        for name, column in self._columns.items():
            self._columns[name] = np.append(column, np.full(more, math.nan))


def _rank(trial: FrozenTrial, sign: float) -> Rank:
    """Returns a sort key, best first: complete, pruned late, pruned early, infeasible."""
    excess = sum(each for each in trial.constraints.values() if each > 0)
    if excess > 0:
        return (2, excess, 0.0, trial.number)
    if trial.state == TrialState.COMPLETE:
        assert trial.value is not None
        return (0, sign * trial.value, 0.0, trial.number)
    if not trial.intermediate_values:
        return (1, 1.0, 0.0, trial.number)
    step = max(trial.intermediate_values)
    value = trial.intermediate_values[step]
    return (1, -step, math.inf if math.isnan(value) else sign * value, trial.number)


def _proposed(trial: FrozenTrial) -> dict[str, Any]:
    """Returns what TPE has proposed for a trial, whether the trial has taken it yet or not."""
    attributes, text, part = trial.system_attrs, "", 0
    # Optuna splits it, since an attribute's length is limited in a database.
    while found := attributes.get(f"{RELATIVE_PARAMS}:{part}"):
        text, part = text + found, part + 1
    proposed: dict[str, Any] = json.loads(text) if text else {}
    return proposed
