from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from hpsearch.protocol.types import Direction
from hpsearch.search.coordinator.retention import Retention
from hpsearch.search.store.records import TrialRecord


def put(folder: Path, *trials: TrialRecord) -> None:
    for trial in trials:
        place = folder / f"trial-{trial.number:04d}"
        place.mkdir(exist_ok=True)
        for name in ("last", "previous", "best"):
            (place / f"{name}.ckpt").write_bytes(b"0" * 100)
            (place / f"{name}.json").write_text("{}")
        (place / "events.jsonl").write_text("")


def apply_retention(retention: Retention, *trials: TrialRecord) -> None:
    for trial in trials:
        retention.take(trial)


def left(folder: Path) -> dict[int, list[str]]:
    """Returns the checkpoints that are left, by trial; those without a sidecar would be a fault."""
    found: dict[int, list[str]] = {}
    for path in sorted(folder.glob("*/*.ckpt")):
        assert path.with_suffix(".json").exists()
        found.setdefault(int(path.parent.name[-4:]), []).append(path.stem)
    assert all((place / "events.jsonl").exists() for place in folder.iterdir())
    return found


Trials = Callable[..., TrialRecord]
UP: dict[str, Direction] = {"val_accuracy": "maximize"}
DOWN: dict[str, Direction] = {"val_loss": "minimize"}


def test_a_trial_that_can_be_resumed_keeps_everything(tmp_path: Path, make_trial: Trials) -> None:
    trials = [make_trial(0, "running"), make_trial(1, "waiting")]
    put(tmp_path, *trials)

    apply_retention(Retention(tmp_path, UP, keep=0, disk_budget=1), *trials)

    assert left(tmp_path) == {n: ["best", "last", "previous"] for n in (0, 1)}


def test_pruned_and_failed_trials_keep_none(tmp_path: Path, make_trial: Trials) -> None:
    trials = [make_trial(0, "pruned"), make_trial(1, "failed"), make_trial(2)]
    put(tmp_path, *trials)

    apply_retention(Retention(tmp_path, UP, keep=5, disk_budget=None), *trials)

    assert left(tmp_path) == {2: ["best"]}


@pytest.mark.parametrize(("objectives", "kept"), [(UP, {1, 2}), (DOWN, {0, 3})])
def test_the_best_few_keep_their_best(
    tmp_path: Path, make_trial: Trials, objectives: dict[str, Direction], kept: set[int]
) -> None:
    trials = [make_trial(n, value=value) for n, value in enumerate([0.1, 0.9, 0.8, 0.2])]
    put(tmp_path, *trials)

    apply_retention(Retention(tmp_path, objectives, keep=2, disk_budget=None), *trials)

    assert left(tmp_path) == {number: ["best"] for number in kept}


def test_a_trial_that_is_beaten_later_loses_its_best(tmp_path: Path, make_trial: Trials) -> None:
    retention = Retention(tmp_path, UP, keep=1, disk_budget=None)
    first, better = make_trial(0, value=0.5), make_trial(1, value=0.6)
    put(tmp_path, first)
    apply_retention(retention, first)
    assert left(tmp_path) == {0: ["best"]}

    put(tmp_path, better)
    apply_retention(retention, better)

    assert left(tmp_path) == {1: ["best"]}


@pytest.mark.parametrize(("budget", "kept"), [(250, [1, 2]), (100, [1]), (1, [1])])
def test_beyond_the_disk_budget_the_worst_go_and_the_best_stays(
    tmp_path: Path, make_trial: Trials, budget: int, kept: list[int]
) -> None:
    trials = [make_trial(n, value=value) for n, value in enumerate([0.1, 0.9, 0.8])]
    put(tmp_path, *trials)

    apply_retention(Retention(tmp_path, UP, keep=10, disk_budget=budget), *trials)

    assert left(tmp_path) == {number: ["best"] for number in kept}


