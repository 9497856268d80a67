"""Values that follow from others, anchors, constraints, and ranges that end at another value."""

import pytest

from hpsearch.studyfile.distributions import FloatRange, IntRange
from hpsearch.studyfile.links import InfeasibleError
from hpsearch.studyfile.parse import parse_study
from hpsearch.studyfile.space import Space
from hpsearch.studyfile.yaml_text import parse


def draw(space, **values):
    named = {name.replace("__", "."): value for name, value in values.items()}
    return space.sample(lambda name, distribution: named.get(name, distribution.bounds()[0]))


def violation_of(space, **values):
    try:
        draw(space, **values)
    except InfeasibleError as error:
        return str(error)
    return ""


def sections(**model):
    return {
        "model": {"class_path": "m.Net", "init_args": model},
        "data": {"init_args": {"batch_size": "~choice(4, 8)", "rows": 100}},
        "optimizer": {
            "~choice": {
                "adam": {"class_path": "o.Adam", "init_args": {"lr": "~float(0.1, 1)"}},
                "sgd": {"class_path": "o.SGD", "init_args": {"momentum": "~float(0, 1)"}},
            }
        },
    }


@pytest.mark.parametrize(
    ("link", "value"),
    [
        ("~ref(data.batch_size)", 8),
        ("~ref(data.rows)", 100),
        ("~ref(data)", {"init_args": {"batch_size": 8, "rows": 100}}),
        ("~ref(optimizer)", {"class_path": "o.Adam", "init_args": {"lr": 0.5}}),
        ("~expr(data.rows // data.batch_size)", 12),
        ("~expr(1 if optimizer == 'adam' else 2)", 1),
        ("~expr(optimizer.adam.lr * 2)", 1.0),
    ],
)
def test_a_link_is_filled_in_from_other_values(link, value):
    space = Space(sections(size=link, other="~int(1, 3)", more="~expr(model.other + 1)"))
    arguments = {"optimizer": "adam", "data__batch_size": 8, "optimizer__adam__lr": 0.5}
    if "adam.lr" in link:
        assert "is missing in some of the branches" in space.errors[0][1]
        return
    config = draw(space, **arguments)
    assert config["model"]["init_args"] == {"size": value, "other": 1, "more": 2}


def test_a_link_may_follow_from_a_link_and_adds_no_parameter():
    space = Space(sections(a="~expr(model.b + 1)", b="~ref(model.c)", c="~int(1, 3)"))
    assert draw(space)["model"]["init_args"] == {"a": 2, "b": 1, "c": 1}
    assert "model.a" not in space.parameters
    assert space.size() == Space(sections(c="~int(1, 3)")).size()


def test_links_that_depend_on_each_other_are_named():
    space = Space(sections(size="~ref(data.extra)", more="~int(1, 2)", last="~ref(model.more)"))
    assert len(space.errors) == 1, "there is no data.extra"
    space = Space(
        sections(size="~expr(model.more + 1)", more="~ref(model.size)", last="~ref(data)")
    )
    assert [message for _, message in space.errors] == [
        "its value depends on itself, by way of model.more; write a value here",
        "its value depends on itself, by way of model.size; write a value here",
    ]


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ("~ref(data.batchsize)", "no value 'data.batchsize' in the file; did you mean 'data.batch"),
        ("~ref(data.batch_size + 1)", "~ref takes one name, as in ~ref(data.batch_size), not"),
        ("~expr(data.rows +)", "'data.rows +' is not a formula"),
        ("~expr(data.rows / (data.rows - 100))", "data.rows / (data.rows - 100): div"),
        ("~ref(model.size)", "its value depends on itself; write a value here"),
        ("~ref(study.trials)", "no value 'study.trials' in the file; only values outside study:"),
        ("~ref data.rows", "is not a search expression; write ~ref(data.rows)"),
        ("~ref[data.rows]", "write ~ref(data.rows)"),
        ("~ref(data.rows) // 2", "write ~expr(data.rows // 2)"),
        ("~eval(data.rows // 2)", "there is no '~eval'; write ~expr(data.rows // 2)"),
        ("~refs(data.rows)", "there is no '~refs'; did you mean '~ref'?"),
        ("~ref(data.rows", "has unbalanced parentheses"),
    ],
)
def test_a_link_that_leads_nowhere_is_named(link, message):
    ((path, found),) = Space(sections(size=link)).errors
    assert path == ("model", "init_args", "size")
    assert message in found


