"""Commands as bytes: ours and redis-py's are the same."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given
from redis.connection import PythonRespSerializer

from exclusive_redis_xcom.connection.packing import Packer

ENCODING = {"encoding": "utf-8", "encoding_errors": "strict", "decode_responses": False}


def both(*command: object) -> list[bytes]:
    from redis._parsers import Encoder

    packers = [kind(6000, Encoder(**ENCODING).encode) for kind in (Packer, PythonRespSerializer)]
    return [b"".join(map(bytes, packer.pack(*command))) for packer in packers]


@given(name=st.sampled_from(["HMGET", "TIME", "CLUSTER SLOTS", "hset"]), texts=st.lists(st.text(max_size=20)))
def test_texts(name: str, texts: list[str]) -> None:
    ours, theirs = both(name, *texts)

    assert ours == theirs


@given(st.lists(st.one_of(st.text(), st.binary(), st.integers(), st.floats(allow_nan=False))))
def test_anything(arguments: list[object]) -> None:
    ours, theirs = both("HSET", *arguments)

    assert ours == theirs


def test_what_is_more_than_text_is_left_to_redis_py() -> None:
    class Text(str):
        __slots__ = ()

        def encode(self, *_: object, **__: object) -> bytes:
            return b"another"

    ours, theirs = both("HSET", Text("a"))

    assert ours == theirs
