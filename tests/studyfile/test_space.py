import math

import pytest

from hpsearch.studyfile.distributions import Choice, FloatRange, IntRange, check_values
from hpsearch.studyfile.space import Space

SECTIONS = {
    "model": {"class_path": "m.CNN", "init_args": {"channels": ["~int(8, 64)", "~int(8, 32)"]}},
    "data": {"init_args": {"note": "~~raw", "folder": "~/mnist", "nothing": None}},
    "optimizer": {
        "~choice": {
            "adam": {"init_args": {"lr": "~float(1e-4, 1e-2, log=True)"}},
            "sgd": {
                "init_args": {
                    "lr": "~float(0.1, 1)",
                    "momentum": {"~choice": {"none": None, "some": "~choice(0.5, 0.9, 0.99)"}},
                }
            },
        }
    },
    "trainer": {"callbacks": [{"~choice": {"without": None, "ema": {"decay": "~float(0.9, 1)"}}}]},
}


def test_parameters_are_named_by_their_path():
    assert Space(SECTIONS).parameters == {
        "model.channels.0": IntRange(8, 64),
        "model.channels.1": IntRange(8, 32),
        "optimizer": Choice(("adam", "sgd")),
        "optimizer.adam.lr": FloatRange(1e-4, 1e-2, log=True),
        "optimizer.sgd.lr": FloatRange(0.1, 1.0),
        "optimizer.sgd.momentum": Choice(("none", "some")),
        "optimizer.sgd.momentum.some": Choice((0.5, 0.9, 0.99)),
        "trainer.callbacks.0": Choice(("without", "ema")),
        "trainer.callbacks.0.ema.decay": FloatRange(0.9, 1.0),
    }


def test_filling_asks_only_for_the_branches_taken():
    asked = []

    def suggest(name, distribution):
        asked.append(name)
        return {"optimizer": "adam"}.get(name, check_values(distribution)[0])

    assert Space(SECTIONS).sample(suggest) == {
        "model": {"class_path": "m.CNN", "init_args": {"channels": [8, 8]}},
        "data": {"init_args": {"note": "~raw", "folder": "~/mnist", "nothing": None}},
        "optimizer": {"init_args": {"lr": 1e-4}},
        "trainer": {"callbacks": [None]},
    }
    assert asked == [
        "model.channels.0",
        "model.channels.1",
        "optimizer",
        "optimizer.adam.lr",
        "trainer.callbacks.0",
    ]


def test_corners_visit_each_branch_each_option_and_both_ends():
    space = Space(SECTIONS)
    corners = space.corners()
    seen = {(name, value) for corner in corners for name, value in corner.params.items()}
    wanted = {(name, end) for name, d in space.parameters.items() for end in check_values(d)}
    assert seen == wanted
    assert len(corners) <= 6


def test_a_corner_remembers_where_its_parts_are_written():
    corner = next(c for c in Space(SECTIONS).corners() if c.params["optimizer"] == "sgd")
    written = ("optimizer", "~choice", "sgd", "init_args", "lr")
    assert corner.origins[("optimizer", "init_args", "lr")] == written


def test_a_branch_that_is_an_expression_itself_is_visited():
    space = Space({"trainer": {"clip": {"~choice": {"off": None, "on": "~float(0.1, 1)"}}}})
    assert [c.config["trainer"]["clip"] for c in space.corners()] == [None, 0.1, 1.0]


def test_branches_together_take_each_branch():
    space = Space(SECTIONS)
    assert not space.flat
    assert space.branch_parameters == ("optimizer", "optimizer.sgd.momentum", "trainer.callbacks.0")
    assert space.branches() == [
        {"optimizer": "adam", "trainer.callbacks.0": "without"},
        {"optimizer": "sgd", "optimizer.sgd.momentum": "none", "trainer.callbacks.0": "ema"},
        {"optimizer": "sgd", "optimizer.sgd.momentum": "some", "trainer.callbacks.0": "without"},
    ]


def test_a_space_without_expressions_has_one_configuration():
    space = Space({"model": {"class_path": "m.CNN"}})
    assert (space.size(), space.flat, space.branches(), space.parameters) == (1, True, [{}], {})
    assert [corner.config for corner in space.corners()] == [{"model": {"class_path": "m.CNN"}}]


def test_sizes_multiply_side_by_side_and_add_over_branches():
    branches = {"~choice": {"none": None, "some": ["~choice(1, 2)", "~int(1, 3)"]}}
    assert Space({"model": branches, "data": "~choice(a, b)"}).size() == (1 + 2 * 3) * 2
    assert Space(SECTIONS).size() == math.inf


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"a": "~int(4, 2)"}, "low 4 is above high 2"),
        ({"~choise": {"a": 1, "b": 2}}, "there is no key '~choise:'; did you mean '~choice'?"),
        ({"~choice": {"a": 1, "b": 2}, "c": 3}, "only key of its mapping; move 'c' into a branch"),
        ({"~choice": {"a": 1}}, "'~choice:' needs a mapping of two or more named branches"),
        ({"~choice": [1, 2]}, "two or more named branches; list plain values as ~choice(a, b)"),
        ({"~choice": {"a.b": 1, "c": 2}}, "a branch cannot be named 'a.b'; use letters"),
        (
            {"~choice": {"class_path": "a.B", "init_args": {"lr": "~int(1, 2)"}}},
            "each branch needs a name: put a word such as 'one:' above class_path",
        ),
        ({"a.b": "~int(1, 2)", "a": {"b": "~int(1, 2)"}}, "two parameters are named model.a.b"),
    ],
)
def test_each_broken_rule_is_reported(section, message):
    ((_, found),) = Space({"model": section}).errors
    assert message in found


def test_all_broken_rules_are_reported_at_once():
    space = Space({"model": {"a": "~int(4, 2)", "b": ["~flaot(0, 1)", "~int(1, 2)"]}})
    assert [path for path, _ in space.errors] == [("model", "a"), ("model", "b", 0)]
    assert [corner.config["model"] for corner in space.corners()] == [
        {"a": None, "b": [None, 1]},
        {"a": None, "b": [None, 2]},
    ]


def test_of_two_branchings_with_one_name_the_first_is_kept():
    one, two = {"~choice": {"a": 1, "b": 2}}, {"~choice": {"c": 1, "d": 2}}
    space = Space({"model": {"x.y": one, "x": {"y": two}}})
    assert len(space.errors) == 1
    assert [corner.params["model.x.y"] for corner in space.corners()] == ["a", "b"]