def test_a_link_without_a_value_makes_the_setting_infeasible():
    space = Space(sections(size="~expr(100 / (data.batch_size - 4))"))
    assert space.errors == ()
    with pytest.raises(InfeasibleError, match="division by zero"):
        draw(space)
    assert draw(space, data__batch_size=8)["model"]["init_args"] == {"size": 25.0}
    assert all(corner.params["data.batch_size"] == 8 for corner in space.corners())


@pytest.mark.parametrize(
    ("expression", "parameter", "feasible", "infeasible"),
    [
        ("~int(1, data.batch_size)", IntRange(1, 8), 4, 5),
        ("~int(data.batch_size, 20)", IntRange(4, 20), 4, 3),
        ("~float(0, data.rows)", FloatRange(0.0, 100.0), 100, 101),
        ("~int(low=1, high=data.batch_size, log=True)", IntRange(1, 8, log=True), 4, 5),
    ],
)
def test_a_range_ends_at_another_value(expression, parameter, feasible, infeasible):
    space = Space(sections(size=expression))
    assert space.parameters["model.size"] == parameter
    assert next(iter(space.parameters)) == "model.size"
    assert violation_of(space, model__size=feasible) == ""
    assert "does not hold: model.size is" in violation_of(space, model__size=infeasible)


def test_a_range_may_end_at_an_entry_of_a_list():
    space = Space(sections(sizes=["~int(1, 4)", "~int(model.sizes.0, 8)"]))
    assert space.parameters["model.sizes.1"] == IntRange(1, 8)
    assert violation_of(space, model__sizes__0=3, model__sizes__1=2)


def test_ranges_that_end_at_each_other_or_at_a_word_are_refused():
    circle = Space(sections(a="~int(1, model.b)", b="~int(1, model.a)"))
    assert {message for _, message in circle.errors} == {
        "this range and another one depend on each other"
    }
    ((_, message),) = Space(sections(a="~int(1, optimizer.lr)")).errors
    assert "can only end at a number or a range, and optimizer.lr is neither" in message


def test_a_constraint_that_does_not_hold_is_reported_with_its_values():
    space = Space(sections(size="~int(1, 9)"), ["model.size % data.batch_size == 0"])
    assert violation_of(space, model__size=8) == ""
    assert violation_of(space, model__size=9) == (
        "model.size % data.batch_size == 0 does not hold: model.size is 9, data.batch_size is 4"
    )


def test_a_constraint_on_a_branch_that_is_not_taken_holds():
    space = Space(sections(), ["optimizer.adam.lr < 0.05"])
    assert "optimizer.adam.lr is 0.1" in violation_of(space, optimizer="adam")
    assert violation_of(space, optimizer="sgd") == ""


def test_options_may_be_lists():
    space = Space(sections(sizes="~choice([8, 16], (32, [1, 2]), 3)"))
    assert space.parameters["model.sizes"].options == ("[8, 16]", "[32, [1, 2]]", 3)
    assert draw(space)["model"]["init_args"]["sizes"] == [8, 16]
    assert draw(space, model__sizes="[32, [1, 2]]")["model"]["init_args"]["sizes"] == [32, [1, 2]]
    assert draw(space, model__sizes=3)["model"]["init_args"]["sizes"] == 3


def tree_of(text):
    document = parse(text, "a.yaml")
    assert document.diagnostics == ()
    return document.tree


def test_an_anchor_on_a_searched_value_is_one_value():
    tree = tree_of("model: {a: &b '~choice(4, 8)'}\ndata: {b: *b, c: [*b]}\nstudy: {d: *b}")
    assert tree["data"] == {"b": "~ref(model.a)", "c": ["~ref(model.a)"]}
    assert tree["study"] == {"d": "~choice(4, 8)"}
    assert list(Space({"model": tree["model"], "data": tree["data"]}).parameters) == ["model.a"]


def test_an_anchor_on_a_fixed_value_is_unfolded_and_one_around_a_searched_value_is_a_link():
    tree = tree_of("model: {a: &a {x: 1}, b: *a, c: &c {x: '~int(1, 2)'}, d: *c}")
    assert tree["model"] == {
        "a": {"x": 1},
        "b": {"x": 1},
        "c": {"x": "~int(1, 2)"},
        "d": "~ref(model.c)",
    }


def test_anchors_in_branches_that_exclude_each_other_stay_two_parameters():
    text = "model: {~choice: {one: {a: &a '~int(1, 2)', b: *a}, two: {a: *a}}}"
    branches = tree_of(text)["model"]["~choice"]
    assert branches == {
        "one": {"a": "~int(1, 2)", "b": "~ref(model.a)"},
        "two": {"a": "~int(1, 2)"},
    }


