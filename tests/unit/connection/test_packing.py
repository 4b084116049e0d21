"""Commands as bytes: ours and redis-py's are the same."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum

import hypothesis.strategies as st
import pytest
import redis
from hypothesis import given
from redis._parsers import Encoder
from redis.connection import PythonRespSerializer

from exclusive_redis_xcom.connection.budget import Budget
from exclusive_redis_xcom.connection.internals import TcpConnection
from exclusive_redis_xcom.connection.packing import Packer

ENCODING = {"encoding": "utf-8", "encoding_errors": "strict", "decode_responses": False}


def both(*command: object) -> list[bytes]:
    packers = [kind(6000, Encoder(**ENCODING).encode) for kind in (Packer, PythonRespSerializer)]
    return [b"".join(map(bytes, packer.pack(*command))) for packer in packers]


@given(name=st.sampled_from(["HMGET", "TIME", "CLUSTER SLOTS", "hset"]), texts=st.lists(st.text(max_size=20)))
def test_texts(name: str, texts: list[str]) -> None:
    ours, theirs = both(name, *texts)

    assert ours == theirs


class One(IntEnum):
    A = 1


#: Some are longer than what is copied, and some have lengths of several digits.
binary = st.binary() | st.builds(lambda byte, length: byte * length, st.binary(max_size=1), st.integers(99, 9999))
views: st.SearchStrategy[object] = binary.map(memoryview)
anything = st.one_of(st.text(), binary, views, st.integers(), st.integers(10**20), st.floats(allow_nan=False))
names = st.sampled_from(["HSET", "hset", "CLUSTER SLOTS", b"HSET", b"A B"])


@given(names, st.lists(anything))
def test_anything(name: str | bytes, arguments: list[object]) -> None:
    ours, theirs = both(name, *arguments)

    assert ours == theirs


@given(st.lists(st.tuples(names, anything, anything), max_size=4))
def test_many_commands(commands: list[tuple[object, ...]]) -> None:
    one_by_one = b"".join(both(*command)[1] for command in commands)
    packed = redis.Connection().pack_commands(commands), TcpConnection(budget=Budget()).pack_commands(commands)

    assert [b"".join(map(bytes, pieces)) for pieces in packed] == [one_by_one] * 2


def test_a_large_value_is_not_copied() -> None:
    value = memoryview(bytearray(10_000))

    packed = TcpConnection(budget=Budget()).pack_commands([("MULTI",), ("HSET", "a", "b", value), ("EXEC",)])

    assert [type(piece) for piece in packed] == [bytes, memoryview, bytes]
    assert packed[1] is value


@pytest.mark.parametrize(
    "argument", [True, None, [1], bytearray(b"a"), memoryview(bytes(8)).cast("Q"), Decimal(1), One.A]
)
def test_what_redis_py_refuses_is_refused(argument: object) -> None:
    answers: list[object] = []
    for kind in (Packer, PythonRespSerializer):
        try:
            answers.append(b"".join(map(bytes, kind(6000, Encoder(**ENCODING).encode).pack("HSET", argument))))
        except Exception as error:
            answers.append(type(error))

    assert answers[0] == answers[1]


def test_what_is_more_than_text_is_left_to_redis_py() -> None:
    class Text(str):
        __slots__ = ()

        def encode(self, *_: object, **__: object) -> bytes:
            return b"another"

    ours, theirs = both("HSET", Text("a"))

    assert ours == theirs
