"""What the benchmarks make of what they measure; nothing is raced here."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from benchmark_modules import BENCHMARKS, module_fixture

from hpsearch.models import Residual

PAGE = BENCHMARKS.parent / "docs" / "benchmarks.md"


table = module_fixture("table")
quiet = module_fixture("quiet")
run = module_fixture("run")
memory = module_fixture("races.memory")
overhead = module_fixture("races.overhead")
same_work = module_fixture("races.same_work")
exercises = module_fixture("exercises")
quality_race = module_fixture("races.quality")


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The search with the loop by hand, which imports what the peers share."""
    for folder in (BENCHMARKS / "peers", BENCHMARKS / "own", BENCHMARKS):
        monkeypatch.syspath_prepend(folder)
    return importlib.import_module("loop")


def test_a_table_replaces_what_is_between_its_own_markers_only(table: ModuleType) -> None:
    page = "a\n<!-- race: x -->\nold\n<!-- /race: x -->\nb\n<!-- race: y -->\n<!-- /race: y -->\n"
    new = table.replace(page, "race: x", "| 1 |\n")
    assert new == page.replace("old", "| 1 |")
    assert table.replace(new, "race: x", "| 1 |") == new


@pytest.mark.parametrize(
    "page",
    [
        "",
        "<!-- race: x -->",
        "<!-- /race: x --><!-- race: x -->",
        2 * "<!-- race: x --><!-- /race: x -->",
    ],
)
def test_a_page_without_a_pair_of_markers_is_refused(table: ModuleType, page: str) -> None:
    with pytest.raises(
        ValueError, match=r"must hold '<!-- race: x -->' and, after it, .* each once"
    ):
        table.replace(page, "race: x", "new")


def test_the_page_has_a_place_for_every_race(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    run, table = importlib.import_module("run"), importlib.import_module("table")
    page = PAGE.read_text()
    for race in run.RACES:
        assert "| new |" in table.replace(page, f"race: {race}", "| new |")


def test_a_cell_is_a_median_with_its_spread(table: ModuleType) -> None:
    assert table.spread([3.0, 1.0, 2000.25]) == "3.0 (1.0-2,000.2)"
    assert table.spread([0.125], digits=2) == "0.12"
    assert table.spread([]) == "-"


def test_a_ratio_is_taken_within_each_round_and_only_where_both_ran(table: ModuleType) -> None:
    lines = [
        table.Measured("cnn", name, {"wall_s": seconds}, turn)
        for name, turn, seconds in [
            ("us", 0, 2.0),
            ("them", 0, 6.0),
            ("us", 1, 4.0),
            ("us", 2, 1.0),
        ]
    ] + [table.Measured("cnn", "them", {"wall_s": 5.0}, 2), table.Measured("mlp", "us", {}, 0)]
    us, them = (table.figures_of(lines, "cnn", name, "wall_s") for name in ("us", "them"))
    assert us == {0: 2.0, 1: 4.0, 2: 1.0}
    assert table.ratios(them, us) == [3.0, 5.0]


def test_a_slot_is_idle_between_its_trials_and_not_while_they_overlap(overhead: ModuleType) -> None:
    start = datetime(2026, 1, 1)

    def stay(first: float, last: float, trained_s: float) -> tuple[datetime, datetime, float]:
        begun, ended = (start + timedelta(seconds=second) for second in (first, last))
        return overhead.Stay(begun, ended, trained_s)

    slots = {
        "cpu:0": [stay(6, 15, 7.0), stay(0, 5, 1.0)],
        "cpu:1": [stay(0, 5, 1.0), stay(4, 10, 4.0), stay(9, 15, 4.0)],
    }
    assert overhead.shares(slots) == pytest.approx(
        {"idle_share": 1 / 20, "untrained_share": 5 / 20}
    )


def test_one_trial_a_slot_says_nothing_of_idleness(overhead: ModuleType) -> None:
    stay = overhead.Stay(datetime(2026, 1, 1), datetime(2026, 1, 2), 1.0)
    with pytest.raises(SystemExit, match="too few trials to say how long slots are idle"):
        overhead.shares({"cpu:0": [stay]})


def test_the_trials_of_a_race_are_divided_without_loss(same_work: ModuleType) -> None:
    work = importlib.import_module("peers.work")
    order = work.Work(work.TASKS["cnn-32"], work.RATES, 1, "", 1, "")
    parts = [work.Work(**{**vars(order), "part": part, "parts": 2}) for part in (0, 1)]
    assert sorted(rate for part in parts for rate in part.own_rates) == sorted(work.RATES)
    assert len(set(work.RATES)) == 12


def test_the_first_entries_of_an_idx_file_are_an_idx_file(same_work: ModuleType) -> None:
    whole = bytes([0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 0, 2]) + bytes(range(6))
    assert same_work.first(whole, 2) == bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2]) + bytes(
        range(4)
    )


