from __future__ import annotations

import dataclasses
import json
import struct
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exclusive_redis_xcom.envelope import Envelope
from exclusive_redis_xcom.errors import CorruptValue, XComTooLarge
from exclusive_redis_xcom.model import Coordinate

TEXT = st.text(st.characters(), max_size=20)
ENVELOPES = st.builds(
    Envelope,
    coordinate=st.builds(Coordinate, TEXT, TEXT, TEXT, TEXT, st.integers(-1, 1_000_000)),
    version=st.text("0123456789abcdef", min_size=32, max_size=32),
    codec=TEXT,
    compression=TEXT,
    decoded_size=st.integers(0, 2**40),
    pushed_at=st.datetimes(timezones=st.just(timezone.utc)),
    payload=st.tuples(st.binary(max_size=200)),
    key_id=st.none() | TEXT,
)
SAMPLE = Envelope(
    coordinate=Coordinate("dag", "run", "task", "key", 3),
    version="0123456789abcdef" * 2,
    codec="msgpack",
    compression="off",
    decoded_size=5,
    pushed_at=datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=timezone.utc),
    payload=(b"canary",),
)


def header_of(packed: bytes) -> dict[str, Any]:
    (length,) = struct.unpack(">I", packed[4:8])
    header: dict[str, Any] = json.loads(packed[8 : 8 + length].decode("utf-8", "surrogatepass"))
    return header


def packed_with(header: object, payload: bytes = SAMPLE.payload, start: bytes = b"XRX\x01") -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return start + struct.pack(">I", len(raw)) + raw + b"".join(payload)


@given(ENVELOPES)
@example(dataclasses.replace(SAMPLE, coordinate=Coordinate("\ud83d\ude00", "\U0001f600", "\udc00", "\0")))
def test_what_was_packed_is_unpacked(envelope: Envelope) -> None:
    assert Envelope.unpack(envelope.pack()) == envelope


def test_a_time_of_another_zone_is_the_same_moment_in_utc() -> None:
    there = timezone(timedelta(hours=5, minutes=30))
    envelope = dataclasses.replace(SAMPLE, pushed_at=SAMPLE.pushed_at.astimezone(there))

    unpacked = Envelope.unpack(envelope.pack())

    assert unpacked.pushed_at == SAMPLE.pushed_at
    assert unpacked.pushed_at.tzinfo == timezone.utc


def test_a_time_without_zone_is_a_mistake_of_the_caller() -> None:
    envelope = dataclasses.replace(SAMPLE, pushed_at=datetime(2026, 1, 1))

    with pytest.raises(ValueError, match="time zone"):
        envelope.pack()


def test_ids_beyond_any_reason_are_refused() -> None:
    envelope = dataclasses.replace(SAMPLE, coordinate=Coordinate("d" * 70_000, "r", "t", "k"))

    with pytest.raises(XComTooLarge, match="Shorten them"):
        envelope.pack()


def test_repr_does_not_show_the_value() -> None:
    assert "canary" not in repr(SAMPLE)


@given(ENVELOPES, st.data())
def test_a_cut_envelope_is_corrupt_wherever_it_is_cut(envelope: Envelope, data: st.DataObject) -> None:
    packed = envelope.pack()
    end = data.draw(st.integers(0, len(packed) - 1))

    with pytest.raises(CorruptValue):
        Envelope.unpack(packed[:end])


@given(ENVELOPES, st.binary(min_size=1, max_size=50))
def test_an_envelope_with_something_after_it_is_corrupt(envelope: Envelope, more: bytes) -> None:
    with pytest.raises(CorruptValue):
        Envelope.unpack(envelope.pack() + more)


@given(st.binary(max_size=300))
@example(b"XRX\x01")
@example(packed_with(b"[" * 60_000))
@example(packed_with(b'{"map_index":' + b"9" * 60_000 + b"}"))
@example(packed_with(b"\xff\xfe"))
@example(packed_with([1]))
@example(packed_with({}))
@example(packed_with(b"{}", start=b"XRX\x01\xff\xff\xff\xff"))
def test_any_other_bytes_are_corrupt_and_nothing_worse(data: bytes) -> None:
    with pytest.raises(CorruptValue):
        Envelope.unpack(data)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("dag_id", 1),
        ("run_id", None),
        ("task_id", ["task"]),
        ("key", True),
        ("map_index", "3"),
        ("map_index", -2),
        ("map_index", True),
        ("map_index", 3.0),
        ("version", "0123456789ABCDEF" * 2),
        ("version", "0123456789abcdef" * 2 + "\n"),
        ("version", "00"),
        ("codec", 1),
        ("compression", None),
        ("decoded_size", -1),
        ("decoded_size", 1.5),
        ("payload_size", 5),
        ("payload_size", 7),
        ("payload_size", "6"),
        ("pushed_at", "yesterday"),
        ("pushed_at", "2026-01-02T03:04:05"),
        ("pushed_at", "2026-01-02T03:04:05+05:30"),
        ("pushed_at", 1767323045),
        ("key_id", 1),
    ],
)
def test_a_header_with_a_wrong_field_is_corrupt(name: str, wrong: object) -> None:
    header = header_of(SAMPLE.pack()) | {name: wrong}

    with pytest.raises(CorruptValue):
        Envelope.unpack(packed_with(header))


@pytest.mark.parametrize("change", ["missing", "more"])
def test_a_header_with_other_fields_is_corrupt_and_may_be_newer(change: str) -> None:
    header = header_of(SAMPLE.pack())
    if change == "missing":
        del header["key_id"]
    else:
        header["nonce"] = "x"

    with pytest.raises(CorruptValue, match="newer release"):
        Envelope.unpack(packed_with(header))


def test_an_unknown_format_version_says_that_a_newer_release_may_have_written_it() -> None:
    with pytest.raises(CorruptValue, match="newer release of exclusive-redis-xcom"):
        Envelope.unpack(b"XRX\x02" + SAMPLE.pack()[4:])


def test_an_error_shows_nothing_of_the_value_or_header() -> None:
    header = header_of(SAMPLE.pack()) | {"codec": {"canary": 1}}

    with pytest.raises(CorruptValue) as caught:
        Envelope.unpack(packed_with(header))

    assert "canary" not in str(caught.value)
