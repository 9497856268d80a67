import math

import pytest
import yaml

from hpsearch.studyfile.document import Location
from hpsearch.studyfile.yaml_text import MAX_BYTES, parse, to_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 0.0001),
        ("-1.5E+3", -1500.0),
        (".5", 0.5),
        ("010", 10),
        ("0x10", 16),
        ("0o17", 15),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("True", True),
        ("~", None),
        ("", None),
        ("null", None),
        ('"yes"', "yes"),
        ("1:30", "1:30"),
        ("2020-01-01", "2020-01-01"),
        ("1_000", "1_000"),
        ("~/runs", "~/runs"),
        ("~int(8, 64, log=True)", "~int(8, 64, log=True)"),
    ],
)
def test_a_scalar_reads_as_in_yaml_1_2(text, value):
    read = parse(f"key: {text}", "x.yaml")
    assert read.tree == {"key": value}
    assert type(read.tree["key"]) is type(value)
    assert read.diagnostics == ()


def test_a_number_that_is_none_is_read_and_written():
    read = parse("a: .nan", "x.yaml").tree
    assert math.isnan(read["a"])
    assert to_yaml(read) == "a: .nan\n"


def test_keys_are_text():
    assert parse("{on: 1, 64: 2, no: 3}", "x.yaml").tree == {"on": 1, "64": 2, "no": 3}


def test_every_key_and_item_remembers_its_line():
    read = parse("a:\n  b:\n    - 1\n    - 2\nc: 3\n", "x.yaml")
    lines = {path: place.line for path, place in read.locations.items()}
    assert lines == {("a",): 1, ("a", "b"): 2, ("a", "b", 0): 3, ("a", "b", 1): 4, ("c",): 5}
    assert read.place_of(("a", "b", 7, "z")) == Location("x.yaml", 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: yes", 'some for text; write true or false, or "yes" in quotes'),
        ("a: Off", 'write true or false, or "Off" in quotes'),
        ("a: 1\na: 2", "the key 'a' appears twice, first in line 1"),
        ("a: 1e999", "1e999 is too large for a number"),
        (f"a: {'9' * 5000}", "a whole number of 5000 digits is too large"),
        ("a: !!python/object:os.system x", "the tag python/object:os.system is not supported"),
        ("a: !mine {b: 1}", "the tag !mine is not supported; write plain data"),
        ("b: &b {c: 1}\na:\n  <<: *b", "merge keys (<<) are not supported; write the keys out"),
        ("a: {[1]: 2}", "a key must be one word, not a mapping or a list"),
        ("a: [1", "not YAML: a bracket is not closed, or a comma is missing"),
        ("a: b: c", "not YAML: a second ': ' in one line; put quotes round the value"),
        ("a: &width 1\nb: *widht", "*widht has no anchor &widht above it; did you mean *width?"),
        ("a: *x\nb: &x 1", "not YAML: *x comes before its anchor; put &x here, and *x there"),
        ("a: 1 &x\nb: *x", "not YAML: *x has no anchor; an anchor comes before its value"),
        ("a: &x 1\nb: &x 2", "not YAML: the anchor of this line, after &, is that of a line above"),
        ("a: * x", "not YAML: the name of an anchor (&) or alias (*) is letters, digits"),
        ("a:\n  - b > 1\n  c < 2", "not YAML: this line has no `-`; write `- c < 2`"),
        ("a: {b: ${c.d}}", "not YAML: put quotes round ${...}; another value of the file is"),
        ("a:\n\tb: 1", "not YAML: a tab cannot indent; use spaces"),
        ("a:\n  b:\t1", "not YAML: a tab cannot stand before a value; use spaces"),
        ("a: \x00", "not YAML: a zero byte: the file is damaged, or is not UTF-8 text; restore it"),
        ("a: \x07", "not YAML: the character U+0007 of this line cannot be written; remove it"),
        (
            "a: 1\n---\na: 2",
            "not YAML: a second document begins here; write each study into a",
        ),
        (
            "[a]\nb = 1",
            "not YAML: this does not continue the line above; a study file has lines",
        ),
        ("a: " + "[" * 2000, "not YAML: more than 32 levels"),
        ("a: [" + "1," * 60_000 + "1]", "not YAML: more than 10000 values"),
        ("a: &a [*a]", "more than 10000 values or 32 levels, with aliases unfolded"),
        ("a: " + "x" * MAX_BYTES, f"bytes are over the limit of {MAX_BYTES}"),
    ],
)
def test_each_error_of_the_text_is_reported(text, message):
    diagnostics = parse(text, "x.yaml").diagnostics
    assert len(diagnostics) == 1
    assert message in diagnostics[0].message


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: 'x\nc: 2\n", 2, "a quote is not closed; end the text with the quote it begins"),
        ("a: 1\nb:2\nc: 3\n", 2, "no plain space after a plain colon; write `b: 2`"),
        ("a: 1\nb\uff1a2\nc: 3\n", 2, "no plain space after a plain colon; write `b: 2`"),
        ("a: 1\nb:\xa02\nc: 3\n", 2, "no plain space after a plain colon; write `b: 2`"),
        ("a: 1\nb: \x1b[0m\n", 2, "the character U+001B of this line cannot be written"),
        ("a:\n<<<<<<< HEAD\n  b: 1\n=======\n  b: 2\n>>>>>>> c\n", 2, "git has left both versions"),
        ("x: &x {b: 1}\na:\n  c: 1\n  <<: *x\n", 4, "merge keys (<<) are not supported"),
        ("a:\n  c: 1\n  [b]: 2\n", 3, "a key must be one word, not a mapping or a list"),
    ],
)
def test_an_error_of_the_text_names_the_line_to_change(text, line, message):
    (diagnostic,) = parse(text, "x.yaml").diagnostics
    assert diagnostic.line == line
    assert message in diagnostic.message