def test_who_is_left_out_is_named_with_the_reason(same_work: ModuleType, table: ModuleType) -> None:
    done = {"wall_s": 10.0, "cpu_s": 18.0, "median_accuracy": 0.9, "trials": 12}
    slow = {**done, "wall_s": 30.0, "cpu_s": 36.0}
    text = same_work.table(
        [
            table.Measured("cnn-32", "KerasTuner", left_out="keras not installed"),
            table.Measured("cnn-32", "Ray Tune + Lightning", slow),
            table.Measured("cnn-32", "hpsearch", done),
        ]
    )
    rows = text.splitlines()[2:]
    assert rows[0] == "| hpsearch | 10.0 | 1.00 | 18.0 | 1.00 | 0.9000 | 1 |"
    assert rows[1] == "| Ray Tune + Lightning | 30.0 | 3.00 | 36.0 | 2.00 | 0.9000 | 1 |"
    assert rows[2].startswith("| KerasTuner | left out: keras not installed | - |")


def test_the_table_names_what_was_measured_beside_other_work(quiet: ModuleType) -> None:
    lines = [
        {"case": "cnn-32", "contestant": "hpsearch", "round": turn, "others": share}
        for turn, share in enumerate((0.02, 0.31))
    ]
    assert quiet.noise_words(lines) == (
        "The machine was not quiet: other programs used 5% of the processors or more in"
        " cnn-32, hpsearch, round 2 (31%)."
    )
    assert quiet.noise_words([lines[0], {**lines[0], "others": 0.0}]) == ""
    assert quiet.noise_words([lines[0], *[lines[1]] * 6]) == (
        "The machine was not quiet: other programs used 5% of the processors or more in"
        " 6 of 7 measurements, 31% on average."
    )


def test_more_rounds_of_a_race_come_after_the_earlier_ones(
    run: ModuleType,
    table: ModuleType,
    quiet: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quiet, "_looks", lambda: iter([0.0]))

    def measure(setting: object, turn: int) -> Iterator[object]:
        yield table.Measured("case", "us", {"wall_s": float(turn)})

    monkeypatch.setitem(run.RACES, "toy", run.Race(measure, table, repeats=1))
    setting, keep = run.Setting(1.0, tmp_path, (), {}), tmp_path / "toy.jsonl"
    for more, rounds in ((False, [0, 1]), (True, [0, 1, 2, 3]), (False, [0, 1])):
        run.hold("toy", setting, 2, keep, more=more, patience_s=-1)
        assert [line["round"] for line in run.read(keep)] == rounds


def test_a_race_that_finds_no_quiet_says_so_and_goes_on(
    quiet: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = iter([0.5, 0.01, 0.5, 0.6])
    monkeypatch.setattr(quiet, "_looks", lambda: looks)
    quiet.wait_until_quiet(patience_s=60)
    assert capsys.readouterr().out == ""
    quiet.wait_until_quiet(patience_s=-1)
    assert capsys.readouterr().out == ("not quiet after -1 s: others use 50% of the processors\n")


def test_the_residual_network_by_hand_is_ours_layer_for_layer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS / "peers")
    by_hand = importlib.import_module("networks").residual()
    shapes = [[part.shape for part in each.parameters()] for each in (by_hand, Residual())]
    assert sorted(shapes[0]) == sorted(shapes[1])
    assert len(shapes[0]) == 29


def test_what_the_kernel_says_of_memory_is_read_as_mb(memory: ModuleType) -> None:
    text = "00400000-7ffd2000 ---p 00000000 00:00 0 [rollup]\nRss:   2000 kB\nPss:\t 1000 kB\n"
    assert memory.sizes(text) == {"Rss": 2.048, "Pss": 1.024}
    assert memory.sizes("Name:\tpython\nThreads:\t1\nVmHWM:\t    250 kB\n") == {"VmHWM": 0.256}


def test_a_peak_is_that_of_one_training_process_and_of_all_at_one_moment(
    memory: ModuleType,
) -> None:
    server = memory.Taken(trains=False, rss=900.0, pss=500.0, own=400.0)
    samples = [
        [server],
        [server._replace(pss=300.0), memory.Taken(True, 560.0, 250.0, 20.0)],
        [
            server._replace(pss=200.0),
            memory.Taken(True, 570.0, 200.0, 35.0),
            memory.Taken(True, 550.0, 210.0, 30.0),
        ],
    ]
    assert memory.peaks(samples) == {
        "rss_mb": 570.0,
        "pss_mb": 250.0,
        "own_mb": 35.0,
        "all_mb": 610.0,
    }


def test_a_run_in_which_nobody_was_seen_training_measures_nothing(memory: ModuleType) -> None:
    with pytest.raises(SystemExit, match="no process that trains was seen in 1 samples"):
        memory.peaks([[memory.Taken(False, 1.0, 1.0, 1.0)]])


def test_a_process_is_a_trial_if_it_prints_into_a_trials_folder(
    memory: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "PROC", tmp_path)
    for process, output in ((1, "runs/race/trial-0007/output.txt"), (2, "output-0")):
        (tmp_path / str(process) / "fd").mkdir(parents=True)
        (tmp_path / str(process) / "fd" / "1").symlink_to(tmp_path / output)
    assert memory.is_trial(1)
    assert not memory.is_trial(2)


