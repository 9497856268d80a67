"""What `check` and `summary` print: the space, its branches, the cost, the layers."""

from __future__ import annotations

from typing import Any

import pytest
from rich.text import Text

from hpsearch.measure.cost import Cost, epoch_seconds, estimate, plan_pauses
from hpsearch.measure.extremes import extreme_configs
from hpsearch.studyfile.algorithms import Promote
from hpsearch.studyfile.space import Space
from hpsearch.views.check.layers import layer_table
from hpsearch.views.check.probes import (
    branch_table,
    cost_words,
    direction_words,
    endless_words,
    not_ready_words,
    note_words,
)
from hpsearch.views.check.space import distribution_words, parameter_table, size_words

BRANCHES = {
    "model": {
        "~choice": {
            "small": {"class_path": "a.Small", "init_args": {"width": "~int(1, 8)"}},
            "large": {"class_path": "a.Large", "init_args": {"depth": "~choice(2, 16, 4)"}},
        }
    }
}
PROBE = {
    "parameters": 46592,
    "metrics": ["val_accuracy", "val_loss"],
    "seconds_per_step": 0.5,
    "steps_per_epoch": 10,
    "validation_seconds": 1.0,
    "training_batches": 10,
    "validations": 1,
    "notes": [],
    "single_steps": "",
    "checkpoint_bytes": 1000,
}


def test_each_branch_is_looked_at_with_every_range_at_both_ends() -> None:
    extremes = extreme_configs(Space(BRANCHES))
    assert [(extreme.branch, extreme.bound, dict(extreme.params)) for extreme in extremes] == [
        ("model=small", "smallest", {"model": "small", "model.small.width": 1}),
        ("model=small", "largest", {"model": "small", "model.small.width": 8}),
        ("model=large", "smallest", {"model": "large", "model.large.depth": 2}),
        ("model=large", "largest", {"model": "large", "model.large.depth": 16}),
    ]
    assert extremes[3].config["model"]["init_args"] == {"depth": 16}


def test_space_without_branches_has_one_without_a_name() -> None:
    extremes = extreme_configs(Space({"model": {"width": "~int(1, 8)"}}))
    assert [(extreme.branch, extreme.bound) for extreme in extremes] == [
        ("", "smallest"),
        ("", "largest"),
    ]


def test_a_branch_in_which_nothing_is_searched_is_tried_once() -> None:
    model = {"~choice": {"plain": {"class_path": "Plain"}, "wide": {"width": "~int(1, 8)"}}}
    extremes = extreme_configs(Space({"model": model}))
    assert [(extreme.branch, extreme.bound) for extreme in extremes] == [
        ("model=plain", "fixed"),
        ("model=wide", "smallest"),
        ("model=wide", "largest"),
    ]
    assert [extreme.bound for extreme in extreme_configs(Space({"model": {"a": 1}}))] == ["fixed"]


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"a": 1}, "nothing is searched: one configuration"),
        ({"a": "~int(1, 8)"}, "1 parameter, 8 configurations"),
        ({"a": "~int(1, 100)", "b": "~choice(1, 2)"}, "2 parameters, 200 configurations"),
        (
            {"a": "~float(0, 1)"},
            "1 parameter, too many configurations to count (a range without steps)",
        ),
    ],
)
def test_size_of_the_space_in_words(model: dict[str, Any], words: str) -> None:
    assert size_words(Space({"model": model})) == words


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("~int(8, 64, log=True)", "8 to 64, whole, log"),
        ("~int(8, 64, step=8)", "8 to 64 in steps of 8"),
        ("~float(0, 0.5)", "0 to 0.5"),
        ("~float(0, 0.5, step=0.1)", "0 to 0.5 in steps of 0.1"),
        ("~choice(64, true, null, adam)", "64 | true | null | adam"),
    ],
)
def test_distribution_in_words(expression: str, words: str) -> None:
    assert distribution_words(Space({"model": {"a": expression}}).parameters["model.a"]) == words


