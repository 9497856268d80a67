"""Records of data differ if the data differ, and only then."""

from __future__ import annotations

from typing import Any

import pytest

from hpsearch.protocol.data_record import changed_parts


def loader(*rows: list[Any], count: int | None = 9) -> dict[str, Any]:
    return {"rows": count, "sample": list(rows)}


ROW, OTHER = ["ab12", 1.0, 0.5, -0.25], ["ab12", 1.0, 0.5, -0.26]


@pytest.mark.parametrize(
    ("one", "two", "changed"),
    [
        ({"val": [loader(ROW)]}, {"val": [loader(ROW)]}, []),
        ({"val": [loader(ROW)]}, {"val": [loader(OTHER)]}, ["validation data"]),
        ({"train": [loader(ROW)]}, {"train": [loader(["cd34", *ROW[1:]])]}, ["training data"]),
        ({"val": [loader(ROW)]}, {"val": [loader(ROW, count=8)]}, ["validation data"]),
        ({"val": [loader(ROW)]}, {"val": [loader(ROW), loader(ROW)]}, ["validation data"]),
        ({"own": "a"}, {"own": "b"}, ["data"]),
        # A sample that ended early is compared as far as it goes.
        ({"val": [loader(ROW, OTHER)]}, {"val": [loader(ROW)]}, []),
        # The last digits may differ.
        ({"val": [loader(ROW)]}, {"val": [loader(["ab12", 1.0, 0.5000001, -0.25])]}, []),
        ({"val": [loader(["a"])]}, {"val": [loader(["a"])]}, []),
        ({"val": [loader(["a"])]}, {"val": [loader(["a", 1.0])]}, ["validation data"]),
        # Unknown parts are not compared.
        ({"val": [None]}, {"val": [loader(ROW)]}, []),
        ({}, {"val": [loader(ROW)]}, []),
        ({"own": "a"}, {"val": [loader(ROW)]}, []),
    ],
)
def test_what_differs_is_named(one: Any, two: Any, changed: list[str]) -> None:
    assert changed_parts({"arguments": "x", **one}, {"arguments": "x", **two}) == changed
    assert changed_parts(two, one) == changed
