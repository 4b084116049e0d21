from __future__ import annotations

import contextlib
import dataclasses
import struct
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exclusive_redis_xcom.errors import CorruptValue, XComTooLarge
from exclusive_redis_xcom.formats.envelope import MAX_PARTS, PART_BYTES, Envelope
from exclusive_redis_xcom.model import Coordinate

TEXT = st.text(st.characters(), max_size=20)
ENVELOPES = st.builds(
    Envelope,
    coordinate=st.builds(Coordinate, TEXT, TEXT, TEXT, TEXT, st.integers(-1, 1_000_000), st.none() | TEXT),
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


#: Where each fact of a packed envelope begins, and how it is written there; see full_envelope.py.
FACTS = {
    "length": (4, ">I"),
    "decoded_size": (24, ">Q"),
    "payload_size": (32, ">Q"),
    "pushed_at": (40, ">q"),
    "map_index": (48, ">q"),
    "parts": (56, ">I"),
    "codec": (60, ">H"),
    "compression": (62, ">H"),
    "key_id": (64, ">H"),
    "spilled": (66, ">H"),
}
TEXTS_START = 68


def packed_with(name: str, number: int, envelope: Envelope = SAMPLE) -> bytes:
    packed = bytearray(envelope.pack())
    start, form = FACTS[name]
    struct.pack_into(form, packed, start, number)
    return bytes(packed)


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
@example(b"XRX\x02")
@example(b"XRX\x02\0\0\0\0" + b"\0" * 60)
@example(b"XRX\x02\0\0\0\x44" + b"\xff" * 60)
@example(b"XRX\x02\xff\xff\xff\xff" + b"\0" * 70_000)
def test_any_other_bytes_are_corrupt_and_nothing_worse(data: bytes) -> None:
    with pytest.raises(CorruptValue):
        Envelope.unpack(data)


@given(ENVELOPES, st.data())
def test_an_envelope_with_changed_bytes_is_corrupt_or_an_envelope(envelope: Envelope, data: st.DataObject) -> None:
    packed = bytearray(envelope.pack())
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))

    with contextlib.suppress(CorruptValue):
        assert Envelope.unpack(bytes(packed)).pack() == packed


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("length", 0),
        ("length", 67),
        ("length", len(SAMPLE.pack())),
        ("length", 2**32 - 1),
        ("payload_size", 5),
        ("payload_size", 7),
        ("payload_size", 2**64 - 1),
        ("pushed_at", 2**62),
        ("pushed_at", -(2**63)),
        ("map_index", -2),
        ("map_index", -(2**63)),
        ("parts", 1),
        ("parts", 2**32 - 1),
        ("codec", 8),
        ("codec", 2**16 - 1),
        ("compression", 2),
        ("key_id", 2),
        ("spilled", 2),
    ],
)
def test_a_header_with_a_wrong_fact_is_corrupt(name: str, wrong: int) -> None:
    with pytest.raises(CorruptValue, match="A value in Redis cannot be read"):
        Envelope.unpack(packed_with(name, wrong))


def test_a_task_instance_has_a_format_of_its_own_and_all_others_keep_theirs() -> None:
    of_instance = dataclasses.replace(SAMPLE, coordinate=dataclasses.replace(SAMPLE.coordinate, ti_id="0190"))

    assert (SAMPLE.pack()[3], of_instance.pack()[3]) == (2, 3)


@pytest.mark.parametrize(("format_", "who"), [(0, "earlier"), (1, "earlier"), (5, "newer"), (255, "newer")])
def test_another_format_says_which_release_wrote_it(format_: int, who: str) -> None:
    with pytest.raises(CorruptValue, match=f"{who} release"):
        Envelope.unpack(b"XRX" + bytes([format_]) + SAMPLE.pack()[4:])


def test_texts_that_are_no_text_are_corrupt() -> None:
    packed = bytearray(SAMPLE.pack())
    packed[TEXTS_START] = 0xFF

    with pytest.raises(CorruptValue, match="header cannot be read"):
        Envelope.unpack(bytes(packed))


def test_an_error_shows_nothing_of_the_value_or_header() -> None:
    envelope = dataclasses.replace(SAMPLE, codec="canary-codec", key_id="canary-key")

    with pytest.raises(CorruptValue) as caught:
        Envelope.unpack(packed_with("payload_size", 1, envelope))

    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None


