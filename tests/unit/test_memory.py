from __future__ import annotations

import array

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exclusive_redis_xcom.memory import Buffers, fresh, joined, pieces, size_of

BYTES = st.binary(max_size=40)


def _seen(text: bytes) -> memoryview:
    return memoryview(text)


BUFFERS: st.SearchStrategy[Buffers] = st.lists(BYTES | BYTES.map(bytearray) | BYTES.map(_seen), max_size=8).map(tuple)


@given(BUFFERS)
def test_all_pieces_together_are_as_long_as_they_are_in_one(buffers: Buffers) -> None:
    assert size_of(buffers) == len(b"".join(buffers)) == len(joined(buffers))


def test_what_is_not_made_of_bytes_is_counted_in_bytes() -> None:
    numbers = memoryview(array.array("d", [1.0, 2.0, 3.0]))

    assert size_of((numbers, b"x")) == 25
    assert [len(piece) for piece in pieces((numbers,), 10)] == [10, 10, 4]


@pytest.mark.parametrize("buffer", [b"one", bytearray(b"one"), memoryview(b"one")])
def test_a_single_piece_is_not_copied(buffer: bytes) -> None:
    assert joined((buffer,)) is buffer


@given(BUFFERS, st.integers(1, 50))
@example((b"", b"abc", b"", b"d"), 2)
@example((), 1)
def test_pieces_hold_the_same_bytes_and_only_the_last_is_shorter(buffers: Buffers, size: int) -> None:
    found = list(pieces(buffers, size))

    assert b"".join(found) == b"".join(buffers)
    assert {len(piece) for piece in found[:-1]} <= {size}
    assert all(0 < len(piece) <= size for piece in found)


def test_what_lies_in_one_buffer_is_seen_and_not_copied() -> None:
    first, second = b"x" * 100, bytearray(b"y" * 100)

    found = [piece for piece in pieces((first, second), 40) if isinstance(piece, memoryview)]
    lying_in: list[tuple[object, int]] = [(piece.obj, len(piece)) for piece in found]

    assert lying_in == [(first, 40), (first, 40), (second, 40), (second, 40)]
    assert [len(piece) for piece in pieces((first, second), 40)] == [40] * 5


def test_fresh_memory_is_zeros_to_write_to_and_nobody_elses() -> None:
    one, other = fresh(3_000_001), fresh(1)

    one[-1:] = b"x"

    assert bytes(one) == bytes(3_000_000) + b"x"
    assert bytes(other) == b"\0"


def test_memory_that_nobody_has_is_a_memory_error() -> None:
    with pytest.raises(MemoryError):
        fresh(2**62)
