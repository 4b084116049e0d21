"""Format 4 of the envelope."""

from __future__ import annotations

import contextlib
import dataclasses
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exclusive_redis_xcom.errors import CorruptValue, XComTooLarge
from exclusive_redis_xcom.formats.compact_envelope import MAX_HEAD_BYTES
from exclusive_redis_xcom.formats.envelope import MAX_PARTS, PART_BYTES, Envelope
from exclusive_redis_xcom.model import Coordinate

TEXT = st.text(st.characters(), max_size=20)
ENVELOPES = st.builds(
    Envelope,
    coordinate=st.builds(Coordinate, TEXT, TEXT, TEXT, TEXT, st.integers(-1, 1_000_000), st.none() | TEXT),
    version=st.text("0123456789abcdef", min_size=32, max_size=32),
    codec=TEXT | st.sampled_from(["msgpack", "flat", "slabs"]),
    compression=TEXT | st.sampled_from(["off", "zstd"]),
    decoded_size=st.integers(0, 300) | st.integers(0, 2**40),
    pushed_at=st.datetimes(timezones=st.just(timezone.utc)),
    payload=st.tuples(st.binary(max_size=300)),
    key_id=st.none() | TEXT,
    rule=st.none() | st.binary(min_size=8, max_size=8),
    description=st.binary(max_size=100),
)
AT = Coordinate("dag", "run", "task", "key", 3)
SAMPLE = Envelope(
    coordinate=AT,
    version="0123456789abcdef" * 2,
    codec="msgpack",
    compression="off",
    decoded_size=6,
    pushed_at=datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=timezone.utc),
    payload=(b"canary",),
    rule=b"the rule",
)
BARE = dataclasses.replace(SAMPLE, rule=None)
SIZE_AT, KIND_AT = 47, 48


def packed_of(envelope: Envelope) -> bytes:
    """Pack all attributes, those included that a push keeps apart from the envelope."""
    return envelope.pack_compact(envelope.rule, envelope.description)


def whole(envelope: Envelope) -> tuple[object, ...]:
    """All attributes, those included that do not count when envelopes are compared."""
    return tuple(getattr(envelope, each.name) for each in dataclasses.fields(envelope))


@given(ENVELOPES)
@example(SAMPLE)
@example(dataclasses.replace(SAMPLE, payload=(bytes(255),), decoded_size=255))
@example(dataclasses.replace(SAMPLE, payload=(bytes(256),), decoded_size=256))
@example(dataclasses.replace(SAMPLE, coordinate=Coordinate("\ud83d\ude00", "\U0001f600", "\udc00", "\0")))
def test_what_was_packed_is_unpacked(envelope: Envelope) -> None:
    assert whole(Envelope.unpack(packed_of(envelope), envelope.coordinate)) == whole(envelope)


@given(ENVELOPES)
def test_the_head_alone_tells_the_same(envelope: Envelope) -> None:
    packed = packed_of(envelope)
    head = Envelope.unpack_facts(packed[: int.from_bytes(packed[4:6], "big")], envelope.coordinate)

    assert (head.payload, head.elsewhere) == ((), envelope.payload_size)
    assert whole(dataclasses.replace(head, payload=envelope.payload, elsewhere=0)) == whole(envelope)


def test_a_byte_in_a_task_that_is_not_mapped_takes_51() -> None:
    """Redis keeps a hash whose fields have at most 64 bytes in a third of the memory."""
    assert len(packed_of(dataclasses.replace(BARE, decoded_size=1, payload=(b"\1",)))) == 51
    assert len(packed_of(dataclasses.replace(SAMPLE, decoded_size=1, payload=(b"\1",)))) == 59


@pytest.mark.parametrize(
    "change",
    [
        {"dag_id": "d"},
        {"run_id": "runt", "task_id": "ask"},
        {"key": ""},
        {"map_index": -1},
        {"map_index": 4},
        {"ti_id": ""},
        {"ti_id": "key"},
    ],
)
def test_it_is_read_for_its_own_coordinate_alone(change: dict[str, Any]) -> None:
    packed, other = packed_of(SAMPLE), dataclasses.replace(AT, **change)

    for reader in (Envelope.unpack, Envelope.unpack_facts):
        with pytest.raises(CorruptValue) as caught:
            reader(packed, other)
        assert str(caught.value) == (
            "Redis holds the value of another XCom in this one's place.\n"
            "Its header was written for another coordinate.\n"
            "Clear the producing task."
        )


