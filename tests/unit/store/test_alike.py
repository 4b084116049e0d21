"""Results that are read as columns: what is read so is what the usual way reads, whatever Redis answers."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exclusive_redis_xcom.formats import digests, shared_rules
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.memory import joined
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store.alike import Batch, Unread, all_alike

AT = Coordinate("dag", "run", "task", "key")
INDEXES = [0, 1, 2, 5]
RULE = b'{"a rule": 1}'
PUSHED = datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=timezone.utc)


def envelope(number: int, **changes: Any) -> Envelope:
    payload = b"canary %d" % number
    made = Envelope(
        coordinate=dataclasses.replace(AT, map_index=INDEXES[number]),
        version=f"{number + 1:032x}",
        codec="msgpack",
        compression="off",
        decoded_size=len(payload),
        pushed_at=PUSHED - timedelta(seconds=number % 3),
        payload=(payload,),
        rule=digests.rule_of(RULE),
    )
    return dataclasses.replace(made, **changes)


def packed(made: Envelope, description: bytes = b"") -> bytes:
    return made.pack_compact(made.rule, description)


def reply() -> list[Any]:
    """What Redis answers: the rules of the hash, then each value and its own rule."""
    values = [packed(envelope(number)) for number in range(len(INDEXES))]
    return [RULE, shared_rules.entry(RULE), *(each for value in values for each in (value, None))]


def field(number: int) -> int:
    return 2 + 2 * number


def flipped(data: bytes, position: int, bits: int) -> bytes:
    position %= len(data)
    return data[:position] + bytes((data[position] ^ bits,)) + data[position + 1 :]


def is_same(found: list[Any]) -> bool:
    """Compare the columns with what the usual way reads; return whether there are columns."""
    batch = Batch(AT, INDEXES, found)
    alike = all_alike([batch])
    if alike is None:
        return False
    (columns,) = alike
    stored = batch.stored()
    assert list(Unread([batch])) == stored
    for i, one in enumerate(stored):
        read = one.envelope
        assert read is not None
        assert (one.found, one.acl, one.own_acl) == (True, columns.oldest.acl, columns.oldest.own_acl)
        assert read.coordinate == columns.coordinate(i)
        assert (read.version, read.decoded_size) == (columns.versions[i].hex(), columns.decoded_sizes[i])
        assert bytes(joined(read.payload)) == columns.payloads[i]
        assert (read.codec, read.compression) == columns.hows[i]
        said = ("key_id", "parts", "spilled", "elsewhere", "rule")
        assert [getattr(read, name) for name in said] == [getattr(columns.envelope, name) for name in said]
        assert columns.envelope.pushed_at <= read.pushed_at
    assert columns.oldest.envelope is columns.envelope
    return True


def test_usual_results_are_read_as_columns() -> None:
    assert is_same(reply())


CHANGES: dict[str, Callable[[list[Any]], Any]] = {
    "descriptions that differ": lambda found: found.__setitem__(field(1), packed(envelope(1), b"a dict")),
    "a large one among small ones": lambda found: found.__setitem__(
        field(1), packed(envelope(1, payload=(bytes(400),), decoded_size=400))
    ),
    "another codec": lambda found: found.__setitem__(field(2), packed(envelope(2, codec="str"))),
    "an unknown codec": lambda found: found.__setitem__(field(0), packed(envelope(0, codec="x", compression="y"))),
    "the same own rule of all": lambda found: found.__setitem__(slice(3, None, 2), [RULE] * len(INDEXES)),
    "no rules": lambda found: found.__setitem__(slice(0, 2), [None, None]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_so_are_results_that_differ_in_this(change: Callable[[list[Any]], Any]) -> None:
    found = reply()
    change(found)

    assert is_same(found)


#: What makes a result special, whichever of them it is.
SPECIAL: dict[str, Callable[[list[Any], int], Any]] = {
    "a value is missing": lambda found, i: found.__setitem__(field(i), None),
    "it has a rule of its own": lambda found, i: found.__setitem__(field(i) + 1, b'{"another": 1}'),
    "it names another rule": lambda found, i: found.__setitem__(field(i), packed(envelope(i, rule=b"01234567"))),
    "it names no rule": lambda found, i: found.__setitem__(field(i), packed(envelope(i, rule=None))),
    "another key": lambda found, i: found.__setitem__(field(i), packed(envelope(i, key_id="seal:1"))),
    "the value of a sibling": lambda found, i: found.__setitem__(field(i), found[field(i - 1)]),
    "an earlier format": lambda found, i: found.__setitem__(field(i), envelope(i).pack()),
    "it lies in parts": lambda found, i: found.__setitem__(
        field(i), packed(envelope(i, payload=(), parts=2, elsewhere=2**20 + 1))
    ),
    "it says so, and has a payload": lambda found, i: found.__setitem__(field(i), packed(envelope(i, parts=1))),
    "a payload that is cut": lambda found, i: found.__setitem__(field(i), found[field(i)][:-1]),
    "a payload that is longer": lambda found, i: found.__setitem__(field(i), found[field(i)] + b"x"),
    "a large value": lambda found, i: found.__setitem__(field(i), packed(envelope(i, payload=(bytes(8192),)))),
    "a number": lambda found, i: found.__setitem__(field(i), 1),
}


@pytest.mark.parametrize("number", range(len(INDEXES)))
@pytest.mark.parametrize("change", SPECIAL.values(), ids=SPECIAL)
def test_results_of_which_one_is_special_are_not(change: Callable[[list[Any], int], Any], number: int) -> None:
    found = reply()
    change(found, number)

    assert all_alike([Batch(AT, INDEXES, found)]) is None


@pytest.mark.parametrize("found", [[*reply(), None], reply()[:-2], reply()[:2], [*reply()[:2], *[None] * 8]])
def test_other_replies_are_not(found: list[Any]) -> None:
    assert all_alike([Batch(AT, INDEXES, found)]) is None


@pytest.mark.parametrize("found", [None, 1, b"", RuntimeError()])
def test_no_list_is_not(found: Any) -> None:
    assert all_alike([Batch(AT, INDEXES, found)]) is None


def test_a_special_batch_is_enough() -> None:
    special = reply()
    special[field(0)] = None

    assert all_alike([Batch(AT, INDEXES, reply()), Batch(AT, INDEXES, special)]) is None


def test_a_time_that_python_does_not_know_is_left_to_the_usual_way() -> None:
    """The oldest and the latest time are looked at."""
    for number, pushed_at in itertools.product(range(len(INDEXES)), (2**62, -(2**62))):
        found = reply()
        value = found[field(number)]
        found[field(number)] = value[:38] + pushed_at.to_bytes(8, "big", signed=True) + value[46:]

        assert not is_same(found)


@given(
    st.lists(
        st.tuples(st.integers(0, len(INDEXES) - 1), st.integers(0, 99), st.integers(1, 255)), min_size=1, max_size=3
    )
)
@example([(2, 6, 1)])  # the version
@example([(2, 22, 1)])  # the coordinate
@example([(0, 45, 1), (1, 45, 1)])  # the time of the push
@example([(2, 46, 1)])  # the flags
@example([(2, 47, 1)])  # the size
@example([(2, 60, 1)])  # the payload
def test_whatever_bits_are_flipped_the_usual_way_reads_the_same(flips: list[tuple[int, int, int]]) -> None:
    found = reply()
    for number, position, bits in flips:
        found[field(number)] = flipped(found[field(number)], position, bits)

    is_same(found)


def test_rules_that_no_command_asked_for_are_none() -> None:
    asked, values = reply(), [RULE, shared_rules.entry(RULE), *reply()[2::2]]

    assert Batch.of(AT, INDEXES, values, with_rules=False) == Batch.of(AT, INDEXES, asked) == Batch(AT, INDEXES, asked)
