"""What is packed for a checkpoint comes back as it was, and only what is plain is packed."""

from __future__ import annotations

import datetime
import io
from collections import Counter, OrderedDict, defaultdict, deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hpsearch.trial.saving.packed import numbers_in, packed, same, unpacked


def through_a_checkpoint(value: Any) -> Any:
    stream = io.BytesIO()
    torch.save(packed(value), stream)
    stream.seek(0)
    return unpacked(torch.load(stream, weights_only=True))


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 3, 0.5, 1j, "a", b"a", (), [], {}, set()),
        *((1, "tuple"), ("deque", [1]), {"a": [(1, {2})]}, {(1, 2): 3}),
        *(deque([1, 2], maxlen=2), [deque([1])], {(1, 2), (3, 4)}),
        *(OrderedDict(b=1, a=2), Counter("abca"), defaultdict(list, {0: [1.0]})),
    ],
    ids=repr,
)
def test_a_plain_value_comes_back_as_it_was(value: Any) -> None:
    got = through_a_checkpoint(value)
    assert (got, type(got), repr(got)) == (value, type(value), repr(value))


@pytest.mark.parametrize("kind", ["bool", "uint8", "int16", "int64", "float16", "float64"])
def test_an_array_comes_back_as_an_array_of_its_own(kind: str) -> None:
    array = np.arange(6).reshape(2, 3).astype(kind)
    kept = packed([array])
    before, array[:] = array.copy(), 0
    [got] = unpacked(kept)
    np.testing.assert_array_equal(got, before, strict=True)
    got[0, 0] = 1
    np.testing.assert_array_equal(unpacked(kept)[0], before, strict=True)


def test_a_mapping_with_a_function_of_the_user_comes_back_without_it() -> None:
    assert through_a_checkpoint(defaultdict(lambda: 7, a=1)) == {"a": 1}


@pytest.mark.parametrize("old", [{"a": [1]}, [1, 2], (1, 2), (), 5], ids=repr)
def test_what_an_older_version_saved_is_read_as_it_is(old: Any) -> None:
    assert unpacked(old) == old


def test_what_runs_code_or_holds_something_open_is_not_plain(tmp_path: Path) -> None:
    class Mine(dict[str, int]):
        pass

    mapped = np.memmap(tmp_path / "x", mode="w+", shape=4)
    others = [Mine(), object(), Path("x"), datetime.date.today(), mapped, torch.nn.Linear(1, 1)]
    others += [np.array(["a"]), np.array([object()]), np.zeros(2, ">f4"), print, [object()]]
    with (tmp_path / "open").open("w") as file:
        assert all(numbers_in(each) == float("inf") for each in (*others, file))
    assert numbers_in({"a": [1, np.zeros(4)], "b": torch.zeros(2)}) == 9


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, True), ([1], (1,)), ([np.zeros(2)], [np.zeros(3)]), ({1: 2}, {2: 1}), ("1", "2")],
)
def test_what_differs_in_value_or_type_has_changed(one: Any, other: Any) -> None:
    assert same(packed(one), packed(one))
    assert not same(packed(one), packed(other))