def test_of_an_anchor_in_a_branch_and_outside_the_one_outside_is_searched():
    tree = tree_of("model: {~choice: {one: {a: &a '~int(1, 2)'}, two: null}}\ndata: {b: *a}")
    assert tree["data"] == {"b": "~int(1, 2)"}
    assert tree["model"]["~choice"]["one"] == {"a": "~ref(data.b)"}


STUDY = """\
study: {name: s, objective: {a: minimize}, trials: 3, constraints: %s}
model: {class_path: m.Net, init_args: {width: "~int(1, 8)", heads: "~int(1, 8)"}}
data: {class_path: m.Data}
trainer: {max_epochs: "~expr(model.width + 1)"}
"""


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        ("width > 3", "study.constraints: must be a list of formulas in quotes"),
        ("[1]", "study.constraints: must be a list of formulas in quotes"),
        ('["model.widht > 3"]', "there is no value 'model.widht' in the file; did you mean 'model"),
        ('["data.class_path > 3"]', "data.class_path > 3: 'm.Data' is not a number"),
        ('["model.width >"]', "study.constraints.0: 'model.width >' is not a formula"),
    ],
)
def test_a_wrong_constraint_is_named_with_its_line(constraints, message):
    (fault,) = parse_study(parse(STUDY % constraints, "s.yaml")).diagnostics
    assert message in f"{fault.path}: {fault.message}"
    assert fault.line == 1


def test_the_epochs_of_a_trial_may_follow_from_other_values():
    from hpsearch.studyfile.study import StudySpec

    parsed = parse_study(parse(STUDY % '["model.width % model.heads == 0"]', "s.yaml"))
    assert parsed.diagnostics == ()
    spec = StudySpec.from_parsed(parsed)
    assert spec.max_reports() == 9
    assert violation_of(spec.space, model__width=3, model__heads=2)


@pytest.mark.parametrize(
    ("width", "message"),
    [
        (
            8,
            "study.constraints: trial 0 has all priors, which are impossible together:"
            " model.width < model.heads does not hold: model.width is 8, model.heads is 5;"
            " change one of them",
        ),
        (4, ""),
    ],
)
def test_priors_that_are_impossible_together_are_an_error(width, message):
    text = STUDY % '["model.width < model.heads"]'
    text = text.replace('width: "~int(1, 8)"', f'width: "~int(1, 8, prior={width})"')
    faults = parse_study(parse(text, "s.yaml")).diagnostics
    assert [f"{fault.path}: {fault.message}" for fault in faults] == [message][: len(message)]


@pytest.mark.parametrize("stored", [False, True])
def test_an_enqueued_setting_that_breaks_a_constraint_is_an_error_of_a_file_only(stored):
    enqueue = "[{width: 1, heads: 2}, {width: 8}, {width: 8, heads: 2}], constraints: %s"
    text = STUDY.replace("constraints: %s", f"enqueue: {enqueue}") % '["model.width < model.heads"]'
    faults = parse_study(parse(text, "s.yaml"), stored=stored).diagnostics
    assert [f"{fault.path}: {fault.message}" for fault in faults] == [
        "study.enqueue.2: this setting would never be trained: model.width < model.heads does not"
        " hold: model.width is 8, model.heads is 2; change it, or leave it out"
    ][stored:]


ODD = "study: {{name: s, objective: {{val_accuracy: maximize}}, trials: 3, constraints: ['{}'] {}}}"
SIZES = """
model: {class_path: a.B, init_args: {x: '~int(1, 1000)', y: '~int(1, 1000)'}}
trainer: {max_epochs: 1}
"""


@pytest.mark.parametrize(
    ("constraint", "more", "stored", "errors"),
    [
        (
            "model.x > 1000",
            "",
            False,
            [
                "none of 20,000 random settings is possible: in the last one, model.x > 1000 does"
                " not hold: model.x is "
            ],
        ),
        ("model.x > 1000", "", True, []),
        # One setting in a thousand is found by a search, too.
        ("model.x == model.y", "", False, []),
        # The search is given one setting to begin with.
        ("model.x * model.y == 7", ", enqueue: [{x: 1, y: 7}]", False, []),
    ],
)
def test_constraints_that_no_setting_satisfies_are_an_error_of_a_file_only(
    constraint, more, stored, errors
):
    text = ODD.format(constraint, more) + SIZES

    found = parse_study(parse(text, "s.yaml"), stored=stored).diagnostics

    shown = [error.message for error in found]
    assert len(shown) == len(errors)
    assert all(text.startswith(start) for text, start in zip(shown, errors, strict=True))
    assert all(text.endswith("; loosen a constraint, or widen the ranges") for text in shown)
