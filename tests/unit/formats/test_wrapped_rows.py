"""Rows in columns are what each row says when it is read alone. Nothing is read that would be refused alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.formats import opened_slice, wrapped_rows
from exclusive_redis_xcom.formats.reference import MARK, Reference, References, expanded, parse_stored
from exclusive_redis_xcom.formats.seal import Seal
from exclusive_redis_xcom.model import Coordinate
from tests.unit.formats.test_wrapped_text import MALFORMED
from tests.unit.sealed_reference import AT, PUBLIC, PUSHED, acl_in_force, sealed_reference

RULES = [acl_in_force(consumers).dumps() for consumers in (("load",), ("load", "report"))]
KEY_IDS = [PUBLIC.key_id, "0123456789abcdef"]
NAMES: tuple[str, str, str, str] = ("sales", "a run/of 100%", "extract", "token")


def a_row(map_index: int, names: tuple[str, str, str, str] = NAMES, rule: int = 0, key: int = 0, **facts: Any) -> str:
    """Return the JSON of a row, with a wrapped key of its own."""
    wrapped = Seal(KEY_IDS[key], RULES[rule], wrapped_key=(map_index % 251).to_bytes(1, "big") * 60)
    made = replace(sealed_reference(), coordinate=Coordinate(*names, map_index), about="str, 10 bytes", seal=wrapped)
    return json.dumps(replace(made, **facts).to_json())


ROWS = [a_row(index) for index in range(3)]


def alone(rows: Sequence[str]) -> list[Reference]:
    return [parse_stored(json.loads(row)) for row in rows]


def keys(rows: Sequence[Any]) -> list[bytes]:
    """Return a data key for each row."""
    return [bytes([number % 256]) * 32 for number in range(len(rows))]


def opened(text: str) -> list[Reference]:
    return list(expanded([{MARK: {opened_slice.OPENED: text}}]))


def in_columns(rows: Sequence[str]) -> tuple[list[Reference], list[bytes]] | None:
    """Return what a task gets of rows that are opened, and their wrapped keys."""
    found = wrapped_rows.load(rows)
    return None if found is None else (opened(opened_slice.dump_rows(found, keys(rows))), found.wrapped)


def one_by_one(rows: Sequence[str]) -> tuple[list[Reference], list[bytes]]:
    """Do the same with references that are read alone."""
    read = alone(rows)
    task_gets = opened(opened_slice.dump(list(zip(read, keys(rows), strict=True))))
    return task_gets, [
        one.seal.wrapped_key for one in read if one.seal is not None and one.seal.wrapped_key is not None
    ]


facts = st.fixed_dictionaries(
    {
        "version": st.binary(min_size=16, max_size=16).map(bytes.hex),
        "type_name": st.sampled_from(["list", "my.Type", "a type", "", "100%"]),
        "size": st.integers(0, 2**40),
        "shape": st.none() | st.lists(st.integers(0, 10**6), min_size=1, max_size=3).map(tuple),
        "pushed_at": st.integers(0, 10**12).map(lambda ms: PUSHED + timedelta(milliseconds=ms)),
        "ttl": st.sampled_from([timedelta(hours=1), timedelta(days=7)]),
        "rule": st.integers(0, 1),
        "key": st.integers(0, 1),
        "about": st.text(st.characters(exclude_categories=["C", "Z"]), max_size=10),
    }
)


@given(st.lists(st.tuples(st.integers(0, 2**31 - 1), facts), min_size=1, max_size=6))
def test_columns_say_what_each_row_says(rows: list[tuple[int, dict[str, Any]]]) -> None:
    made = [a_row(index, expires_at=of_one["pushed_at"] + of_one.pop("ttl"), **of_one) for index, of_one in rows]

    assert in_columns(made) == one_by_one(made)


@given(st.data())
def test_what_would_be_refused_alone_is_not_read(data: st.DataObject) -> None:
    row = data.draw(st.integers(0, 2))
    at = data.draw(st.integers(0, len(ROWS[row]) - 1))
    until = at + data.draw(st.integers(0, 3))
    inserted = data.draw(st.text(st.sampled_from('09a/ -_%x"\\n{}:,\n\u00e9\u202e'), max_size=3))
    changed = [*ROWS]
    changed[row] = ROWS[row][:at] + inserted + ROWS[row][until:]

    found = in_columns(changed)

    assert found is None or found == one_by_one(changed)  # which raises an error for a row that it refuses


def text_of(row: str) -> str:
    text: str = json.loads(row)[MARK]
    return text


OTHERS: dict[str, str] = {
    "no JSON": "{",
    "a plain value": '"plain"',
    "none": "null",
    "a further field": json.dumps({MARK: text_of(ROWS[0]), "and": 1}),
    "rows in a list": f"[{ROWS[0]}]",
    "two rows": f"{ROWS[0]},{ROWS[0]}",
    "half of a character": json.dumps({MARK: text_of(ROWS[0]).replace("str,", "\ud800", 1)}),
    "another key": a_row(1, (*NAMES[:3], "other")),
    "another task": a_row(1, (*NAMES[:2], "other", "token")),
    "another run": a_row(1, ("sales", "other", *NAMES[2:])),
    "another DAG": a_row(1, ("other", *NAMES[1:])),
    "a task that is not mapped": a_row(-1),
    "an id of the task instance": json.dumps(
        replace(alone(ROWS)[0], coordinate=replace(AT, map_index=1, ti_id="i")).to_json()
    ),
    "a sealed key": json.dumps(sealed_reference().to_json()),
    "an earlier format": a_row(1, format=2),
    "an opened reference": json.dumps({MARK: sealed_reference().opened_text(bytes(32))}),
    "a map_index that no column holds": json.dumps({MARK: text_of(ROWS[1]).replace("/1 ", "/2147483648 ", 1)}),
    "a size that no value has": json.dumps({MARK: text_of(ROWS[1]).replace(" 10 str", f" {2**40 + 1} str", 1)}),
    "a time that Python does not have": json.dumps({MARK: text_of(ROWS[1]).replace(" 604800000 ", f" {10**15 - 1} ")}),
    "a shape of many dimensions": a_row(1, shape=(1,) * 33),
    "a long length": json.dumps({MARK: text_of(a_row(1, shape=(7,))).replace(" 7 ", f" {2**40 + 1} ")}),
} | {name: json.dumps({MARK: text}) for name, text in MALFORMED.items()}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("place", [0, 1, 3])
def test_one_other_row_leaves_no_columns(other: str, place: int) -> None:
    rows = [*ROWS[:place], other, *ROWS[place:]]

    assert wrapped_rows.load(ROWS) is not None
    assert wrapped_rows.load(rows) is None


def test_no_row_has_no_columns() -> None:
    assert wrapped_rows.load([]) is None


def test_a_representation_shows_no_wrapped_key() -> None:
    assert "wrapped" not in repr(wrapped_rows.load(ROWS))


def test_results_of_one_kind_are_one_block_of_the_opened_text() -> None:
    found = wrapped_rows.load([a_row(index, type_name=name) for index, name in enumerate(["str", "str", "int", "str"])])
    assert found is not None

    text = opened_slice.dump_rows(found, keys(found.kinds))

    assert (found.kinds, text.count("\n")) == ([0, 0, 1, 0], 3 * 8 - 1)
    assert [one.type_name for one in opened(text)] == ["str", "str", "int", "str"]
    assert type(expanded([{MARK: {opened_slice.OPENED: text}}])) is References


def test_results_of_many_kinds_have_no_columns() -> None:
    """Each kind would be read in full, and each row then once more."""
    rows = [a_row(index, type_name=f"Type{index}") for index in range(65)]

    assert wrapped_rows.load(rows[:64]) is not None
    assert wrapped_rows.load(rows) is None
