"""Every kind of failure in one study of thirty trials: it completes, and counts each."""

from __future__ import annotations

import contextlib
import io
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from failing import BEST_LOT, LOTS, PLANS
from fault_score import FULL, Score
from optuna.trial import TrialState
from searching import Search, study_of

from hpsearch.cli import main
from hpsearch.search.store.records import TrialRecord

pytestmark = pytest.mark.process

KINDS = {
    "hang in training": "hang",
    "hang in validation": "hang",
    "loss is NaN": "not finite",
    "log no objective": "metric",
    "raise torch's out of memory": "out of memory",
    "raise MemoryError": "out of memory",
    "take all memory": "out of memory",
    "raise while it is built": "infeasible",
    "raise in configure_optimizers": "set-up",
    "raise in the third batch": "training",
    "raise in validation": "validation",
    "raise at the end": "teardown",
    "die of a signal": "killed",
}
COUNTS = {
    "out of memory": 4,
    "not finite": 3,
    "hang": 2,
    "metric": 2,
    "set-up": 1,
    "infeasible": 1,
    "training": 2,
    "validation": 2,
    "killed": 1,
    "teardown": 1,
}
SILENCE_S = 3.0


@pytest.fixture(scope="module")
def group() -> Iterator[Path | None]:
    """A control group in which processes get 2.5 GB together; None where that cannot be had."""
    group = Path("/sys/fs/cgroup/memory") / f"hpsearch-mixed-{os.getpid()}"
    with contextlib.ExitStack() as stack:
        try:
            group.mkdir()
            stack.callback(group.rmdir)
            (group / "memory.limit_in_bytes").write_text(str(2_500_000_000))
        except OSError:
            yield None
        else:
            yield group


@pytest.fixture(scope="module", params=range(2 if FULL else 1))
def search(tmp_path_factory: pytest.TempPathFactory, group: Path | None) -> Iterator[Search]:
    """The search, once it is over."""
    objective = {"val_loss": "minimize"}
    limits = {"hang_timeout": f"{SILENCE_S:g}s"}
    study = study_of(LOTS, 2, name="mixed", objective=objective, sampler="grid", **limits)
    arguments = {"lot": f"~int(0, {LOTS - 1})", "limited": group is not None}
    study["model"] = {"class_path": "failing.Failing", "init_args": arguments}
    study["data"]["init_args"] = {"batch_size": 4}
    join = ("bash", "-c", 'echo $$ > "$0/cgroup.procs"; exec "$@"', str(group))
    search = Search(tmp_path_factory.mktemp("mixed"), study, prefix=join if group else ())
    search.begin()
    assert search.wait_for_end() == 0, search.output
    yield search
    search.close()


def look(search: Search, *words: object) -> str:
    """Returns what a command prints on a screen of 80 columns."""
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as out:
        patch.setenv("COLUMNS", "80")
        assert main([*map(str, words), "--storage", search.storage]) == 0
    return out.getvalue()


def lot_of(trial: TrialRecord) -> int:
    return int(str(trial.params["model.lot"]))


def trials_of(search: Search, plan: str) -> list[TrialRecord]:
    return [trial for trial in search.record().trials if PLANS.get(lot_of(trial)) == plan]


def test_the_study_completes_and_every_lot_is_drawn_once(search: Search) -> None:
    record = search.record()
    assert record.state == "done"
    assert [trial.number for trial in record.trials] == list(range(LOTS))
    assert sorted(map(lot_of, record.trials)) == list(range(LOTS))


