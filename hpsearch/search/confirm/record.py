"""A confirmation as plain data: what the database stores, and what is printed from it."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from hpsearch.protocol.metrics import OF_LOADER, counts_answers, on_split
from hpsearch.protocol.types import sign_of
from hpsearch.search.confirm.finalists import Confirmation, Finalist
from hpsearch.search.confirm.intervals import Interval, share_interval
from hpsearch.search.confirm.test_log import Evaluation, FinalTest
from hpsearch.search.store.keys import SEED

_WHOLE = 0.01


def describe(
    confirmation: Confirmation, final_test: FinalTest, refit: dict[str, Any] | None
) -> dict[str, Any]:
    """Returns the confirmation, its test and its refit as plain data."""
    seed, run = confirmation.model
    return {
        "study": confirmation.study,
        "metric": confirmation.metric,
        "direction": confirmation.direction,
        "seeds": confirmation.seeds,
        "finalists": [_finalist(one, confirmation) for one in confirmation.finalists],
        "comparison": None if confirmation.comparison is None else asdict(confirmation.comparison),
        "looks": list(confirmation.looks),
        "chosen": confirmation.chosen.trial.number,
        "reason": confirmation.reason,
        "model": {
            "run": run.number,
            "seed": seed,
            "seed_value": run.attributes.get(SEED),
            "checkpoint": run.checkpoint,
            "epochs": confirmation.epochs,
        },
        "test": describe_test(confirmation.metric, final_test.evaluation),
        "untested": final_test.missing,
        "refit": refit,
    }


def name_on_test_split(metric: str, logged: Collection[str] = ()) -> str:
    """Returns the name of an objective on the test split: `test_loss` for `val_loss`.

    Lightning numbers the metrics of several loaders. Where the test has only one, it is the partner
    of `val_loss/dataloader_idx_0`, too.

    Args:
        metric: the objective.
        logged: the metrics of the test.
    """
    if not any(OF_LOADER in name for name in logged):
        metric = metric.partition(OF_LOADER)[0]
    if renamed := on_split(metric, "test"):
        return renamed
    return metric if metric.startswith("test") else f"test_{metric}"


def _finalist(finalist: Finalist, confirmation: Confirmation) -> dict[str, Any]:
    mean, interval = finalist.mean, finalist.interval
    is_share = counts_answers(confirmation.metric) and all(
        0 <= value <= 1
        for value in finalist.values.values()  # some log it in percent
    )
    if interval is not None and is_share:
        interval = Interval(max(0.0, interval.low), min(1.0, interval.high))
    optimism = None if mean is None else finalist.searched - mean
    parameters, seconds = finalist.cost
    return {
        "trial": finalist.trial.number,
        "params": dict(finalist.trial.params),
        "searched": finalist.searched,
        "confirmed": mean,
        **_bounds(interval),
        "values": {str(seed): value for seed, value in finalist.values.items()},
        "optimism": None if optimism is None else sign_of(confirmation.direction) * optimism,
        "failed": finalist.failed,
        "parameters": int(parameters),
        "seconds": round(seconds, 3),
    }


def describe_test(metric: str, evaluation: Evaluation | None) -> dict[str, Any] | None:
    """Returns the test result in an objective as plain data; None if there is none."""
    if evaluation is None:
        return None
    metrics = evaluation.metrics or {}
    name = name_on_test_split(metric, metrics)
    value = metrics.get(name)
    interval = None if value is None else _share_interval(name, value, evaluation.examples)
    others = [(run.get("metrics") or {}).get(name) for run in evaluation.other_runs]
    return {
        "metric": name,
        "value": value,
        **_bounds(interval),
        "over_seeds": _over_seeds([one for one in (value, *others) if one is not None]),
        **asdict(evaluation),
    }


def _over_seeds(values: Sequence[float]) -> dict[str, float] | None:
    """Returns what several runs of a setting gave on the test split; None if there is one only."""
    if len(values) < 2:
        return None
    mean = statistics.fmean(values)
    return {"runs": len(values), "mean": mean, "lowest": min(values), "highest": max(values)}


def _share_interval(name: str, value: float, examples: int) -> Interval | None:
    """Returns the interval of a metric that is a share of the examples; None for other metrics."""
    if OF_LOADER in name:
        return None  # the examples are those of all loaders
    counted = value * examples
    # An accuracy is a whole number of examples, and other means hardly ever are.
    whole = abs(counted - round(counted)) < _WHOLE
    if not (counts_answers(name) and whole and examples and 0 <= value <= 1):
        return None
    return share_interval(value, examples)


def _bounds(interval: Interval | None) -> dict[str, float | None]:
    return {
        "low": None if interval is None else interval.low,
        "high": None if interval is None else interval.high,
    }