def test_parameter_table_has_a_row_each(on_screen: Any) -> None:
    text = on_screen(parameter_table(Space(BRANCHES)))
    assert "model              small | large" in text
    assert "model.small.width  1 to 8, whole" in text


def test_branch_table_shows_weights_time_and_failures(on_screen: Any) -> None:
    extremes = extreme_configs(Space(BRANCHES))
    failure = {"failure": "ValueError: [too] deep"}
    text = on_screen(branch_table(extremes, [PROBE, PROBE, PROBE, failure]))
    rows = [line.rstrip().split(maxsplit=4) for line in text.splitlines()[2:]]
    assert rows[0] == ["model=small", "smallest", "46,592", "6.0s", "trains"]
    assert rows[3] == ["model=large", "largest", "-", "-", "ValueError: [too] deep"]


@pytest.mark.parametrize(
    ("failing", "words"),
    [
        ((3,), "NOT READY: model.large.depth=16: KeyError: 'selu'"),
        ((2, 3), "NOT READY: model=large: KeyError: 'selu'"),
        ((0, 1, 2, 3), "NOT READY: every setting: KeyError: 'selu'"),
    ],
)
def test_the_last_line_names_the_values_that_only_failing_settings_have(
    failing: tuple[int, ...], words: str
) -> None:
    extremes = extreme_configs(Space(BRANCHES))
    probes = [{"failure": "KeyError: 'selu'"} if n in failing else PROBE for n in range(4)]
    assert not_ready_words(extremes, probes) == words


def test_notes_say_once_why_steps_are_taken_one_at_a_time() -> None:
    reason = "Net does not say supports_multi_step = True"
    probes = [PROBE, *[PROBE | {"notes": ["X is left out"], "single_steps": reason}] * 2]
    assert note_words(probes) == [
        "X is left out",
        f"Lightning takes the steps one at a time: {reason}. Many at once are faster for a small"
        " network: they need supports_multi_step = True in the module's class, and a training_step"
        " that returns the loss and logs nothing",
    ]


def test_data_without_a_length_make_the_time_unknown() -> None:
    endless = PROBE | {"steps_per_epoch": 0, "training_batches": 0}
    assert endless_words([PROBE]) == endless_words([PROBE | {"steps_per_epoch": 0}]) == ""
    assert endless_words([endless, PROBE]) == (
        "A step takes 500 to 500 ms. The training loader has no length, so how long an epoch and"
        " the search take is unknown; trainer.limit_train_batches gives it one."
    )
    settings = extreme_configs(Space(BRANCHES))[:1]
    assert [*branch_table(settings, [endless]).columns[3].cells] == [Text("?")]


def test_cost_counts_rounds_of_slots_and_both_checkpoints() -> None:
    length = {"training_batches": 20, "validations": 2}
    slow = PROBE | {"seconds_per_step": 1.0, "checkpoint_bytes": 3000} | length
    assert epoch_seconds(PROBE) == 6.0
    cost = estimate([PROBE, slow], trials=5, slots=2)
    assert cost == Cost(shortest_s=6.0, longest_s=22.0, total_s=3 * 14.0, disk_bytes=5 * 2 * 2000)
    in_epochs = estimate([PROBE], trials=None, slots=2, epochs=10)
    assert (in_epochs.total_s, in_epochs.disk_bytes) == (5 * 6.0, None)
    assert estimate([PROBE], trials=1, slots=2, epochs=10).total_s == 6.0  # what ends first