@pytest.mark.fault("14 to 17. hang, out of memory, NaN, no metric, exceptions: one study of 30")
def test_every_trial_is_counted_by_the_class_of_its_failure(search: Search, score: Score) -> None:
    record = search.record()
    kinds = {lot_of(trial): trial.attributes.get("failure_kind") for trial in record.trials}
    assert kinds == {lot: KINDS[PLANS[lot]] if lot in PLANS else None for lot in range(LOTS)}
    counted = {kind: len(trials) for kind, trials in record.failures.items()}
    assert counted == {kind: count for kind, count in COUNTS.items() if kind in counted}
    assert COUNTS.keys() - counted.keys() <= {"infeasible"}
    assert record.counts == {
        "complete": LOTS - len(PLANS),
        "pruned": COUNTS["out of memory"] + COUNTS["infeasible"],
        "failed": len(PLANS) - COUNTS["out of memory"] - COUNTS["infeasible"],
        "running": 0,
        "waiting": 0,
        "paused": 0,
    }
    score.struck(len(PLANS))


def test_the_best_trial_is_right_though_failed_ones_had_reported_better(search: Search) -> None:
    record = search.record()
    assert record.best is not None
    assert (lot_of(record.best), record.best.values) == (BEST_LOT, (1.0,))
    gone = [trial for trial in record.trials if trial.state in ("failed", "pruned")]
    assert sum(trial.values_by_epoch.get(1, 1.0) < 1 for trial in gone) == 15


def test_plain_optuna_reads_the_same(search: Search) -> None:
    study = optuna.load_study(study_name=search.name, storage=search.storage)
    trials = study.get_trials()
    assert Counter(trial.state for trial in trials) == {
        TrialState.COMPLETE: 11,
        TrialState.PRUNED: 5,
        TrialState.FAIL: 14,
    }
    assert study.best_trial.params == {"model.lot": BEST_LOT}
    kinds = Counter(t.user_attrs["failure_kind"] for t in trials if "failure_kind" in t.user_attrs)
    assert kinds == COUNTS
    constraints = {trial.params["model.lot"]: trial.constraints for trial in trials}
    assert {lot: broken for lot, broken in constraints.items() if broken} == {
        lot: {KINDS[plan]: 1.0}
        for lot, plan in PLANS.items()
        if KINDS[plan] in ("out of memory", "infeasible")
    }


def test_a_kill_by_the_kernel_for_memory_is_reported_as_one(
    search: Search, group: Path | None
) -> None:
    if group is None:
        pytest.skip("needs root and the memory controller of cgroup v1")
    hogs = trials_of(search, "take all memory")
    assert [trial.attributes["failure"] for trial in hogs] == [
        "the machine ran out of memory, and the kernel killed its process"
    ] * 2


def test_status_names_each_class(search: Search) -> None:
    text = " ".join(look(search, "status", search.name).split())
    assert "30 done, 0 to go (11 complete, 5 pruned, 14 failed)" in text
    counts = text.partition(" failed 14: ")[2].partition(" (pruned)")[0]
    named, memory = counts.split("; ")
    assert memory == "out of memory 4"
    pruned = ("out of memory", "infeasible")
    others = {f"{kind} {count}" for kind, count in COUNTS.items() if kind not in pruned}
    assert set(named.split(", ")) == others


def test_show_tells_kind_place_and_traceback(search: Search) -> None:
    trial = trials_of(search, "raise in the third batch")[0]
    text = look(search, "show", search.name, trial.number)
    assert "failure: ValueError: planned: raise in the third batch" in text
    assert "  kind   training" in text
    assert "  place  batch 3 of epoch 2" in text
    assert 'raise ValueError("planned: raise in the third batch")' in text


def test_show_tells_how_often_a_hung_trial_was_tried_and_what_that_cost(search: Search) -> None:
    (trial,) = trials_of(search, "hang in training")
    text = look(search, "show", search.name, trial.number)
    assert f"{len(trial.attempts)} attempts\n" in text
    assert "  kind   hang" in text
    assert "  place  after epoch 1" in text

    # The server that starts the trials may come up so late that one is killed before its time.
    *before, third, last = trial.attempts[-4:]
    assert third["how"] == "its process gave no sign of life for 3 s (study.hang_timeout)"
    assert last["how"] == "failed"
    for attempt in (*before, third, last):
        assert attempt["epochs"] == 1
        assert attempt["lost_s"] >= SILENCE_S
    assert [attempt["from_epoch"] for attempt in (third, last)] == [1, 1]