def test_the_coordinate_that_is_expected_is_the_envelope_s_own() -> None:
    expected = dataclasses.replace(SAMPLE.coordinate)

    assert Envelope.unpack(SAMPLE.pack(), expected).coordinate is expected


@pytest.mark.parametrize("change", [{"dag_id": "d"}, {"run_id": "keyrun"}, {"key": ""}, {"map_index": -1}])
def test_another_coordinate_than_expected_is_told(change: dict[str, Any]) -> None:
    other = dataclasses.replace(SAMPLE.coordinate, **change)

    assert Envelope.unpack(SAMPLE.pack(), other).coordinate == SAMPLE.coordinate


class TestPayloadElsewhere:
    large = dataclasses.replace(SAMPLE, payload=(b"canary" * 500_000, b"x"))

    def test_a_payload_in_parts_is_counted_and_left_out(self) -> None:
        head = self.large.in_parts()

        assert (head.parts, head.payload_size, head.payload) == (3, 3_000_001, ())
        assert Envelope.unpack(head.pack()) == head
        assert b"canary" not in head.pack()

    @pytest.mark.parametrize(("size", "parts"), [(1, 1), (PART_BYTES, 1), (PART_BYTES + 1, 2), (5 * PART_BYTES, 5)])
    def test_only_the_last_part_may_be_shorter(self, size: int, parts: int) -> None:
        assert dataclasses.replace(SAMPLE, payload=(bytes(size),)).in_parts().parts == parts

    def test_a_spilled_payload_is_named_and_left_out(self) -> None:
        head = self.large.spilled_to("2026/\u00e9/object")

        assert (head.spilled, head.payload_size, head.payload) == ("2026/\u00e9/object", 3_000_001, ())
        assert Envelope.unpack(head.pack()) == head

    def test_with_its_payload_it_is_what_it_was(self) -> None:
        payload = b"".join(self.large.payload)

        assert self.large.in_parts().with_payload((payload,)) == dataclasses.replace(self.large, payload=(payload,))
        assert self.large.spilled_to("o").with_payload(self.large.payload) == self.large

    @pytest.mark.parametrize("payload", [(), (b"short",), (bytes(3_000_002),)])
    def test_a_payload_of_another_length_is_corrupt(self, payload: tuple[bytes, ...]) -> None:
        with pytest.raises(CorruptValue, match="not as long as its header says"):
            self.large.in_parts().with_payload(payload)

    @pytest.mark.parametrize(
        ("name", "wrong"),
        [("parts", 2), ("parts", 4), ("parts", 0), ("parts", 2**32 - 1), ("payload_size", 1), ("payload_size", 2**63)],
    )
    def test_parts_that_do_not_make_up_the_payload_are_corrupt(self, name: str, wrong: int) -> None:
        with pytest.raises(CorruptValue):
            Envelope.unpack(packed_with(name, wrong, self.large.in_parts()))

    def test_more_parts_than_the_largest_value_has_are_corrupt(self) -> None:
        head = dataclasses.replace(SAMPLE, payload=(), parts=MAX_PARTS + 1, elsewhere=(MAX_PARTS + 1) * PART_BYTES)

        with pytest.raises(CorruptValue, match="where its payload lies"):
            Envelope.unpack(head.pack())

    def test_both_in_parts_and_spilled_is_corrupt(self) -> None:
        with pytest.raises(CorruptValue, match="where its payload lies"):
            Envelope.unpack(dataclasses.replace(self.large.in_parts(), spilled="object").pack())

    def test_bytes_after_the_head_are_corrupt(self) -> None:
        for head in (self.large.in_parts(), self.large.spilled_to("object")):
            with pytest.raises(CorruptValue, match="not as long"):
                Envelope.unpack(head.pack() + b"x")

    @pytest.mark.parametrize("more", [b"", b"payload"])
    def test_a_head_is_read_whatever_follows_it(self, more: bytes) -> None:
        head = self.large.spilled_to("object")

        assert Envelope.unpack_head(head.pack() + more) == head

    @pytest.mark.parametrize("data", [b"", b"XRX\x02", SAMPLE.pack(), SAMPLE.pack()[:-1], bytes(100)])
    def test_what_does_not_begin_with_a_head_is_corrupt(self, data: bytes) -> None:
        with pytest.raises(CorruptValue):
            Envelope.unpack_head(data)
