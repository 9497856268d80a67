"""The tables of `list`, `status`, `show` and `best`."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from hpsearch.studyfile.yaml_text import parse
from hpsearch.views.live.plain import trial_line
from hpsearch.views.tables.study import best_words, study_list, study_status
from hpsearch.views.tables.study_html import study_html
from hpsearch.views.tables.trial import trial_details

NOON = "2026-03-04T12:00:00+00:00"


def test_validations_are_named_in_a_notebook_too(make_study: Any, make_trial: Any) -> None:
    assert "<th>epochs</th>" in study_html(make_study(make_trial(0)))
    assert "<th>validations</th>" in study_html(make_study(make_trial(0), unit="validation"))


def test_list_has_a_row_a_study(make_study: Any, make_trial: Any, on_screen: Any) -> None:
    done = make_study(make_trial(4, value=0.9876), budget=3, state="interrupted")
    endless = make_study(name="other", budget=None, state="new")
    text = on_screen(study_list([done, endless]))
    assert "mnist  interrupted   1/3  val_accuracy 0.9876 (trial 4)  1 complete" in text
    assert "other  new           0/-  -                              no trials" in text


def test_a_study_with_a_trial_more_than_its_budget_is_done_and_not_more(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    study = make_study(*(make_trial(number) for number in range(7)), budget=6)
    assert "7/7" in on_screen(study_list([study]))
    assert '<progress value="7" max="7"></progress> 7 of 7 done' in study_html(study)


def test_list_folds_no_usual_name(make_study: Any, make_trial: Any, on_screen: Any) -> None:
    pruned = [make_trial(number, "pruned") for number in range(10)]
    long = make_study(*pruned, make_trial(10), name="a-convolutional-network", state="interrupted")
    text = on_screen(study_list([long]), width=80)
    assert "a-convolutional-network  interrupted" in text
    assert "val_accuracy 1 complete, 10 0.9000 (trial 10) pruned" in " ".join(text.split())


def test_status_tells_facts_leaderboard_and_failures(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    study = make_study(make_trial(0), make_trial(1, "failed"), budget=4, owner="here, pid 12")
    text = on_screen(study_status(study, width=120))
    assert "mnist  done  2 done, 2 to go (1 complete, 1 failed)" in text
    assert "objective maximize val_accuracy" in text
    assert "best      val_accuracy 0.9000 (trial 0)" in text
    assert "run by    here, pid 12" in text
    assert "trial 1 failed: out of memory" in text


def test_status_of_a_study_without_trials_has_no_table(make_study: Any, on_screen: Any) -> None:
    text = on_screen(study_status(make_study(state="new", budget=5), width=120))
    assert "0 done, 5 to go (no trials)" in text
    assert "curve" not in text


def test_status_names_the_last_failures_and_counts_the_others(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    study = make_study(
        *(make_trial(n, "failed", attributes={"failure": f"E{n}"}) for n in range(7))
    )
    text = on_screen(study_status(study, width=120))
    assert "the last 5 of 7 failures:" in text
    assert "trial 1 failed" not in text
    assert "trial 6 failed" in text


SELU = {"failure": "KeyError: 'selu'"}


def test_status_names_equal_failures_once_with_the_value_that_only_they_have(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    bad = [
        make_trial(n, "failed", attributes=SELU, params={"act": "selu", "width": 8 * n})
        for n in range(1, 9)
    ]
    study = make_study(make_trial(0, params={"act": "relu", "width": 8}), *bad)
    text = on_screen(study_status(study, width=200))
    words = "8 trials (1, 2, 3, 4, 5, 6, ...) failed: KeyError: 'selu'; all have act=selu"
    assert words in text
    assert text.count("KeyError") == 1


def test_the_end_of_a_run_names_the_line_whose_value_fails(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    text = "model:\n  class_path: a.Net\n  init_args:\n    act: ~choice(relu, selu)\n"
    bad = [make_trial(n, "failed", attributes=SELU, params={"model.act": "selu"}) for n in (1, 2)]
    study = make_study(make_trial(0, params={"model.act": "relu"}), *bad)
    shown = on_screen(study_status(study, width=120, source=parse(text, "net.yaml")))
    assert (
        "2 trials (1, 2) failed: KeyError: 'selu'; all have model.act=selu\n"
        "  net.yaml:4: act: ~choice(relu, selu)\n"
    ) in re.sub(" +\n", "\n", shown)


def test_status_is_shown_where_the_encoding_has_no_blocks(make_study: Any, make_trial: Any) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    trials = [make_trial(0), make_trial(1, "pruned", 0.4), make_trial(2, "failed")]
    Console(file=stream, width=80).print(study_status(make_study(*trials), width=80))
    stream.seek(0)
    assert "0.9000 |_#" in stream.read()


@pytest.mark.parametrize(
    ("state", "ended", "why", "words"),
    [
        ("interrupted", NOON, "stopped by Ctrl-C", "ended at 2026-03-04 12:00: stopped by Ctrl-C"),
        ("done", NOON, "5 trials in a row failed", "ended at 2026-03-04 12:00: 5 trials in a row"),
        ("interrupted", None, "", "began at 2026-03-04 11:59 and was killed, or its machine went"),
    ],
)
def test_status_says_when_and_why_the_last_run_ended(
    make_study: Any, make_trial: Any, on_screen: Any, state: str, ended: Any, why: str, words: str
) -> None:
    last_run = {"began": "2026-03-04T11:59:58+00:00", "ended": ended, "why": why}
    study = make_study(make_trial(0), state=state, last_run=last_run)
    assert f"\nlast run  {words}" in on_screen(study_status(study, width=120))


def test_status_of_a_run_that_used_up_its_budget_does_not_say_why_it_ended(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    for ended in (NOON, None):
        last_run = {"began": NOON, "ended": ended, "why": ""}
        study = make_study(make_trial(0), state="done", last_run=last_run)
        assert "last run" not in on_screen(study_status(study, width=120))


def test_status_of_several_objectives_has_all_values_of_a_trial_that_stopped_early(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    goals = {"val_accuracy": "maximize", "val_cost": "minimize"}
    curves = {"all_values_by_epoch": {"1": [0.4, 30.0], "2": [0.5, 25.0]}}
    known = {"values": None, "values_by_epoch": {1: 0.4, 2: 0.5}, "attributes": curves}
    study = make_study(make_trial(7, "pruned", **known), objectives=goals)
    assert re.search(r"\n +7 +0\.5000 +25 ", on_screen(study_status(study, width=120)))
    assert re.search(r"\n +val_cost +25 ", on_screen(trial_details(study, study.trials[0])))
    assert "val_cost 25" in trial_line(study.trials[0], tuple(goals))


def test_status_of_several_objectives_names_the_front(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    trials = [make_trial(n, values=(0.9, float(n))) for n in range(2)]
    goals = {"val_accuracy": "maximize", "seconds": "minimize"}
    study = make_study(*trials, objectives=goals, pareto_front=tuple(trials))
    text = on_screen(study_status(study, width=120))
    assert "objective maximize val_accuracy, minimize seconds" in text
    assert "Pareto    trials 0, 1" in text


def test_trial_is_shown_in_full(make_study: Any, make_trial: Any, on_screen: Any) -> None:
    trial = make_trial(
        3,
        attempts=({"started": "2026-01-01", "device": "cpu"}, {"started": "2026-01-02"}),
        attributes={"parameters": 46592, "best_step": 2, "gap": 0.125, "samples_per_s": 1716.0},
    )
    text = on_screen(trial_details(make_study(trial), trial))
    assert "mnist, trial 3  complete" in text
    assert "weights             46,592" in text
    assert "best epoch          2" in text
    assert "generalization gap  0.1250" in text
    assert "samples/s           1,716.0" in text
    assert "model.hidden  32" in text
    assert "optimizer.lr  0.001" in text
    assert "1: 0.4500  2: 0.9000" in text
    assert "2 attempts\n" in text
    assert "2  2026-01-02  -" in text


def test_trial_that_is_not_over_shows_its_value_so_far(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    paused = replace(
        make_trial(3, "paused", attributes={"paused_at": 1}), values=None, values_by_epoch={1: 0.45}
    )
    text = on_screen(trial_details(make_study(paused), paused))
    assert "val_accuracy  0.4500 so far" in text
    assert "paused        after epoch 1" in text
    assert "0.4500 to" not in text


def test_failed_trial_shows_its_reason_and_traceback(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    attributes = {"failure": "ValueError: [x]", "traceback": "File 'a.py'\nValueError: [x]"}
    trial = make_trial(0, "failed", attributes=attributes)
    text = on_screen(trial_details(make_study(trial), trial))
    assert "failure: ValueError: [x]" in text
    assert "File 'a.py'\nValueError: [x]" in text


def test_values_keep_their_digits_in_full_view(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    trial = make_trial(0, params={"optimizer.lr": 0.00123456789})
    assert "0.00123456789" in on_screen(trial_details(make_study(trial), trial))


def test_trial_of_a_study_that_searches_nothing_has_no_parameters(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    trial = make_trial(0, params={})
    assert "parameters" not in on_screen(trial_details(make_study(trial), trial))


def failed(make_trial: Any, number: int, kind: str | None, state: str = "failed") -> Any:
    attributes = {"failure": "it broke"} | ({"failure_kind": kind} if kind else {})
    return make_trial(number, state, attributes=attributes)


def test_status_counts_failures_by_kind_and_out_of_memory_apart(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    kinds = ["hang", "training", "training", "not finite"]
    trials = [failed(make_trial, number, kind) for number, kind in enumerate(kinds)]
    trials += [failed(make_trial, number, "out of memory", "pruned") for number in (4, 5)]
    study = make_study(*trials, make_trial(6), make_trial(7, "pruned", attributes={}))
    text = on_screen(study_status(study, width=120))
    counts = "failed    4: training 2, hang 1, not finite 1; out of memory 2 (pruned)\n"
    assert counts in text
    assert "trial 3 failed (not finite): it broke" in text
    counts = {kind: len(trials) for kind, trials in study.failures.items()}
    assert counts == {"training": 2, "out of memory": 2, "hang": 1, "not finite": 1}


def test_status_counts_only_out_of_memory_where_nothing_else_failed(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    study = make_study(failed(make_trial, 0, "out of memory", "pruned"))
    text = on_screen(study_status(study, width=120))
    assert "failed    out of memory 1 (pruned)\n" in text
    assert "trial 0 pruned (out of memory): it broke" in text
    study = make_study(*study.trials, make_trial(1))
    assert "it broke" not in on_screen(study_status(study, width=120)), "others are complete"


def test_failures_that_were_recorded_without_a_kind_are_counted_as_unknown(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    study = make_study(failed(make_trial, 0, None), failed(make_trial, 1, "hang"))
    text = on_screen(study_status(study, width=120))
    assert "failed    2: unknown 1, hang 1\n" in text
    assert "trial 0 failed: it broke" in text


def test_many_kinds_continue_under_each_other(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    kinds = ["training", "validation", "teardown", "metric", "hang", "set-up"]
    study = make_study(*(failed(make_trial, n, kind) for n, kind in enumerate(kinds)))
    text = on_screen(study_status(study, width=60), width=60)
    assert "failed    6: training 1, validation 1, teardown 1, metric 1,\n" in text
    assert "\n          hang 1, set-up 1\n" in text


def test_a_study_without_failures_says_nothing_of_them(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    assert "failed" not in on_screen(study_status(make_study(make_trial(0)), width=120))


def test_a_trial_of_validations_is_shown_with_validations(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    trial = make_trial(0, "paused", attributes={"paused_at": 2})
    text = on_screen(trial_details(make_study(trial, unit="validation"), trial))
    assert "after validation 2" in text
    assert "val_accuracy after each validation" in text


def test_failed_trial_shows_its_kind_and_place_once(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    attributes = {
        "failure": "ValueError: x",
        "failure_kind": "training",
        "failed_at": "batch 3 of epoch 2",
        "traceback": "    in fit\n    ^^^~~\nValueError: x",
    }
    trial = make_trial(0, "failed", attributes=attributes)
    text = on_screen(trial_details(make_study(trial), trial))
    assert "  kind   training" in text
    assert "  place  batch 3 of epoch 2" in text
    assert text.count("batch 3 of epoch 2") == 1
    assert text.endswith("  ...\n    in fit\nValueError: x\n")


def test_trial_whose_process_could_not_say_where_it_failed_is_placed_after_its_last_epoch(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    attributes = {"failure": "was killed", "failure_kind": "out of memory", "traceback": ""}
    trial = make_trial(0, "pruned", attributes=attributes)
    text = on_screen(trial_details(make_study(trial), trial))
    assert "failure: was killed" in text
    assert text.splitlines()[-1].rstrip() == "  place  after epoch 2"


def test_trial_that_failed_without_a_reason_says_so(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    trial = make_trial(0, "failed", attributes={})
    text = on_screen(trial_details(make_study(trial), trial))
    assert text.endswith("failure: no reason on record\n")


def test_what_speed_auto_took_stands_beside_the_study_and_each_trial(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    choice = {"taken": {}, "line": "trainer.precision: bf16-mixed", "why": "1.80 times as fast"}
    study = make_study(make_trial(0), speed=choice)
    words = "auto took trainer.precision: bf16-mixed"
    assert f"speed     {words}: 1.80 times as fast" in on_screen(study_status(study, width=120))
    details = " ".join(on_screen(trial_details(study, study.trials[0])).split())
    assert f"speed {words}" in details
    nothing = make_study(make_trial(0), speed={"taken": {}, "line": "", "why": "nothing gains"})
    assert "auto took nothing: nothing gains" in on_screen(study_status(nothing, width=120))


@pytest.mark.parametrize(
    ("best", "confirmation", "words"),
    [
        (0, None, "val_accuracy 0.9000 (trial 0)"),
        (0, {"chosen": 0}, "val_accuracy 0.9000 (trial 0)"),
        (1, {"chosen": 1}, "val_accuracy 0.8000 (trial 1, confirmed)"),
    ],
)
def test_a_best_trial_that_the_search_did_not_put_first_is_a_confirmed_one(
    make_study: Any, make_trial: Any, best: int, confirmation: Any, words: str
) -> None:
    trials = [make_trial(0, value=0.9), make_trial(1, value=0.8)]
    study = make_study(*trials, best=trials[best], confirmation=confirmation)
    assert best_words(study) == words
