"""Whether a message holds bytes: never a wrong no, and a no for numbers that only look like headers of bytes."""

from __future__ import annotations

import struct
from typing import Any

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom import codec
from exclusive_redis_xcom.codec.bytes_in_message import may_hold_bytes
from exclusive_redis_xcom.memory import joined

#: Enough plain items that the few after them are looked at.
PADDING = 100_000

#: Integers and floats whose bytes look like headers: of bytes, and of what has a length.
HEADERS = [0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF, 0xC1, 0x00, 0x01, 0x03]
eights = st.lists(st.sampled_from(HEADERS), min_size=8, max_size=8).map(bytes)
floats = eights.map(lambda raw: struct.unpack(">d", raw)[0])
integers = eights.map(lambda raw: int.from_bytes(raw[:4], "big"))
#: Texts with a lead byte of 0xc4 to 0xc6 in UTF-8, and lengths that have such a byte.
texts = st.text(st.sampled_from("aZ\u0100\u0101\u0140\u0180\u01bf"), max_size=9) | st.builds(
    lambda letter, length: letter * length,
    st.sampled_from("a\u0100"),
    st.sampled_from([98, 99, 196, 197, 198, 0x1C5, 0xC400]),
)
extensions = st.builds(
    ormsgpack.Ext,
    st.sampled_from([1, 0x44]),
    st.builds(lambda byte, length: bytes([byte]) * length, st.sampled_from(HEADERS), st.sampled_from([1, 3, 196, 454])),
)
plain = st.recursive(
    st.none() | integers | floats | texts,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(texts, inner, max_size=3)
        | st.builds(lambda item, length: [item] * length, integers, st.sampled_from([16, 196, 198]))
    ),
    max_leaves=6,
)
some_bytes = st.sampled_from(
    [b"", b"\xc4", b"x" * 196, bytearray(b"\xd9\xc4"), bytearray(b"a" * 300), memoryview(b"m")]
)


def packed(*parts: Any) -> bytes:
    count = (PADDING + len(parts)).to_bytes(4, "big")
    return b"\xdd" + count + bytes(PADDING) + b"".join(map(ormsgpack.packb, parts))


@given(st.lists(plain, max_size=3), some_bytes, st.lists(plain, max_size=3), st.sampled_from("ldk"))
def test_bytes_are_never_missed(before: list[Any], held: Any, after: list[Any], where: str) -> None:
    place = {"l": held, "d": {"a": held}, "k": [[{"\u0100": [held]}]]}[where]

    assert may_hold_bytes(packed(*before, place, *after))


@given(st.lists(extensions, min_size=1, max_size=4), some_bytes)
def test_bytes_after_extensions_are_never_missed(before: list[Any], held: Any) -> None:
    assert may_hold_bytes(packed(*before, held))


def test_numbers_that_look_like_headers_are_told_apart() -> None:
    message = ormsgpack.packb([{"id": i, "amount": i / 7, "name": f"customer-{i}"} for i in range(20_000)])

    assert sum(map(message.count, (b"\xc4", b"\xc5", b"\xc6"))) > 400
    assert not may_hold_bytes(message)


@pytest.mark.parametrize("length", [196, 197, 198, 0xC4 << 8])
@pytest.mark.parametrize("kind", ["text", "list"])
def test_a_length_that_looks_like_a_header_leads_to_a_look_at_the_value(length: int, kind: str) -> None:
    assert may_hold_bytes(packed("a" * length if kind == "text" else [0] * length))


@pytest.mark.parametrize("length", [0xC400, 0xC5C4, 0xC5C400])
def test_the_length_of_all_that_looks_like_a_header_leads_to_a_look_at_the_value(length: int) -> None:
    assert may_hold_bytes(ormsgpack.packb([0] * length))


def test_many_look_alikes_in_a_row_lead_to_a_look_at_the_value() -> None:
    (chained,) = struct.unpack(">d", b"\xc7" * 8)
    (last,) = struct.unpack(">d", b"\xc4" * 8)

    assert may_hold_bytes(ormsgpack.packb([*[[chained] for _ in range(100_000)], last]))
    assert may_hold_bytes(ormsgpack.packb([int.from_bytes(b"\xc7" * 4, "big")] * 100_000 + [last]))


@pytest.mark.parametrize("message", [b"", b"\xc1", b"\x90" * 20_000, b"\xcb" * 20_000, b"\xc0" * 20_000])
def test_no_message_says_nothing(message: bytes) -> None:
    assert may_hold_bytes(message)


@pytest.mark.parametrize("place", [0, 9_999, 19_999])
@pytest.mark.parametrize("held", [bytearray(b"abc"), b"abc", bytearray(), (1, bytearray(b"x"))], ids=repr)
def test_many_rows_come_back_with_the_types_they_had(place: int, held: Any) -> None:
    rows: list[dict[str, Any]] = [{"id": i, "amount": i * 1.5, "note": None} for i in range(20_000)]
    rows[place]["note"] = held

    encoded = codec.encode(rows, max_bytes=2**30)
    facts = {name: getattr(encoded, name) for name in ("codec", "compression", "decoded_size")}
    found = codec.decode(joined(encoded.payload), max_bytes=2**30, **facts)

    assert found == rows
    assert type(found[place]["note"]) is type(held)
    if isinstance(held, tuple):
        assert type(found[place]["note"][1]) is bytearray
