import re

import pytest

from hpsearch.studyfile.diagnostics import InvalidValueError
from hpsearch.studyfile.distributions import Choice, FloatRange, IntRange
from hpsearch.studyfile.expressions import (
    MAX_LENGTH,
    escape,
    is_expression,
    parse_expression,
    unescape,
)


@pytest.mark.parametrize(
    ("expression", "distribution"),
    [
        ("~int(8, 64, log=True)", IntRange(8, 64, log=True)),
        ("~int(-4, 4, step=2)", IntRange(-4, 4, step=2)),
        ("~ int( low = 1 , high = 3 )", IntRange(1, 3)),
        ("~float(0, 0.5, step=0.05)", FloatRange(0.0, 0.5, step=0.05)),
        ("~float(1e-4, 1e-1, log=true)", FloatRange(1e-4, 1e-1, log=True)),
        ("~choice(a, b, 64, true, null)", Choice(("a", "b", 64, True, None))),
        ('~choice("two words", -0.5, one-cycle)', Choice(("two words", -0.5, "one-cycle"))),
        ("~choice(torch.nn.ReLU, on, off)", Choice(("torch.nn.ReLU", "on", "off"))),
        (r'~choice("\d", b)', Choice((r"\d", "b"))),
        ("~float(1e-4, 0.1, log=True, prior=3e-3)", FloatRange(1e-4, 0.1, True, prior=0.003)),
        ("~float(0, 2, prior=1)", FloatRange(0.0, 2.0, prior=1.0)),
        ("~int(1, 9, step=2, prior=3)", IntRange(1, 9, step=2, prior=3)),
        ("~choice(null, a, prior=null)", Choice((None, "a"), prior=None)),
    ],
)
def test_an_expression_reads_as_its_distribution(expression, distribution):
    assert parse_expression(expression) == distribution


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("~flaot(0, 1)", "there is no '~flaot'; did you mean '~float'?"),
        ("~int(4, 2)", "low 4 is above high 2; write ~int(2, 4)"),
        ("~int(3, 3)", "low and high are both 3; write 3 alone to fix the value"),
        ("~float(0, 1, log=True)", "a log scale cannot start at 0; start above 0, such as 1e-5"),
        ("~int(0, 8, log=True)", "a log scale cannot start at 0; start at 1 or more"),
        ("~float(1, 2, log=True, step=.1)", "log=True and step cannot go together; leave one out"),
        ("~int(1, 9, log=True, step=2)", "log=True and step cannot go together; leave one out"),
        ("~int(1)", "~int takes a low and a high, not 1 values: ~int(low, high)"),
        ("~float(1, 2, 3)", "~float takes a low and a high, not 3 values: ~float(low, high)"),
        ("~int(1, 2, low=3)", "~int takes a low and a high, not 2 values"),
        ("~int(1, 2, lgo=True)", "~int has no argument 'lgo'; did you mean 'low'?"),
        ("~int(1, 9, step=2, prior=4)", "prior=4 is not a value of this ~int; write one that"),
        ("~float(0, 1, prior=2)", "prior=2 is not a value of this ~float; write one that"),
        ("~choice(1, 2, prior=true)", "prior=True is not a value of this ~choice"),
        ("~int(1, 2, piror=1)", "~int has no argument 'piror'; did you mean 'prior'?"),
        ("~int('1', 5)", "low of ~int must be a whole number, not '1'; write 1, without quotes"),
        ("~float(1, '1e2')", "high must be a number, not '1e2'; write 1e2, without quotes"),
        ("~float(0, 1, step='.1')", "step must be a number, not '.1'; write .1, without quotes"),
        ("~int(0.5, 4)", "low of ~int must be a whole number, not 0.5; or use ~float"),
        ("~int(1, 4, step=0)", "step=0 must be 1 or more"),
        ("~int(1, 9007199254740993)", "beyond 2**53, where numbers are no longer exact"),
        ("~int(1, 8, step=3)", "steps of 3 from 1 do not meet 8; write ~int(1, 7, step=3)"),
        ("~float(0, 1, step=0.3)", "do not meet 1; write ~float(0, 0.9, step=0.3)"),
        ("~float(0, 1, step=0)", "step=0 must be above 0"),
        ("~float(a, 1)", "low must be a number, not 'a'"),
        ("~float(0, 1e999)", "1e999 is too large for a number"),
        ("~float(0, 1" + "0" * 400 + ")", "high is too large for a number"),
        ("~int(1, 8, log=1)", "log must be True or False, not 1"),
        ("~choice([8, 16])", "to choose among its entries write ~choice(8, 16)"),
        ("~choice[8, 16]", "is not a search expression; write ~choice(8, 16)"),
        ("~choice(8; 16)", "write ~choice(8, 16)"),
        ("~choice(range(8, 32, 8))", "cannot be read; write ~choice(8, 16, 24)"),
        ("~int 8 64", "write ~int(8, 64)"),
        ("~int(8..64)", "write ~int(8, 64)"),
        ("~int(8, 64) &width", "write &width ~int(8, 64)"),
        ("~choice(a)", "needs two or more options; write a single value as it is"),
        ("~choice()", "needs two or more options"),
        ("~choice(a, a)", "~choice has equal options: 'a' and 'a'; leave one out"),
        ("~choice(1, true)", "~choice has equal options: 1 and True; leave one out"),
        ("~choice(a, b=3)", "~choice has no argument 'b'; list the options"),
        ("~choice(two words, b)", "put quotes round options that are not numbers or names"),
        ("~choice(__import__('os'), b)", "__import__('os') is not a plain value"),
        ("~choice(*a, b)", "*a is not a plain value"),
        ("~choice([x for x in y], b)", "[x for x in y] is not a plain value"),
        (
            "~choice(" + ", ".join(map(str, range(501))) + ")",
            "501 options is over the limit of 500",
        ),
        ("~choice(" + "-" * 150 + "1, 2)", "cannot be read"),
        ("~choice(" + "-" * 3000 + "1, 2)", "cannot be read"),
        ("~tune" + ".a" * 1500 + "(1, 2)", "is not a search expression; write ~int(low, high)"),
        ("~int(8, 64", "is not a search expression; write ~int(8, 64)"),
        ("~int((8, 64)", "has unbalanced parentheses; write ~int(low, high)"),
        ("~int(2**5, 2^9)", "2**5 is not a plain value; write ~int(32, 512)"),
        ("~float(10**-4, 1, log=True)", "write ~float(0.0001, 1, log=True)"),
        (
            "~choice(1/4, 1/2, prior=1/4)",
            "1/4 is not a plain value; write ~choice(0.25, 0.5, prior=0.25)",
        ),
        ("~int(9**9**9, 8)", "9**9**9 is not a plain value; write a number"),
        ("~choice(relu | tanh)", "write ~choice(relu, tanh)"),
        ("~choice(relu tanh)", "is not a search expression; write ~choice(relu, tanh)"),
        ("~INT(1, 5)", "there is no '~INT'; write ~int(1, 5)"),
        ("~LogUniform(1e-5, 0.1)", "write ~float(1e-05, 0.1, log=True)"),
        ("~int(32; 512)", "write ~int(32, 512)"),
        ("~int(1k, 8k)", "write ~int(1000, 8000)"),
        ("~float(1e-4 1e-1)", "write ~float(0.0001, 0.1)"),
        ("~float(1e-4 - 1e-1)", "write ~float(1e-4, 1e-1)"),
        ("~float(1e\u22124\uff0c 1)", "write ~float(0.0001, 1)"),
        (
            "~float(low=..., high=1)",
            "low=... is not a plain value; write its values, as in ~float(",
        ),
        ("~loguniform(...)", "write its values as numbers, as in ~float(1.0, 8.0, log=True)"),
        ("~randint", "has no values; write them in parentheses, as in ~int(1, 7)"),
        ("~choice", "'~choice' has no values; write them in parentheses, as in ~choice(a, b)"),
        ("~int(1,000, 2,000)", "not 4 values: ~int(low, high), and then log=True or step=..."),
        ("~float(0,5, 1,5)", "not 4 values: ~float(low, high), and then log=True or step=..."),
        (
            "~.cache",
            "is not a search expression; write ~int(low, high), ~float(low, high) or ~choice(",
        ),
        ("~.cache", "or ~~.cache for the text itself"),
        ("~" + "x" * MAX_LENGTH, f"characters is over the limit of {MAX_LENGTH}"),
    ],
)
def test_each_mistake_in_an_expression_is_reported(expression, message):
    with pytest.raises(InvalidValueError, match=re.escape(message)):
        parse_expression(expression)


def test_a_long_expression_is_cut_short_in_its_message():
    with pytest.raises(InvalidValueError) as caught:
        parse_expression("~choice(" + "-" * 3000 + "1, 2)")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("value", ["~", "~/runs", "~~int(1, 2)", "int(1, 2)", "", 3, None, True])
def test_these_values_are_not_searched(value):
    assert not is_expression(value)


def test_two_tildes_stand_for_a_text_with_one():
    assert unescape("~~x") == "~x"
    assert unescape("~/x") == "~/x"


def test_escaping_is_undone_by_reading():
    tree = {"a": ["~int(1, 2)", "~", "~/runs", "~~x", 3], "b": {"c": "~x"}}
    assert escape(tree) == {"a": ["~~int(1, 2)", "~", "~/runs", "~~~x", 3], "b": {"c": "~~x"}}
    assert [unescape(value) for value in escape(tree["a"])] == tree["a"]