def test_memory_is_shown_beside_one_loop_and_in_all_beside_two(
    memory: ModuleType, table: ModuleType
) -> None:
    ours = {"rss_mb": 600.0, "pss_mb": 200.0, "own_mb": 40.0, "all_mb": 800.0}
    loop = {"rss_mb": 1200.0, "pss_mb": 1000.0, "own_mb": 1000.0, "all_mb": 1000.0}
    two = {**loop, "pss_mb": 900.0, "all_mb": 1600.0}
    text = memory.table(
        [
            table.Measured("mlp-128", memory.LOOPS, two),
            table.Measured("mlp-128", memory.LOOP, loop),
            table.Measured("mlp-128", memory.HERO, ours),
            table.Measured("cnn", memory.LOOP, left_out="optuna not installed"),
        ]
    )
    rows = text.splitlines()[2:]
    assert rows[0] == "| mlp-128: hpsearch | 600 | 0.50 | 200 | 0.20 | 40 | 800 | 0.50 | 1 |"
    assert "| 1,200 | 1.00 | 1,000 | 1.00 | 1,000 | 1,000 | 0.62 | 1 |" in rows[1]
    assert "| 1,200 | 1.00 | 900 | 0.90 | 1,000 | 1,600 | 1.00 | 1 |" in rows[2]
    assert rows[3].startswith("| cnn: Optuna + loop by hand | left out: optuna not installed | - |")


def test_the_tutorial_shows_what_its_exercises_gave(exercises: ModuleType) -> None:
    page = (PAGE.parent / "tutorial.md").read_text()
    lines = exercises.tables(exercises.runs_in(BENCHMARKS / "exercises.jsonl")).splitlines()
    assert len(lines) > 4
    assert set(filter(None, lines)) <= set(page.splitlines())


def test_who_still_searches_is_shown_by_time(quality_race: ModuleType, table: ModuleType) -> None:
    case = "2 % wrong"
    lines = [
        table.Measured(case, "ours", {"wall_s": 30.0}),
        table.Measured(case, "ours", {"wall_s": 100.0}, 1),
        table.Measured(case, "theirs", {"wall_s": 500.0}),
        table.Measured(case, "theirs", {}, 1),
        table.Measured(case, "theirs", {}, 2),
    ]
    rows = quality_race.table(lines).splitlines()
    assert rows[0] == "Until 2 % wrong:"
    assert rows[4] == "| ours | 50% | 0% | 0% | 0% | 0% | 0% | 0% | 65 s | 2 |"
    assert rows[5].startswith(
        "| theirs | 100% | 100% | 100% | 100% | 67% | 67% | 67% | over 3,600 s"
    )


def test_the_goal_is_what_one_setting_in_twenty_reaches(
    quality_race: ModuleType, tmp_path: Path
) -> None:
    ends = [{"losses": [50.0, float(end)]} for end in range(1, 41)]
    lines = [{"space": {}}, *reversed(ends)]
    (tmp_path / "t.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    goal = quality_race.goal(tmp_path / "t.jsonl")
    assert sum(end["losses"][1] <= goal for end in ends) == len(ends) / 20


@pytest.mark.parametrize("policy", ["hpsearch promote", "optuna tpe+median"])
def test_the_loop_by_hand_searches_under_both_policies_until_it_has_its_goal(
    loop: ModuleType, quality_race: ModuleType, tmp_path: Path, policy: str
) -> None:
    assert policy in quality_race.POLICIES
    rng, raw = np.random.default_rng(0), tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, head, shape in [("images-idx3", 16, (40, 28, 28)), ("labels-idx1", 8, (40,))]:
        values = rng.integers(0, 10, shape, np.uint8).tobytes()
        (raw / f"train-{name}-ubyte").write_bytes(bytes(head) + values)
    np.savez(tmp_path / "split.npz", used=np.arange(30), kept=np.arange(30, 40))
    ranges = [("hidden", 4, 8, True), ("dropout", 0.0, 0.5, False), ("batch_size", 8, 16, True)]
    ranges += [(name, 0.01, 0.1, False) for name in ("shift", "lr", "weight_decay")]
    space = {name: {"low": a, "high": b, "log": False, "int": i} for name, a, b, i in ranges}
    order = loop.Order(policy, 90.0, 0, 2, space, str(tmp_path), str(tmp_path))
    loop.run(order)
    assert (tmp_path / "found").exists()


def test_an_epoch_is_trained_when_it_is_read_and_once(loop: ModuleType, tmp_path: Path) -> None:
    trained = []

    def train() -> Iterator[float]:
        for accuracy in (0.5, 0.75, 0.25):
            trained.append(accuracy)
            yield accuracy

    order = loop.Order("hpsearch promote", 20.0, 0, 3, {}, "", str(tmp_path))
    curve = loop.Curve(train(), order)
    assert trained == []
    assert (curve[0], curve[0]) == (50.0, 50.0)
    assert trained == [0.5]
    assert (curve[2], curve[1], curve[-1]) == (75.0, 25.0, 75.0)
    assert not (tmp_path / "found").exists()