def test_the_excerpt_of_a_line_fits_on_a_screen_and_controls_no_terminal():
    (diagnostic,) = parse(f"a: \x1b[2J{'x' * 1000}", "x.yaml").diagnostics
    assert diagnostic.excerpt == (f">    1 | a: ?[2J{'x' * 193}...",)


def test_an_alias_bomb_is_cut_off_at_once():
    layers = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9)]
    diagnostics = parse("\n".join(["l0: &l0 [1]", *layers]), "x.yaml").diagnostics
    assert [diagnostic.message for diagnostic in diagnostics] == [
        "more than 10000 values or 32 levels, with aliases unfolded"
    ]


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a: {lr: ~float(1e-4, 1e-1, log=True), m: 0.9}", {"a": {"m": 0.9}}),
        ("a: [~float(1e-4, 1e-1, log=True), 3]", {"a": [3]}),
    ],
)
def test_an_expression_that_yaml_split_is_reported_with_its_quotes(text, tree):
    read = parse(text, "x.yaml")
    assert read.tree == tree
    assert [diagnostic.message for diagnostic in read.diagnostics] == [
        "inside {...} and [...] YAML splits a value at its commas; "
        'put quotes round it: "~float(1e-4, 1e-1, log=True)"'
    ]


def test_an_expression_that_is_split_and_not_closed_is_reported_without_what_comes_later():
    read = parse("a: {b: ~int(1, 8}\n# (a comment)\n", "x.yaml")
    assert [diagnostic.message for diagnostic in read.diagnostics] == [
        "inside {...} and [...] YAML splits a value at its commas; "
        'put quotes round it: "~int(1, ...)"'
    ]


def test_a_quoted_expression_is_whole_inside_braces():
    assert parse('a: {b: "~int(1, 2)"}', "x.yaml").diagnostics == ()


def test_what_is_written_reads_the_same_to_us_and_to_others():
    tree = {
        "text": ["1e-4", "yes", "null", "~", "", "5", "x: y", "~int(1, 2)", "~~x", "2020-01-01"],
        "plain": [1e-4, 1e-20, 5, True, None],
        "on": {"nested": []},
    }
    assert parse(to_yaml(tree), "x.yaml").tree == tree
    assert yaml.safe_load(to_yaml(tree)) == tree


def test_what_is_the_same_twice_is_written_twice():
    again = {"b": [1]}
    assert to_yaml({"a": again, "c": again}) == "a:\n  b:\n    - 1\nc:\n  b:\n    - 1\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: ${DATA}/mnist", "/data/mnist"),
        ("a: ${WIDTH}", 8),
        ('a: "${WIDTH}"', "8"),
        ("a: ~int(1, ${WIDTH})", "~int(1, 8)"),
        ("a: $${WIDTH}", "${WIDTH}"),
        ("a: $WIDTH", "$WIDTH"),
        ('{a: "${ODD}"}', "x: 1"),
        ("a: ${ODD}", "x: 1"),
    ],
)
def test_environment_variables_are_filled_in(
    monkeypatch: pytest.MonkeyPatch, text: str, value: object
) -> None:
    for name, set_to in (("DATA", "/data"), ("WIDTH", "8"), ("ODD", "x: 1")):
        monkeypatch.setenv(name, set_to)
    document = parse(text, "x.yaml")
    assert (document.tree, document.diagnostics) == ({"a": value}, ())
    assert parse(to_yaml(document.tree), "y.yaml").tree == {"a": value}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: ${NOWHERE_SET}", "the environment variable NOWHERE_SET is not set: export it"),
        ("a: ${model.width}", "for another value write ~ref(model.width)"),
        ("a: ${oc.env:DATA}", "for an environment variable write ${DATA}"),
    ],
)
def test_a_variable_that_cannot_be_filled_in_is_answered(text: str, message: str) -> None:
    (found,) = parse(text, "x.yaml").diagnostics
    assert message in found.message
