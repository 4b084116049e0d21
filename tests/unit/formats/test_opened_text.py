"""An opened reference as one text: it is read back exactly, and nothing else is read."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.acl.limits import MAX_SOURCE_LENGTH
from exclusive_redis_xcom.crypto import seal_info, seal_key
from exclusive_redis_xcom.crypto.opening import wrap_seal
from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats import opened_text
from exclusive_redis_xcom.formats.reference import MARK, map_index_of, parse, parse_stored
from exclusive_redis_xcom.formats.reference_facts import FORMAT
from exclusive_redis_xcom.formats.reference_v2 import shown, shown_consumers
from exclusive_redis_xcom.formats.seal import Seal, encode_key
from exclusive_redis_xcom.model import Coordinate, one_line
from tests.unit.sealed_reference import AT, DATA_KEY, PRIVATE, PUBLIC, VERSION, acl_in_force, sealed_reference

TEXT = sealed_reference().opened_text(DATA_KEY)
OWN, SHARED = TEXT.split("\n")

ids = st.text(max_size=20)
times = st.datetimes(timezones=st.just(timezone.utc))


@given(
    at=st.builds(Coordinate, ids, ids, ids, ids, st.integers(-1, 2**31 - 1), st.none() | ids),
    version=st.integers(0, 2**128 - 1).map("{:032x}".format),
    data_key=st.binary(min_size=32, max_size=32),
    size=st.integers(0, 2**40),
    shape=st.none() | st.lists(st.integers(0, 2**40), min_size=1, max_size=4).map(tuple),
    type_name=ids,
    rule=ids,
    consumers=st.lists(ids, max_size=4).map(tuple),
    pushed_at=times,
    expires_at=times,
)
def test_what_is_written_is_read(at: Coordinate, data_key: bytes, **facts: object) -> None:
    reference = replace(sealed_reference(), coordinate=at, **facts)  # type: ignore[arg-type]
    row = {MARK: reference.opened_text(data_key)}

    opened = reference.opened(data_key)
    for_people: dict[str, Any] = {
        "type_name": shown(opened.type_name),
        "rule": shown(opened.rule),
        "consumers": shown_consumers(opened.consumers),
    }
    assert parse(row) == replace(opened, about="", format=FORMAT, **for_people)
    assert map_index_of(row) == at.map_index


@pytest.mark.parametrize(
    ("consumers", "source"),
    [(51, "a.py:1"), (52, "a.py:1"), (10_000, "a.py:1"), (1, "s" * 2001), (1, "ü" * MAX_SOURCE_LENGTH)],
)
def test_the_longest_rule_in_a_seal_is_opened_and_read(consumers: int, source: str) -> None:
    acl = acl_in_force()
    rule = replace(acl.rules[0], consumers=tuple(f"load_{i}" for i in range(consumers)), source=source)
    text = replace(acl, rules=(rule,)).dumps()
    sealed_key = seal_key(DATA_KEY, PUBLIC, seal_info(AT, VERSION, text))
    pushed = replace(sealed_reference(), seal=Seal(PUBLIC.key_id, text, sealed_key=sealed_key))
    row = wrap_seal(parse(pushed.to_json()), PRIVATE).to_json()

    opened = parse({MARK: parse_stored(row).opened_text(DATA_KEY)})

    assert opened.seal == Seal(PUBLIC.key_id, text, data_key=DATA_KEY)
    assert len(opened.consumers) == min(consumers, 51)
    assert opened.rule == (source if len(source) <= 2000 else one_line(source, 1000))


def test_of_many_or_long_consumers_and_of_a_long_rule_people_see_a_part() -> None:
    names = tuple(f"{'x' * 3000}{number}" for number in range(9000))
    reference = replace(sealed_reference(), consumers=names, rule="r" * 3000, type_name="t" * 3000)

    opened = parse({MARK: reference.opened_text(DATA_KEY)})

    assert (len(opened.consumers), opened.consumers[-1]) == (51, "... and 8950 more")
    assert {len(opened.rule), len(opened.type_name), *map(len, opened.consumers[:-1])} == {1003}
    assert opened.seal is not None
    assert opened.seal.data_key == DATA_KEY


@pytest.mark.parametrize(("names", "last"), [(50, "t49"), (51, "... and 1 more"), (1000, "... and 950 more")])
def test_of_many_consumers_the_first_are_told_and_the_rule_has_all(names: int, last: str) -> None:
    consumers = tuple(f"t{number}" for number in range(names))
    reference = parse(sealed_reference(consumers).to_json())
    assert reference.consumers == consumers  # format 3 takes them from the rule

    found = parse({MARK: reference.opened_text(DATA_KEY)})

    assert found.consumers == (*consumers[:50], *([last] if names > 50 else []))
    assert found.seal == reference.opened(DATA_KEY).seal


def test_the_results_of_a_mapped_task_share_the_second_line() -> None:
    others = [
        replace(sealed_reference(), coordinate=replace(sealed_reference().coordinate, map_index=i)) for i in (0, 1)
    ]

    assert {other.opened_text(DATA_KEY).split("\n")[1] for other in others} == {SHARED}


def test_a_row_in_the_database_may_not_have_this_form() -> None:
    with pytest.raises(InvalidReference, match="'seal'"):
        parse_stored({MARK: TEXT})


def test_without_a_seal_there_is_nothing_to_open() -> None:
    with pytest.raises(ValueError, match="without a seal"):
        replace(sealed_reference(), seal=None).opened_text(DATA_KEY)


def own(**changes: str) -> str:
    names = ("version", "key", "map_index", "size", "shape", "pushed_at", "expires_at")
    parts = dict(zip(names, OWN.split("|"), strict=True)) | changes
    return "|".join(parts.values()) + "\n" + SHARED


MALFORMED = {
    "nothing": "",
    "one line": OWN,
    "the shared line alone": SHARED,
    "a further part": "1|" + TEXT,
    "a further line": TEXT + "\n",
    "another version": own(version="0" * 31),
    "a short key": own(key=encode_key(DATA_KEY[:31])),
    "a key with padding": own(key=encode_key(DATA_KEY) + "="),
    "a key of other letters": own(key="\u00e4" * 43),
    "a map_index below -1": own(map_index="-2"),
    "a map_index with a zero before": own(map_index="01"),
    "a map_index that is too large": own(map_index=str(2**31)),
    "a size of other digits": own(size="\u0661"),
    "a size that is too large": own(size="9" * 13),
    "a shape that is none": own(shape=""),
    "a time without an offset": own(pushed_at="2026-01-01T00:00:00"),
    "no time": own(expires_at="tomorrow"),
    "no JSON": OWN + "\n{",
    "JSON that nests without end": OWN + "\n" + "[" * 20_000,
    "a list": OWN + "\n[]",
    "a further field": OWN + "\n" + SHARED[:-1] + ',"more":1}',
    "no rule": OWN + "\n" + SHARED.replace('"acl":', '"abl":'),
    "another key's id": OWN + "\n" + SHARED.replace('"key_id":"', '"key_id":"x'),
    "an id that is none": OWN + "\n" + SHARED.replace('"dag_id":"sales"', '"dag_id":1', 1),
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_nothing_else_is_read(text: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        parse({MARK: text})

    assert encode_key(DATA_KEY) not in str(caught.value)


def test_an_expiry_far_away_is_one() -> None:
    far = replace(sealed_reference(), expires_at=datetime.max.replace(tzinfo=timezone.utc))

    assert parse({MARK: far.opened_text(DATA_KEY)}).expires_at == far.expires_at


def test_only_such_a_text_names_a_map_index() -> None:
    assert [map_index_of({MARK: text}) for text in ("", "a|b", own(map_index="x"))] == [None] * 3
    assert opened_text.map_index_of(own(map_index="7")) == 7
