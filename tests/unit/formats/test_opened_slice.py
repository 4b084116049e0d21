"""The opened references of a slice as one text: they are read back exactly, and nothing else is read."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats import opened_slice
from exclusive_redis_xcom.formats.reference import MARK, Reference, expanded, is_reference, map_index_of, parse
from exclusive_redis_xcom.formats.reference_facts import FORMAT
from tests.unit.sealed_reference import DATA_KEY, VERSION, sealed_reference

PUSHED = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=timezone.utc)
BASE = replace(parse(sealed_reference().to_json()), pushed_at=PUSHED, expires_at=PUSHED + timedelta(days=7))

milliseconds = st.integers(0, 2**40).map(lambda number: timedelta(milliseconds=number))


def result(map_index: int, **changes: Any) -> Reference:
    return replace(BASE, coordinate=replace(BASE.coordinate, map_index=map_index), **changes)


def answer(*opened: tuple[Reference, bytes]) -> Any:
    return json.loads(json.dumps([{MARK: {opened_slice.OPENED: opened_slice.dump(opened)}}]))


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**31 - 1),
            st.integers(0, 2**128 - 1).map("{:032x}".format),
            st.integers(0, 2**40),
            st.none() | st.lists(st.integers(0, 2**40), min_size=1, max_size=4).map(tuple),
            milliseconds,
            milliseconds,
            st.sampled_from(["str", "dict", "pandas.DataFrame"]),
            st.binary(min_size=32, max_size=32),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_what_is_written_is_read(facts: list[Any]) -> None:
    opened = [
        (
            result(
                index,
                version=version,
                size=size,
                shape=shape,
                pushed_at=PUSHED + after,
                expires_at=PUSHED + after + ttl,
                type_name=type_name,
            ),
            key,
        )
        for index, version, size, shape, after, ttl, type_name, key in facts
    ]

    read = expanded(answer(*opened))

    assert list(read) == [replace(reference.opened(key), about="", format=FORMAT) for reference, key in opened]
    assert [map_index_of(one) for one in read] == [reference.coordinate.map_index for reference, _ in opened]
    assert all(is_reference(one) and parse(one) is one for one in read)


def test_a_slice_has_eight_lines_and_85_bytes_for_each_result() -> None:
    few, many = (opened_slice.dump([(result(i), DATA_KEY) for i in range(count)]) for count in (100, 200))

    assert (few.count("\n"), many.count("\n")) == (7, 7)
    assert len(many) - len(few) <= 100 * 100


def test_no_row_may_have_this_form() -> None:
    for row in answer((result(1), DATA_KEY)):
        with pytest.raises(InvalidReference):
            parse(row)


@pytest.mark.parametrize("rows", [[], [1], [{}], ["x"], [{MARK: {"opened": 1}}], [{MARK: {"opened": "", "x": 1}}]])
def test_other_answers_stay_as_they_are(rows: list[Any]) -> None:
    assert expanded(rows) is rows


def test_the_text_stands_for_all_rows_or_none() -> None:
    rows = answer((result(1), DATA_KEY)) * 2

    assert expanded(rows) is rows


TEXT = opened_slice.dump([(result(i, shape=(i,)), DATA_KEY) for i in (3, 4)])
LINES = TEXT.split("\n")


def changed(number: int, line: str) -> str:
    return "\n".join([*LINES[:number], line, *LINES[number + 1 :]])


MALFORMED = {
    "nothing": "",
    "a line less": "\n".join(LINES[:-1]),
    "a line more": TEXT + "\n",
    "another shared line": changed(0, "{}"),
    "a map_index of no mapped task": changed(1, "-1 4"),
    "a map_index with a zero before": changed(1, "03 4"),
    "a map_index that is too large": changed(1, f"3 {2**31}"),
    "a map_index less": changed(1, "3"),
    "no map_index": changed(1, ""),
    "a size of other digits": changed(2, "\u0661 1"),
    "a size that is too large": changed(2, f"1 {2**40 + 1}"),
    "a size more": changed(2, "1 1 1"),
    "a shape less": changed(3, "3"),
    "a shape that is none": changed(3, "3 x"),
    "a time that Python does not know": changed(4, "1 999999999999999"),
    "a TTL less": changed(5, "1"),
    "a version that is cut": changed(6, b64encode(bytes(31)).decode()),
    "a version less": changed(6, b64encode(bytes(16)).decode()),
    "a version with other bits": changed(6, LINES[6][:-3] + "H=="),
    "a version with a line feed less": changed(6, LINES[6].rstrip("=")),
    "a key of other letters": changed(7, "\u00e4" + LINES[7][1:]),
    "a key more": changed(7, b64encode(DATA_KEY * 3).decode()),
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_nothing_else_is_read(text: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        expanded([{MARK: {opened_slice.OPENED: text}}])

    assert LINES[7] not in str(caught.value)
    assert VERSION not in str(caught.value)
