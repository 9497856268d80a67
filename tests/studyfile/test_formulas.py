"""Formulas: arithmetic over named values, and nothing else of Python."""

import pytest

from hpsearch.studyfile.diagnostics import InvalidValueError
from hpsearch.studyfile.formulas import FormulaError, parse_formula

VALUES = {
    "model.width": 12,
    "model.heads": 4,
    "model.channels.0": 8,
    "model.rate": 0.5,
    "optimizer": "adam",
    "data.sizes": [3, 4],
    "nothing": None,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("model.width // 2", 6),
        ("model.width % model.heads == 0", True),
        ("model.channels.0 + 1", 9),
        ("model.channels.0*model.width - -1", 97),
        ("1e-1 * model.rate", 0.05),
        ("2 ** model.heads", 16),
        ("min(model.width, 8) + len(data.sizes)", 10),
        ("round(sqrt(model.heads))", 2),
        ("0 < model.rate <= 0.5 and not model.width > 12", True),
        ("optimizer == 'adam' or model.width > 100", True),
        ("optimizer in ('sgd', \"model.width\")", False),
        ("1 if optimizer == 'sgd' else 2", 2),
        ("nothing == None", True),
        ("model.width", 12),
        ("-" * 99 + "1", -1),
    ],
)
def test_a_formula_is_evaluated_with_the_values_of_a_configuration(text, value):
    assert parse_formula(text).value(VALUES) == pytest.approx(value)


def test_the_names_in_a_formula_are_known():
    formula = parse_formula("model.channels.0 * max(model.width, 2) if optimizer == 'a.b' else 1")
    assert formula.names == ("model.channels.0", "model.width", "optimizer")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model.width //", "'model.width //' is not a formula; write arithmetic over named values"),
        ("", "'' is not a formula"),
        ("__import__('os')", "calls something other than abs, ceil, exp"),
        ("open('x')", "calls something other than abs"),
        ("model.width.bit_length()", "calls something other than"),
        ("[x for x in model]", "is not a formula"),
        ("lambda: 1", "is not a formula"),
        ("data.sizes[0]", "may hold only arithmetic"),
        ("model.width = 8", "is not a formula here; write model.width == 8"),
        ("model.width => 8 && model.heads <> 2", "write model.width >= 8 and model.heads != 2"),
        ("!model.deep || model.width ^ 2 > 8", "write not model.deep or model.width ** 2 > 8"),
        ("~ref(model.width) * 2", "write model.width * 2"),
        ("${model.width} x 2", "write model.width * 2"),
        ("model['width'] * 2", "write model.width * 2"),
        ("np.log2(model.width)", "write log2(model.width)"),
        ("model.width is divisible by model.heads", "write model.width % model.heads == 0"),
        ("max(1, key=2)", "calls something other than"),
        ("{1: 2}", "may hold only arithmetic"),
        ("...", "has Ellipsis, which is not a number or a word"),
        ("-" * 100 + "1", "a formula nested more than 100 levels deep is over the limit"),
        ("-" * 999 + "1", "a formula nested more than 100 levels deep is over the limit"),
        ("1" * 1001, "a formula of 1001 characters is over the limit of 1000"),
    ],
)
def test_what_is_not_arithmetic_is_refused(text, message):
    with pytest.raises(InvalidValueError) as caught:
        parse_formula(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model.width / (model.heads - 4)", "division by zero"),
        ("model.depth + 1", "model.depth has no value here"),
        ("optimizer * 3", "'adam' is not a number"),
        ("9 ** 9 ** 9", "too large"),
        ("10.0 ** 308 * 10", "too large"),
        ("sqrt(-model.width)", "sqrt(-model.width)"),
        ("nothing < 3", "None is not a number"),
    ],
)
def test_a_formula_without_a_value_says_why(text, message):
    with pytest.raises(FormulaError) as caught:
        parse_formula(text).value(VALUES)
    assert message in str(caught.value)
