"""Policies on a simulated clock: the real coordinator, on a table made here."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import yaml
from benchmark_modules import BENCHMARKS, module_fixture

from hpsearch.search.store.records import TrialRecord
from hpsearch.studyfile.study import StudySpec

PAGE = BENCHMARKS.parent / "docs" / "quality.md"

clock = module_fixture("policies.clock")
figures = module_fixture("policies.figures")
fronts = module_fixture("policies.fronts")
fronts_script = module_fixture("pareto_fronts")
own_table = module_fixture("own_table")
quality = module_fixture("quality")
ours = module_fixture("policies.ours")
peers = module_fixture("policies.peers")
tasks = module_fixture("policies.tasks")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A table of 64 settings by 9 epochs, whose losses fall towards x = 0.3 at their own pace."""
    rng = np.random.default_rng(0)
    units = rng.random((64, 2))
    ends = np.abs(units[:, 0] - 0.3) + 0.1 * units[:, 1]
    losses = ends[:, None] + 1 / np.arange(1, 10)[None]
    space = {
        "x": {"low": 0.01, "high": 1.0, "log": False, "int": False},
        "n": {"low": 1, "high": 9, "log": True, "int": True},
    }
    np.savez(tmp_path / "toy.npz", space=json.dumps(space), units=units, losses=losses)
    return tmp_path


def test_our_coordinator_pauses_and_promotes_on_the_simulated_clock(
    folder: Path, tasks: ModuleType, ours: ModuleType
) -> None:
    task = tasks.load(folder, "toy")
    log = ours.search(task, 0, 2, 90, {"scheduler": "promote"})
    done = {number: epochs for _, _, number, epochs in log.rows}
    assert set(done.values()) >= {1, 4, 9}
    assert sum(epochs == 1 for epochs in done.values()) > len(done) / 2
    assert max(time for time, *_ in log.rows) <= 90
    for number in done:
        own = [epochs for _, _, n, epochs in log.rows if n == number]
        assert own == list(range(1, len(own) + 1))


def test_our_search_with_a_prior_begins_there_and_trains_it_whole(
    folder: Path, tasks: ModuleType, ours: ModuleType
) -> None:
    task = tasks.load(folder, "toy")
    log = ours.search(task, 0, 1, 15, {"scheduler": "promote"}, [{"x": 0.5}])
    assert [number for _, _, number, _ in log.rows[:9]] == [0] * 9


def test_our_search_tries_a_second_known_setting_next(
    folder: Path, tasks: ModuleType, ours: ModuleType
) -> None:
    task, best = tasks.load(folder, "toy"), {"x": 0.3, "n": 2}
    log = ours.search(task, 0, 1, 15, {"scheduler": "promote"}, [{"x": 0.5}, best])
    assert log.rows[9][1:3] == (pytest.approx(task.curve(best)[0]), 1)


def test_what_did_not_pay_can_be_searched_again(
    folder: Path, tasks: ModuleType, quality: ModuleType
) -> None:
    task, tried = tasks.load(folder, "toy"), quality.contestants(tried=True)
    assert tried.keys() == {*quality.TRIED, "hpsearch promote", quality.BASE}
    epochs = {who: [done for *_, done in run(task, 0, 1, 40).rows] for who, run in tried.items()}
    assert len(epochs["one in three continues"]) > 30
    assert epochs["the first rung after three epochs"][:3] == [1, 2, 3]


