"""Format 3 of the reference: one text for the machine, and one text only for each reference."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.formats.reference import MARK, Reference
from exclusive_redis_xcom.formats.seal import Seal
from exclusive_redis_xcom.model import Coordinate
from tests.unit.sealed_reference import PUBLIC, acl_in_force, sealed_reference

PUSHED = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=timezone.utc)
ABOUT = "dict of 4, 117 bytes, for load and reports/* until 9 Jan 03:04 UTC; the value is in Redis, not here"
REFERENCE = Reference(
    coordinate=Coordinate("sales", "manual__2026-01-02T03:04:05+00:00", "extract", "token", 3),
    version="0123456789abcdef0123456789abcdef",
    type_name="dict",
    size=117,
    consumers=(),
    rule="",
    pushed_at=PUSHED,
    expires_at=PUSHED + timedelta(days=7),
    shape=(4,),
    about=ABOUT,
)
PATH = "sales/manual__2026-01-02T03:04:05+00:00/extract/token"
VERSION = "ASNFZ4mrze8BI0VniavN7w"
REST = "1767323045678 604800000 117 dict 4"

#: As Airflow has them in most installations, and as the issue of bytes in a row measures them.
ORDINARY = Reference(
    coordinate=Coordinate("sales_report", "scheduled__2026-11-30T00:00:00+00:00", "extract_it", "return_value"),
    version=REFERENCE.version,
    type_name="int",
    size=1,
    consumers=(),
    rule="",
    pushed_at=PUSHED,
    expires_at=PUSHED + timedelta(days=7),
    about="int, 1 byte, for load and sales_report until 9 Jan 03:04 UTC; the value is in Redis, not here",
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
ids = st.text(st.sampled_from("a0_-.~:+/% \n\u00e9\u202e\ud800"), max_size=12) | st.just("%2F%20%25")
times = st.datetimes(datetime(1970, 1, 1), datetime(9990, 1, 1), timezones=st.just(timezone.utc)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
milliseconds = st.integers(0, 9 * 365 * 24 * 3600 * 1000).map(lambda number: timedelta(milliseconds=number))
names = st.text(st.characters(exclude_categories=("C", "Z")) | st.sampled_from(" %/"), max_size=20)


def body(reference: Reference = REFERENCE) -> dict[str, Any]:
    return copy.deepcopy(reference.to_json()[MARK])


def row(to: Any) -> Any:
    return {MARK: {"about": ABOUT, "reference": {"v": 3, "to": to}}}


def test_it_is_a_sentence_and_a_text() -> None:
    assert REFERENCE.to_json() == {
        "exclusive_redis_xcom": {
            "about": ABOUT,
            "reference": {"v": 3, "to": f"{PATH}/3 {VERSION} {REST}"},
        }
    }


def test_postgresql_and_mysql_keep_the_order() -> None:
    assert sorted(body(), key=lambda key: (len(key), key)) == list(body()) == ["about", "reference"]


def test_a_row_has_at_most_300_bytes() -> None:
    assert len(json.dumps(ORDINARY.to_json())) <= 300


def test_a_sealed_row_has_at_most_600_bytes() -> None:
    at = ORDINARY.coordinate
    acl = acl_in_force(("load", "sales_report"), at)
    rule = replace(acl.rules[0], source=f"{acl.source} at sales_report.py:12", ttl=timedelta(days=7))
    seal = Seal(PUBLIC.key_id, replace(acl, rules=(rule,)).dumps(), sealed_key=bytes(80))
    row = json.dumps(replace(ORDINARY, seal=seal).to_json())

    assert rule.source == "xcom_acl['extract_it']['return_value'] at sales_report.py:12"
    assert len(row) <= 600
    assert references.parse(json.loads(row)) == replace(ORDINARY, seal=seal, consumers=acl.consumers, rule=rule.source)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"map_index": -1}, PATH),
        ({"map_index": 0}, f"{PATH}/0"),
        ({"ti_id": "0198-7f"}, f"{PATH}/3/0198-7f"),
        ({"ti_id": "0198-7f", "map_index": -1}, f"{PATH}/-1/0198-7f"),
        ({"key": "a/b c%d+e"}, f"{PATH[:-5]}a%2Fb%20c%25d+e/3"),
        ({"key": ""}, f"{PATH[:-5]}/3"),
    ],
)
def test_how_a_coordinate_is_written(changes: dict[str, Any], path: str) -> None:
    moved = replace(REFERENCE, coordinate=replace(REFERENCE.coordinate, **changes))

    assert body(moved)["reference"]["to"] == f"{path} {VERSION} {REST}"
    assert references.parse(moved.to_json()) == moved
    assert references.map_index_of(moved.to_json()) == moved.coordinate.map_index


@given(
    st.builds(Coordinate, ids, ids, ids, ids, st.integers(-1, 2**31 - 1), st.none() | ids),
    st.binary(min_size=16, max_size=16),
    times,
    milliseconds,
    st.integers(0, 2**40),
    names,
    st.none() | st.lists(st.integers(0, 2**40), min_size=1, max_size=32).map(tuple),
)
def test_any_reference_survives_the_database(
    at: Coordinate,
    version: bytes,
    pushed_at: datetime,
    ttl: timedelta,
    size: int,
    type_name: str,
    shape: tuple[int, ...] | None,
) -> None:
    written = replace(
        REFERENCE,
        coordinate=at,
        version=version.hex(),
        pushed_at=pushed_at,
        expires_at=pushed_at + ttl,
        size=size,
        type_name=type_name,
        shape=shape,
    )

    value = json.loads(json.dumps(written.to_json()))

    assert references.parse(value) == written
    assert references.map_index_of(value) == at.map_index


@given(st.text(st.sampled_from("a0-%2F50/ _\n"), max_size=60), st.sampled_from([" ", ""]))
def test_each_reference_has_one_text(path: str, space: str) -> None:
    value = row(f"{path}{space}{VERSION} {REST}")
    try:
        parsed = references.parse(value)
    except InvalidReference:
        return
    assert parsed.to_json() == value


def test_a_name_of_a_type_is_one_bounded_line() -> None:
    parsed = references.parse(
        json.loads(json.dumps(replace(REFERENCE, type_name="a\n\u202e\ud800" + "x" * 5000).to_json()))
    )

    assert parsed.type_name.startswith("a???xxx")
    assert len(parsed.type_name) == 1003


@pytest.mark.parametrize(
    "to",
    [
        None,
        3,
        [],
        {},
        "",
        f"{PATH}",
        f"{PATH} {VERSION}",
        f"{PATH}  {VERSION} {REST}",
        f" {PATH} {VERSION} {REST}",
        f"{PATH} {VERSION} {REST} ",
        f"{PATH} {VERSION} {REST}\n",
        f"{PATH} {VERSION} {REST} more",
        f"sales/extract/token {VERSION} {REST}",
        f"{PATH}/3/id/more {VERSION} {REST}",
        f"{PATH}/-1 {VERSION} {REST}",
        f"{PATH}/-2 {VERSION} {REST}",
        f"{PATH}/03 {VERSION} {REST}",
        f"{PATH}/+3 {VERSION} {REST}",
        f"{PATH}/\u0663 {VERSION} {REST}",
        f"{PATH}/%33 {VERSION} {REST}",
        f"{PATH}/2147483648 {VERSION} {REST}",
        f"{PATH}/{'9' * 5000} {VERSION} {REST}",
        f"{PATH}/ {VERSION} {REST}",
        f"{PATH}%41 {VERSION} {REST}",
        f"{PATH}%2f {VERSION} {REST}",
        f"{PATH}% {VERSION} {REST}",
        f"{PATH}%25%2 {VERSION} {REST}",
        f"{PATH}{'k' * 2000} {VERSION} {REST}",
        f"{PATH}{'%25' * 2001} {VERSION} {REST}",
        f"{PATH} {'k' * 50_000} {REST}",
        f"{PATH} {VERSION}= {REST}",
        f"{PATH} {VERSION[:-1]} {REST}",
        f"{PATH} {VERSION[:-1]}x {REST}",  # the last character's low bits carry nothing
        f"{PATH} +{VERSION[1:]} {REST}",
        f"{PATH} {'0123456789abcdef' * 2} {REST}",
        f"{PATH} {VERSION} 01 604800000 117 dict 4",
        f"{PATH} {VERSION} -1 604800000 117 dict 4",
        f"{PATH} {VERSION} 1.5 604800000 117 dict 4",
        f"{PATH} {VERSION} {'9' * 16} 604800000 117 dict 4",
        f"{PATH} {VERSION} 253402300799999 1 117 dict 4",
        f"{PATH} {VERSION} 1767323045678 -1 117 dict 4",
        f"{PATH} {VERSION} 1767323045678 {'9' * 15} 117 dict 4",
        f"{PATH} {VERSION} 1767323045678 604800000 {2**40 + 1} dict 4",
        f"{PATH} {VERSION} 1767323045678 604800000 -1 dict 4",
        f"{PATH} {VERSION} 1767323045678 604800000 \u0661 dict 4",
        f"{PATH} {VERSION} 1767323045678 604800000 117",
        f"{PATH} {VERSION} 1767323045678 604800000 117 a\tb 4",
        f"{PATH} {VERSION} 1767323045678 604800000 117 a%0Ab 4",
        f"{PATH} {VERSION} 1767323045678 604800000 117 \u202e 4",
        f"{PATH} {VERSION} 1767323045678 604800000 117 {'x' * 1004} 4",
        f"{PATH} {VERSION} 1767323045678 604800000 117 dict x",
        f"{PATH} {VERSION} 1767323045678 604800000 117 dict 1x",
        f"{PATH} {VERSION} 1767323045678 604800000 117 dict 01",
        f"{PATH} {VERSION} 1767323045678 604800000 117 dict -1",
        f"{PATH} {VERSION} 1767323045678 604800000 117 dict {'9' * 13}",
        f"{PATH} {VERSION} 1767323045678 604800000 117 dict {'x'.join('1' * 33)}",
    ],
    ids=lambda to: repr(to)[:60],
)
def test_any_other_text_is_malformed(to: Any) -> None:
    with pytest.raises(InvalidReference) as caught:
        references.parse(row(to))

    assert str(caught.value) == (
        "This XCom row was edited or forged: its reference is malformed.\n"
        "Field 'to' is not what exclusive-redis-xcom writes.\n"
        "Clear the producing task, so that it pushes again."
    )


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        (None, "about", None),
        (None, "about", "x" * 304),
        (None, "about", "turned \u202e around"),
        (None, "about", "two\nlines"),
        (None, "reference", "text"),
        (None, "details", {}),
        (None, "owner", "me"),
        ("reference", "v", 2),
        ("reference", "v", 1),
        ("reference", "v", "3"),
        ("reference", "v", True),
        ("reference", "v", 3.0),
        ("reference", "seal", None),
        ("reference", "coordinate", {}),
        ("reference", "owner", "me"),
    ],
)
def test_a_reference_with_another_field_is_refused(part: str | None, field: str, value: Any) -> None:
    forged = body()
    (forged[part] if part else forged)[field] = value

    with pytest.raises(InvalidReference):
        references.parse({MARK: forged})


@pytest.mark.parametrize(
    ("part", "field"), [(None, "about"), (None, "reference"), ("reference", "v"), ("reference", "to")]
)
def test_a_reference_without_one_of_its_fields_is_refused(part: str | None, field: str) -> None:
    forged = body()
    del (forged[part] if part else forged)[field]

    with pytest.raises(InvalidReference):
        references.parse({MARK: forged})


@pytest.mark.parametrize(
    ("to", "map_index"),
    [
        ("a/b/c/d rest", -1),
        ("a/b/c/d/7 rest", 7),
        ("a/b/c/d/-1/id rest", -1),
        ("a/b/c/d/7/id", 7),
        ("a/b/c rest", None),
        ("a/b/c/d/x rest", None),
        (f"a/b/c/d/{'9' * 5000} rest", None),
        ("a/b/c/d/7/id/more rest", None),
        ("", None),
        (7, None),
        (None, None),
    ],
)
def test_the_map_index_is_read_alone(to: Any, map_index: int | None) -> None:
    assert references.map_index_of(row(to)) == map_index


@given(json_values)
def test_any_text_and_any_content_is_parsed_or_refused(value: Any) -> None:
    for forged in (row(value), {MARK: body() | {"reference": value}}, {MARK: body() | {"about": value}}):
        references.map_index_of(forged)
        try:
            parsed = references.parse(forged)
        except InvalidReference:
            continue
        assert parsed.to_json() == forged


def test_the_sentence_tells_people_who_may_read() -> None:
    assert references.shown_consumers(REFERENCE) == ("load", "reports/*")
    assert references.shown_consumers(replace(REFERENCE, about="forged")) == ()
    assert references.shown_consumers(sealed_reference()) == ("load",)
