"""Lines of JSON over a pair of pipes."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from hpsearch.engines.cluster.stream import HIGH_WATER, Stream


@pytest.fixture
def ends() -> Iterator[tuple[Stream, Stream]]:
    (near_in, far_out), (far_in, near_out) = os.pipe(), os.pipe()
    yield Stream(near_in, near_out), Stream(far_in, far_out)
    for end in (near_in, far_out, far_in, near_out):
        try:
            os.close(end)
        except OSError:
            assert end in (far_out, near_out), "closed by a test"


def test_messages_arrive_in_order(ends: tuple[Stream, Stream]) -> None:
    near, far = ends

    near.send({"a": 1})
    near.send({"b": "ä\n"})

    assert far.receive() == [{"a": 1}, {"b": "ä\n"}]
    assert far.receive() == []


def test_what_does_not_fit_is_made_only_when_there_is_room(ends: tuple[Stream, Stream]) -> None:
    near, far = ends
    made = []

    def chunks() -> Iterator[dict[str, str]]:
        for number in range(10):
            made.append(number)
            yield {"data": "x" * HIGH_WATER}

    near.send_all(chunks())
    assert len(made) <= 2, "the others wait for these to be taken"
    assert near.wants_to_write

    received = []
    while len(received) < 10:
        near.flush()
        received += far.receive()
    near.flush()
    assert not near.wants_to_write


def test_a_greeting_of_the_shell_is_no_message(ends: tuple[Stream, Stream]) -> None:
    near, far = ends

    os.write(near.writer, b'Welcome to gpu1!\n[1]\n{"a": 1}\n')

    assert far.receive() == [{"a": 1}]
    assert far.noise == "[1]"


def test_the_end_of_the_other_side_is_seen_and_writing_to_it_does_no_harm(
    ends: tuple[Stream, Stream],
) -> None:
    near, far = ends
    os.close(far.writer)

    assert near.receive() == []
    assert near.closed
    near.send({"a": 1})
    assert not near.wants_to_write
