import ast

import pytest

from hpsearch.classes.static_types import fits


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        ("int", 3),
        ("float", 3),
        ("float | Tensor", 0.5),
        ("str", "a"),
        ("bool", True),
        ("None", None),
        ("typing.Any", [1]),
        ("Optional[int]", None),
        ("Union[int, str]", "a"),
        ("Literal['a', 1]", 1),
        ("list[int]", [1, 2]),
        ("tuple[int, ...]", [1, 2, 3]),
        ("tuple[int, float]", [1, 0.5]),
        ("Mapping[str, Sequence[int]]", {"a": [1]}),
        ("dict", {}),
        ("list", [1, "a"]),
        ("'int | None'", None),
    ],
)
def test_a_value_surely_fits(hint, value):
    assert fits(ast.parse(hint, mode="eval").body, value)


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        ("int", True),
        ("int", 1.0),
        ("float", "1"),
        ("bool", 1),
        ("Optional[int]", "a"),
        ("Literal['a', 1]", True),
        ("list[int]", [1, "a"]),
        ("list[int]", 1),
        ("tuple[int, float]", [1]),
        ("Mapping[str, int]", {"a": "b"}),
        ("dict", []),
        ("_PRECISION", 16),
        ("Callable[[], None]", "a"),
        ("f(int)", 1),
    ],
)
def test_a_misfit_and_an_unknown_hint_are_no_yes(hint, value):
    assert not fits(ast.parse(hint, mode="eval").body, value)


def test_no_hint_fits_everything():
    assert fits(None, [1])
