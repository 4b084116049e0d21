"""The record of reads and refusals: what is written is read again, and anything else is not believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.formats import observed
from exclusive_redis_xcom.formats.observed import Count, Day, Entry, Event

IDS = st.text(st.characters(), min_size=1, max_size=20)
READERS = st.none() | st.tuples(IDS, IDS)


@given(task_id=IDS, key=IDS, reader=READERS)
def test_a_name_is_read_as_what_was_named(task_id: str, key: str, reader: tuple[str, str] | None) -> None:
    name = Event("dag", task_id, key, reader, observed.READ).name

    assert observed.entry(name.encode("ascii"), b"read:3:1700000000000") == Entry(
        task_id, key, reader, {"read": Count(3, 1_700_000_000_000)}
    )


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes_are_an_entry_that_this_package_could_have_written_or_none(name: bytes, counts: bytes) -> None:
    found = observed.entry(name, counts)

    if found is not None:
        assert Event("dag", found.task_id, found.key, found.reader, observed.READ).name.encode("ascii") == name
        assert set(found.counts) <= observed.REFUSALS | {observed.READ, observed.WOULD_REFUSE}


@pytest.mark.parametrize(
    "counts",
    [
        b"read",
        b"read:1",
        b"read:-1:1",
        b"read:1:1 read:1:1",
        b"READ:1:1",
        b"unknown:1:1",
        b"read:1:100000000000000",
        b"read:1000000000000000:1",
        "read:\N{ARABIC-INDIC DIGIT ONE}:1".encode(),
    ],
)
def test_counts_of_another_form_are_not_believed(counts: bytes) -> None:
    assert observed.counts_of(counts) is None


@pytest.mark.parametrize(
    "name", [b"a:b", b":k:d:t", b"t::d:t", b"t:k:d:", b"t:k::t", b"t:k:d:t:x", b"%61:k:d:t", b"%ff:k:d:t"]
)
def test_names_of_another_form_are_not_believed(name: bytes) -> None:
    assert observed.entry(name, b"read:1:1") is None


@pytest.mark.parametrize("text", [None, b"", b"x", b"-1", b"1.5", b"9" * 15, b"9" * 16])
def test_times_of_another_form_are_not_believed(text: bytes | None) -> None:
    assert observed.time_of(text) is None


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (b"3 1700000000000", Count(3, 1_700_000_000_000)),
        (b"3", None),
        (b"3 x", None),
        (None, None),
        (b"3 " + b"9" * 15, None),
    ],
)
def test_what_was_lost(text: bytes | None, count: Count | None) -> None:
    assert observed.lost_of(text) == count


@pytest.mark.parametrize(
    ("text", "days"),
    [
        (None, ()),
        (b"", ()),
        (b"20787:3:1 20786:0:2", (Day(20_786, 0, 2), Day(20_787, 3, 1))),
        (b"x 20787:3 20787:-1:0 20787:1:1:1 1234567:1:1 20787:1234567890:1 20780:1:0", (Day(20_780, 1, 0),)),
        (b"20787:1:0 " * 500, ()),
        ("20787:\N{ARABIC-INDIC DIGIT ONE}:1".encode(), ()),
    ],
)
def test_days_are_read_and_anything_else_is_left_out(text: bytes | None, days: tuple[Day, ...]) -> None:
    assert observed.days_of(text) == days


@given(st.binary(max_size=200))
def test_any_bytes_are_days_or_none(text: bytes) -> None:
    found = observed.days_of(text)

    assert [day.day for day in found] == sorted({day.day for day in found})
    assert all(0 <= number < 10**9 for day in found for number in day)
