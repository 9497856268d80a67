import pytest

from hpsearch.models.arguments import blocks_fit, count, counts, fraction, odd, one_of, refuse


@pytest.mark.parametrize(
    "messages",
    [
        count("hidden", 1),
        counts("widths", []),
        counts("widths", (3, 5)),
        odd("kernel_size", 3),
        fraction("dropout", 0),
        fraction("dropout", 0.99),
        one_of("activation", "relu", ["relu", "tanh"]),
        blocks_fit("channels", 4, (1, 28, 28)),
    ],
)
def test_good_values_have_no_errors(messages):
    assert messages == []


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        (count("hidden", 0), "hidden=0 must be a whole number, 1 or more"),
        (count("hidden", True), "hidden=True must be a whole number, 1 or more"),
        (count("classes", 1, minimum=2), "classes=1 must be a whole number, 2 or more"),
        (counts("widths", 5), "widths=5 must be a list of whole numbers"),
        (counts("widths", [5, 0.5]), "widths[1]=0.5 must be a whole number, 1 or more"),
        (counts("channels", [], at_least_one=True), "channels=[] must have at least one entry"),
        (counts("input_shape", [1, 2], length=3), "input_shape=[1, 2] must have 3 entries"),
        (odd("kernel_size", 4), "kernel_size=4 must be an odd whole number, 1 or more"),
        (fraction("dropout", 1), "dropout=1 must be a number from 0 to below 1"),
        (fraction("dropout", float("nan")), "dropout=nan must be a number from 0 to below 1"),
        (one_of("activation", "rel", ["relu"]), "activation='rel' must be one of relu"),
        (
            blocks_fit("channels", 5, (3, 28, 30)),
            "channels has 5 blocks, each of which halves the image, and 28 x 30 pixels allow 4",
        ),
    ],
)
def test_a_bad_value_is_reported_with_its_name_and_the_rule(messages, message):
    assert messages == [message]


def test_all_errors_are_raised_at_once():
    with pytest.raises(ValueError, match=r"CNN: hidden=0 must be .*; dropout=2 must be"):
        refuse("CNN", count("hidden", 0), [], fraction("dropout", 2))


def test_nothing_is_raised_without_an_error():
    refuse("CNN", [], [])
