"""Rows in short say what the rows say that they stand for, and nothing else is read as one."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.formats.reference import MARK, Reference
from exclusive_redis_xcom.model import Coordinate

PUSHED = datetime(2026, 1, 1, tzinfo=timezone.utc)
PATH = "sales/today/extract/token"
LINE = "0 QiDwPFLOGHIxIShtTEJmAQ 1764485412345 604800000 13 list 2"

ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


def a_reference(map_index: int = 0, ids: tuple[str, str, str, str] = ("d", "r", "t", "k"), **facts: Any) -> Reference:
    given: dict[str, Any] = {
        "coordinate": Coordinate(*ids, map_index),
        "version": "0f" * 16,
        "type_name": "list",
        "size": 13,
        "consumers": (),
        "rule": "",
        "pushed_at": PUSHED,
        "expires_at": PUSHED + timedelta(days=7),
        "shape": (2,),
        **facts,
    }
    return Reference(**given)


def text_of(reference: Reference) -> str:
    text: str = reference.to_json()[MARK]["reference"]["to"]
    return text


facts_of_rows = st.fixed_dictionaries(
    {
        "version": st.binary(min_size=16, max_size=16).map(bytes.hex),
        "type_name": st.sampled_from(["list", "my.Type", "a type", "", "100%"]),
        "size": st.integers(0, 2**40),
        "shape": st.none() | st.lists(st.integers(0, 10**6), min_size=1, max_size=3).map(tuple),
        "pushed_at": st.integers(0, 10**12).map(lambda ms: PUSHED + timedelta(milliseconds=ms)),
        "ttl": st.integers(1, 10**10).map(lambda ms: timedelta(milliseconds=ms)),
    }
)


@given(
    names=st.tuples(ids, ids, ids, ids),
    rows=st.lists(st.tuples(st.integers(0, 2**31 - 1), facts_of_rows), min_size=1, max_size=5),
)
def test_short_rows_say_what_each_row_says(
    names: tuple[str, str, str, str], rows: list[tuple[int, dict[str, Any]]]
) -> None:
    made = [
        a_reference(index, names, expires_at=facts["pushed_at"] + facts.pop("ttl"), **facts) for index, facts in rows
    ]
    short = references.shortened([text_of(one) for one in made])

    if short is None:  # an id or a type that breaks a line
        assert any("\n" in text_of(one) for one in made)
    else:
        assert list(references.expanded([short])) == [references.parse(one.to_json()) for one in made]


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [text_of(a_reference(-1))],
        [text_of(a_reference(0)), text_of(a_reference(1, ("d", "r", "t", "other")))],
        [text_of(a_reference(0)), text_of(a_reference(1, ("d", "another", "t", "k")))],
        [text_of(a_reference(coordinate=Coordinate("d", "r", "t", "k", 0, "some-id")))],
        ["something else"],
        [f"{PATH}/{LINE}", f"{PATH}/{LINE} more"],
        [f"{PATH}/{LINE}\n{LINE}"],
    ],
)
def test_only_results_of_one_key_have_a_short_form(texts: list[str]) -> None:
    assert references.shortened(texts) is None


@pytest.mark.parametrize(
    "line",
    [
        LINE.replace("0 ", "2147483648 ", 1),
        LINE.replace("1764485412345", "999999999999999"),
        LINE.replace("604800000", "999999999999999"),
        LINE.replace(" 13 ", f" {2**40 + 1} "),
        LINE.replace("list", "li\u202est"),
        LINE.replace("list", "x" * 2000),
        LINE.replace("list", "%41"),
        LINE.replace(" 2", " 2x"),
        LINE.replace(" 2", " 02"),
        LINE.replace(" 2", " 2" + "x2" * 40),
    ],
)
def test_a_row_that_cannot_be_read_takes_no_other_with_it(line: str) -> None:
    assert references.shortened([f"{PATH}/{LINE}", f"{PATH}/1{LINE[1:]}"]) is not None
    assert references.shortened([f"{PATH}/{LINE}", f"{PATH}/{line}"]) is None
    with pytest.raises(InvalidReference):
        references.expanded([{MARK: [PATH, line]}])


@pytest.mark.parametrize(
    "raw",
    [
        [],
        [PATH],
        [PATH, LINE, LINE],
        [PATH, [LINE]],
        [PATH, ""],
        [PATH, f"{LINE}\n"],
        [PATH, "-1" + LINE[1:]],
        [PATH, "00" + LINE[1:]],
        [PATH, "9999999999" + LINE[1:]],
        [PATH, LINE.replace("QiDw", "QiD?")],
        [PATH, LINE.replace("QiDw", "QiD")],
        [PATH, LINE.replace("1764485412345", "999999999999999")],
        [PATH, LINE.replace("604800000", "999999999999999")],
        [PATH, LINE.replace(" 13 ", " 999999999999999 ")],
        [PATH, LINE.replace("list", "li\u202est")],
        [PATH, LINE.replace(" 2", " 2x")],
        [PATH, LINE.replace(" 2", " 02")],
        [PATH, LINE.replace("list 2", "list")[:-5]],
        ["sales/today/extract", LINE],
        [f"{PATH}/7", LINE],
        ["sales//today/extract/token", LINE],
        ["%41/today/extract/token", LINE],
    ],
)
def test_what_no_server_writes_is_refused(raw: Any) -> None:
    with pytest.raises(InvalidReference, match="This XCom row was edited or forged: its reference is malformed"):
        references.expanded([{MARK: raw}])


@pytest.mark.parametrize(
    "rows",
    [
        [],
        ["a text"],
        [[PATH, LINE]],
        [{MARK: [PATH, LINE]}, {MARK: [PATH, LINE]}],
        [a_reference().to_json()],
        [{MARK: "a text"}],
    ],
)
def test_all_other_rows_stay_as_they_are(rows: list[Any]) -> None:
    assert references.expanded(rows) is rows


def test_short_rows_are_no_reference() -> None:
    """A row of the database has no short form, so one that claims it is refused where no slice was asked for."""
    with pytest.raises(InvalidReference):
        references.parse({MARK: [PATH, LINE]})


def test_a_reference_that_was_read_stands_in_place_of_a_row() -> None:
    one = a_reference(7)

    assert references.is_reference(one)
    assert references.parse(one) is one
    assert references.map_index_of(one) == 7