@pytest.mark.parametrize(
    ("promote", "longest", "trials", "trained"),
    [
        (Promote(), 3, 16, 16 + 4 * 2),
        (Promote(), 12, 40, 40 + 10 * 3 + 3 * 8),  # three reach the end, for a confirmation
        (Promote(eta=2, first=3), 12, 40, 40 * 3 + 20 * 3 + 10 * 6),
    ],
)
def test_a_search_that_pauses_trains_what_continues(
    promote: Promote, longest: int, trials: int, trained: int
) -> None:
    pauses = plan_pauses(promote, longest, trials)
    assert pauses is not None
    assert (pauses.trained, pauses.whole) == (trained, trials * longest)
    cost, whole = (estimate([PROBE], trials, 2, pauses=found) for found in (pauses, None))
    assert cost.total_s == pytest.approx(whole.total_s * trained / (trials * longest))
    assert (cost.pauses, whole.pauses) == (pauses, None)


def test_nothing_is_said_of_pauses_where_none_is_known() -> None:
    assert plan_pauses(None, 12, 40) is None
    assert plan_pauses(Promote(), None, 40) is None, "as long as its data are"
    assert plan_pauses(Promote(), 12, None) is None, "only time bounds it"
    assert plan_pauses(Promote(), 1, 40) is None, "the first rung is its end"
    assert plan_pauses(Promote(), 12, 3) is None, "as many as a confirmation needs"
    few = estimate([PROBE], 40, 2, epochs=6, pauses=plan_pauses(Promote(), 12, 40))
    assert (few.total_s, few.pauses) == (3 * 6.0, None), "the budget in epochs ends it"


def test_cost_in_words() -> None:
    words = cost_words(Cost(6.0, 22.0, 42.0, 20_000), "5 trials", slots=2)
    assert words == (
        "5 trials on 2 slots take about 42s if none is pruned (6.0s to 22s each);"
        " their checkpoints take about 20 kB."
    )
    pauses = plan_pauses(Promote(), 12, 40)
    assert cost_words(Cost(6.0, 22.0, 42.0, 20_000, pauses), "40 trials", slots=2) == (
        "40 trials on 2 slots take about 42s, since they pause after 1 and 4 epochs and one in 4"
        " continues, at least 3: 94 of 480 epochs are trained (6.0s to 22s for a whole training);"
        " their checkpoints take about 20 kB."
    )
    single = cost_words(Cost(6.0, 22.0, 14.0, 20_000), "1 trial", slots=1)
    assert single.startswith(
        "1 trial on 1 slot takes about 14s if it is not pruned (6.0s to 22s); its checkpoints take"
    )
    fixed = cost_words(Cost(6.0, 6.0, 6.0, 20_000), "1 trial", slots=1)
    assert "about 6.0s if it is not pruned (6.0s); its checkpoints" in fixed
    in_epochs = cost_words(Cost(6.0, 22.0, 42.0, None), "240 epochs", slots=2)
    assert in_epochs == (
        "240 epochs on 2 slots take about 42s; a trial that is not pruned takes 6.0s to 22s."
    )
    endless = cost_words(Cost(6.0, 22.0, None, None), "", slots=1)
    assert endless == "A trial that is not pruned takes 6.0s to 22s; only time bounds the study."


def test_layers_have_shapes_and_weights_and_a_sum(on_screen: Any) -> None:
    row = {
        "name": "head",
        "type": "Linear",
        "input_shape": [1, 784],
        "output_shape": None,
        "parameters": 7850,
    }
    text = on_screen(layer_table({"rows": [row], "total": 7850}))
    assert "head   Linear  1 x 784  -         7,850" in text
    assert text.rstrip().endswith("7,850")
    lazy = on_screen(layer_table({"rows": [{**row, "parameters": None}], "total": None}))
    assert "head   Linear  1 x 784  -       unknown" in lazy
    assert lazy.rstrip().endswith("unknown")


def test_a_direction_that_contradicts_the_metrics_name_is_noted() -> None:
    assert direction_words(
        {"val_loss": "maximize", "val_acc": "maximize", "score": "minimize"}
    ) == [
        "val_loss is to be maximized, but by its name, less of it is better: {val_loss: minimize}"
    ]