def test_it_is_not_read_without_a_coordinate() -> None:
    with pytest.raises(CorruptValue):
        Envelope.unpack(packed_of(SAMPLE))
    with pytest.raises(CorruptValue):
        Envelope.unpack_head(packed_of(SAMPLE))


def test_the_coordinate_is_the_expected_object() -> None:
    assert Envelope.unpack(packed_of(SAMPLE), AT).coordinate is AT


@given(ENVELOPES, st.data())
def test_a_cut_envelope_is_corrupt_wherever_it_is_cut(envelope: Envelope, data: st.DataObject) -> None:
    packed = packed_of(envelope)
    end = data.draw(st.integers(0, len(packed) - 1))

    with pytest.raises(CorruptValue):
        Envelope.unpack(packed[:end], envelope.coordinate)


@given(ENVELOPES, st.binary(min_size=1, max_size=50))
def test_an_envelope_with_something_after_it_is_corrupt(envelope: Envelope, more: bytes) -> None:
    with pytest.raises(CorruptValue):
        Envelope.unpack(packed_of(envelope) + more, envelope.coordinate)


@given(ENVELOPES, st.data())
def test_an_envelope_with_changed_bytes_is_corrupt_or_an_envelope(envelope: Envelope, data: st.DataObject) -> None:
    packed = bytearray(packed_of(envelope))
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))

    with contextlib.suppress(CorruptValue):
        found = Envelope.unpack(bytes(packed), envelope.coordinate)
        again = found.pack() if found.spilled is not None or packed[3] != 4 else packed_of(found)
        assert again == packed


@given(st.binary(max_size=300))
@example(b"")
@example(b"\0\6" + b"\xff" * 60)
@example(b"\xff\xff" + b"\0" * 70_000)
def test_any_other_bytes_are_corrupt_and_nothing_worse(data: bytes) -> None:
    with pytest.raises(CorruptValue):
        Envelope.unpack(b"XRX\4" + data, AT)
    with pytest.raises(CorruptValue):
        Envelope.unpack_facts(b"XRX\4" + data, AT)


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        (SIZE_AT, b"\5"),  # payload_size
        (SIZE_AT, b"\7"),
        (SIZE_AT - 1, b"\x03"),  # flags: two sizes at once
        (SIZE_AT - 1, b"\x48"),  # flags: one that means nothing
        (KIND_AT, b"\x06"),  # a codec without a name
        (KIND_AT, b"\x00"),  # a codec whose name does not follow
        (KIND_AT + 1, b"\x03"),  # a compression without a name
    ],
)
def test_facts_that_no_push_writes_are_corrupt(place: int, wrong: bytes) -> None:
    packed = bytearray(packed_of(SAMPLE))
    packed[place : place + 1] = wrong

    with pytest.raises(CorruptValue):
        Envelope.unpack(bytes(packed), AT)


def test_a_payload_in_parts_is_counted_and_left_out() -> None:
    head = dataclasses.replace(SAMPLE, payload=(b"canary" * 500_000, b"x")).in_parts()
    packed = packed_of(head)

    assert (head.parts, head.payload_size) == (3, 3_000_001)
    assert whole(Envelope.unpack(packed, AT)) == whole(head)
    assert b"canary" not in packed


@pytest.mark.parametrize(("size", "parts"), [(PART_BYTES, 2), (PART_BYTES + 1, 1), (1, MAX_PARTS + 1), (0, 5)])
def test_a_size_that_does_not_fill_its_parts_is_corrupt(size: int, parts: int) -> None:
    head = dataclasses.replace(SAMPLE, payload=(), parts=parts, elsewhere=size)

    with pytest.raises(CorruptValue):
        Envelope.unpack(packed_of(head), AT)


def test_a_header_beyond_any_reason_is_refused() -> None:
    with pytest.raises(XComTooLarge) as caught:
        packed_of(dataclasses.replace(BARE, description=bytes(MAX_HEAD_BYTES - 50)))

    assert str(caught.value) == "The header of an XCom needs 65537 bytes; at most 65535 are stored."


def test_a_time_without_zone_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="time zone"):
        packed_of(dataclasses.replace(SAMPLE, pushed_at=datetime(2026, 1, 1)))


def test_repr_and_errors_show_nothing_of_the_value() -> None:
    assert "canary" not in repr(Envelope.unpack(packed_of(SAMPLE), AT))

    with pytest.raises(CorruptValue) as caught:
        Envelope.unpack(packed_of(SAMPLE) + b"canary", AT)
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None