def test_with_several_objectives_every_complete_trial_keeps_its_best(
    tmp_path: Path, make_trial: Trials
) -> None:
    trials = [make_trial(n, value=n / 10) for n in range(4)]
    put(tmp_path, *trials)

    apply_retention(Retention(tmp_path, {**UP, **DOWN}, keep=1, disk_budget=None), *trials)

    assert left(tmp_path) == {number: ["best"] for number in range(4)}


def kept_by_rule(
    trials: list[TrialRecord], sizes: dict[int, int], keep: int, disk: int
) -> set[int]:
    """Returns what the rule of all trials at once keeps: the best few, as far as there is room."""
    ranked = sorted(trials, key=lambda trial: -(trial.values or (0.0,))[0])[:keep]
    kept: set[int] = set()
    for trial in ranked:
        disk -= sizes[trial.number]
        if kept and disk < 0:
            break
        kept.add(trial.number)
    return kept


@pytest.mark.parametrize("objectives", [UP, {**UP, **DOWN}], ids=["one", "several"])
def test_asked_trial_by_trial_it_keeps_what_it_would_of_all_at_once(
    tmp_path: Path, make_trial: Trials, objectives: dict[str, Direction]
) -> None:
    chance = random.Random(2)
    for keep, budget in ((3, 10_000), (3, 250), (8, 300)):
        folder = tmp_path / f"{keep}-{budget}"
        folder.mkdir()
        retention = Retention(folder, objectives, keep, budget)
        trials: list[TrialRecord] = []
        sizes: dict[int, int] = {}
        for number in range(25):
            trials.append(make_trial(number, value=chance.choice((0.5, chance.random()))))
            put(folder, trials[-1])
            sizes[number] = 100
            retention.take(trials[-1])

            few = keep if objectives is UP else len(trials)
            kept = kept_by_rule(trials, sizes, few, budget)
            sizes = {n: size if n in kept else 0 for n, size in sizes.items()}
            assert left(folder) == {n: ["best"] for n in sorted(kept) if sizes[n]}


def test_a_search_that_is_resumed_keeps_what_it_kept(tmp_path: Path, make_trial: Trials) -> None:
    trials = [make_trial(n, value=value) for n, value in enumerate([0.1, 0.9, 0.8, 0.2])]
    put(tmp_path, *trials)
    apply_retention(Retention(tmp_path, UP, keep=2, disk_budget=None), *trials)
    resumed = Retention(tmp_path, UP, keep=2, disk_budget=None)

    apply_retention(resumed, *trials)
    assert left(tmp_path) == {1: ["best"], 2: ["best"]}

    better = make_trial(4, value=0.95)
    put(tmp_path, better)
    apply_retention(resumed, better)
    assert left(tmp_path) == {1: ["best"], 4: ["best"]}


def test_a_search_that_is_resumed_with_less_gives_up_more_at_once(
    tmp_path: Path, make_trial: Trials
) -> None:
    trials = [make_trial(n, value=n / 10) for n in range(4)]
    put(tmp_path, *trials)
    apply_retention(Retention(tmp_path, UP, keep=4, disk_budget=None), *trials)

    apply_retention(Retention(tmp_path, UP, keep=4, disk_budget=150), *trials)

    assert left(tmp_path) == {3: ["best"]}


def test_a_paused_trial_keeps_what_it_continues_from(tmp_path: Path, make_trial: Trials) -> None:
    trials = [make_trial(0, "paused")]
    put(tmp_path, *trials)

    apply_retention(Retention(tmp_path, UP, keep=0, disk_budget=1), *trials)

    assert left(tmp_path) == {0: ["best", "last"]}


def test_paused_trials_count_in_the_disk_budget_until_they_are_over(
    tmp_path: Path, make_trial: Trials
) -> None:
    trials = [make_trial(0), make_trial(1, "paused"), make_trial(2, "paused")]
    put(tmp_path, *trials)
    retention = Retention(tmp_path, UP, keep=5, disk_budget=450)

    apply_retention(retention, *trials)
    assert retention.over_budget
    apply_retention(retention, make_trial(2, "pruned"))

    assert not retention.over_budget
    assert left(tmp_path) == {0: ["best"], 1: ["best", "last"]}