def test_a_known_setting_is_tried_first_by_both(
    folder: Path, tasks: ModuleType, quality: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(quality.TASKS, "choosing", ("toy-kin",))
    (folder / "toy.npz").rename(folder / "toy-kin.npz")
    task = tasks.load(folder, "toy-kin")
    searches = quality.with_priors(folder, "toy-other")
    whos = ("hpsearch promote", "optuna tpe+median")
    assert searches.keys() == {f"{who}, {of}" for who in whos for of in ("prior", "bad prior")}
    logs = {who: run(task, 0, 1, 12) for who, run in searches.items()}
    first = {who: min(loss for _, loss, n, _ in log.rows if n == 0) for who, log in logs.items()}
    assert first["hpsearch promote, prior"] == first["optuna tpe+median, prior"]
    assert first["hpsearch promote, bad prior"] == first["optuna tpe+median, bad prior"]
    assert first["hpsearch promote, prior"] < first["hpsearch promote, bad prior"]


@pytest.mark.parametrize("name", ["optuna tpe+median", "random"])
def test_a_peer_has_the_same_clock(
    folder: Path, tasks: ModuleType, peers: ModuleType, clock: ModuleType, name: str
) -> None:
    task = tasks.load(folder, "toy")
    log = clock.simulate(task, peers.PEERS[name](task, 0), 2, 40)
    assert 30 <= len(log.rows) <= 40
    assert log.rows[0][0] == pytest.approx(2 * 1.1)


def test_only_whole_trainings_count_where_that_is_asked(clock: ModuleType) -> None:
    log = clock.Log([(1.0, 0.5, 0, 1), (2.0, 0.2, 1, 1), (3.0, 0.4, 0, 2)])
    grid = np.array([1.0, 2.0, 3.0])
    assert list(log.best(grid, 2, whole=True)) == [np.inf, np.inf, 0.4]
    assert list(log.best(grid, 2, whole=False)) == [0.5, 0.2, 0.2]


def test_a_speed_up_is_the_budget_over_the_time_to_the_other_ones_end(
    figures: ModuleType,
) -> None:
    slow, fast = np.linspace(1, 0.1, 10)[None], np.array([[0.5, 0.1, *[0.05] * 8]])
    task = {"optuna tpe+median": slow, "fast": fast}
    assert figures.speed_ups([task], "fast") == pytest.approx([5.0])
    assert figures.speed_up(slow, 0.0) == pytest.approx(2 / 3)
    assert figures.wins([task], "fast") == 1.0


def test_a_longer_epoch_shows_what_it_costs(folder: Path, tasks: ModuleType) -> None:
    """With three epochs instead of nine, the first has trained a third of the training."""
    whole = tasks.load(folder, "toy")
    setting = {"x": 0.3, "n": 2}
    longer = tasks.Thinned(whole, 3).curve(setting)
    assert longer.tolist() == whole.curve(setting)[[2, 5, 8]].tolist()
    assert tasks.Thinned(whole, 9).curve(setting).tolist() == whole.curve(setting).tolist()


def test_a_prior_is_what_was_good_on_other_tasks(folder: Path, tasks: ModuleType) -> None:
    ranked = tasks.by_mean_rank([tasks.load(folder, "toy")] * 2, draws=50)
    near = [abs(setting["x"] - 0.3) for setting in ranked]
    assert max(near[:5]) < min(near[-5:])


def test_random_settings_are_always_the_same(tasks: ModuleType) -> None:
    space = {"x": tasks.Range(0.0, 1.0), "n": tasks.Range(1, 3, whole=True)}
    few, many = tasks.random_settings(space, 2), tasks.random_settings(space, 50)
    assert few == many[:2]
    assert {setting["n"] for setting in many} == {1, 2, 3}


def test_a_range_reads_in_the_grammar_of_a_study_file(tasks: ModuleType) -> None:
    assert tasks.Range(1, 9, log=True, whole=True).expression == "~int(1, 9, log=True)"
    assert tasks.Range(0, 0.5).expression == "~float(0.0, 0.5)"


def test_a_task_that_is_not_there_is_named(folder: Path, tasks: ModuleType) -> None:
    with pytest.raises(SystemExit, match="has no task tpy; it has toy"):
        tasks.load(folder, "tpy")


def test_our_own_table_reads_as_a_task_however_far_it_is(
    tmp_path: Path, own_table: ModuleType, tasks: ModuleType
) -> None:
    spec = StudySpec.from_document(yaml.safe_load(own_table.STUDY.read_text()))
    setting = {"hidden": 20, "dropout": 0.123456, "batch_size": 64, "shift": 0.1, "lr": 0.01}
    params = {name: setting.get(name.rpartition(".")[2], 0.01) for name in spec.space.parameters}
    curves = [
        ("complete", {1: 0.5, 2: 0.90625}),
        ("failed", {1: 0.1}),
        ("complete", {1: 0.25, 2: 0.5}),
    ]
    trials = [
        TrialRecord(n, state, params, None, curve, None, None, None, (), {})
        for n, (state, curve) in enumerate(curves)
    ]
    lines = own_table.lines(spec.space, trials)
    assert own_table.add(tmp_path / "own.jsonl", lines[:2]) == 1
    assert own_table.add(tmp_path / "own.jsonl", lines) == 2
    task = tasks.load(tmp_path, "own")
    assert (task.epochs, task.best) == (2, 9.38)
    assert list(task.curve(lines[1]["setting"])) == [50.0, 9.38]
    assert lines[1]["setting"] == {**setting, "dropout": 0.1235, "weight_decay": 0.01}
    assert task.space["hidden"] == tasks.Range(16, 128, log=True, whole=True)


def test_the_page_says_how_many_settings_our_own_table_has(
    own_table: ModuleType, tasks: ModuleType
) -> None:
    table = own_table.STUDY.with_suffix(".jsonl")
    task = tasks.load(table.parent, table.stem)
    settings = len(table.read_text().splitlines()) - 1
    assert task.epochs == 10
    assert 0 < task.best < task.median < 90
    assert f"It has {settings} settings" in " ".join(PAGE.read_text().split())


def test_a_table_goes_to_its_own_place_on_a_page_or_nothing_is_measured(
    tmp_path: Path, quality: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, stored = tmp_path / "page.md", tmp_path / "tried.jsonl"
    curve = [[200, 0.0], [50, 0.5]]
    line = {"task": "t", "who": quality.BASE, "seed": 0, "workers": 2, "whole": curve, "any": curve}
    stored.write_text(json.dumps(line) + "\n")
    monkeypatch.setattr(quality, "TRIED_RESULTS", stored)
    monkeypatch.setattr(sys, "argv", f"quality.py --table --tried --page {page}".split())
    policies = "<!-- policies -->\nkept\n<!-- /policies -->\n"
    page.write_text(policies)
    with pytest.raises(SystemExit, match="must hold '<!-- tried -->' and, after it,"):
        quality.main()
    page.write_text(f"{policies}<!-- tried -->\nold\n<!-- /tried -->\n")
    quality.main()
    assert page.read_text().startswith(policies)
    assert f"| {quality.BASE} | 1 |" in page.read_text()
    assert "old" not in page.read_text()


def test_searches_of_different_sizes_are_in_tables_of_their_own(quality: ModuleType) -> None:
    curve = [[200, 0.0], [50, 0.5]]
    line = {"task": "t", "who": quality.BASE, "seed": 0, "workers": 8, "whole": curve, "any": curve}
    text = quality.tables([line, {**line, "trainings": 40, "seed": 1}, {**line, "trainings": 80}])
    titles = [words.removesuffix(":") for words in text.splitlines() if words.endswith(":")]
    assert titles == [
        "8 workers, 40 trainings, only whole trials count",
        "8 workers, 40 trainings, every epoch counts",
        "8 workers, 80 trainings, only whole trials count",
        "8 workers, 80 trainings, every epoch counts",
    ]
    assert [row.split(" | ")[1] for row in text.splitlines() if quality.BASE in row] == [*"2211"]


def test_a_folded_curve_unfolds_as_it_was(figures: ModuleType) -> None:
    curve = np.array([np.inf, np.inf, 0.5, 0.5, 0.25])
    assert figures.fold(curve) == [[5, 0.0], [2, 0.5], [4, 0.25]]
    assert list(figures.unfold(figures.fold(curve))) == [2.0, 2.0, 0.5, 0.5, 0.25]


@pytest.mark.parametrize(
    ("points", "area"),
    [
        ([], 0.0),
        ([(0.0, 0.0)], 1.0),
        ([(0.5, 0.5)], 0.25),
        ([(0.5, 0.25), (0.25, 0.5)], 0.375 + 0.125),
        ([(0.5, 0.5), (0.75, 0.75), (2.0, 0.0)], 0.25),
    ],
)
def test_a_hypervolume_is_the_area_that_points_dominate(
    fronts: ModuleType, points: list[tuple[float, float]], area: float
) -> None:
    assert fronts.hypervolume(points) == pytest.approx(area)


def test_a_front_grows_with_what_is_trained(
    folder: Path, fronts: ModuleType, clock: ModuleType, tasks: ModuleType
) -> None:
    task = tasks.load(folder, "toy")
    task.epochs, task.best, task.median = 2, 0.0, 1.0
    log = clock.Log([(1.0, 0.5, 0, 1), (2.0, 0.5, 1, 1), (3.0, 0.25, 0, 2)], {0: 0.5, 1: 0.0})
    grid = np.array([1.0, 2.0, 3.0])
    assert fronts.volumes(log, task, grid, whole=True) == [0.0, 0.0, 0.375]
    assert fronts.volumes(log, task, grid, whole=False) == [0.25, 0.5, 0.625]


def test_searches_of_two_objectives_have_one_clock(
    folder: Path, fronts_script: ModuleType, tasks: ModuleType
) -> None:
    task = tasks.load(folder, "toy")
    ours = fronts_script.run("hpsearch promote", task, 0, 2, 60)
    theirs = fronts_script.run("optuna tpe", task, 0, 2, 60)
    assert {len(ours.rows) > 50, len(theirs.rows) > 50} == {True}
    assert {done for *_, done in ours.rows} >= {1, 4}
    assert ours.sizes.keys() == {number for _, _, number, _ in ours.rows}


def test_who_ends_above_the_base_is_counted_by_seed(fronts_script: ModuleType) -> None:
    def line(who: str, seed: int, end: float) -> dict[str, object]:
        volumes = [end] * fronts_script.POINTS
        return {"task": "t", "who": who, "seed": seed, "whole": volumes, "any": volumes}

    lines = [line("optuna tpe", seed, 0.5) for seed in range(3)]
    lines += [line("hpsearch promote", seed, end) for seed, end in enumerate((0.6, 0.4, 0.7, 0.9))]
    text = fronts_script.table(lines)
    assert "| hpsearch promote | t | 3 | 0.600 | 0.600 | 0.600 | 2 of 3 | 2 of 3 |" in text
    assert "| optuna tpe | t | 3 | 0.500 | 0.500 | 0.500 | - | - |" in text
