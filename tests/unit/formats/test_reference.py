"""The reference: what Airflow's database holds, and what is believed of it when it comes back."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.formats.reference import MARK, Reference
from exclusive_redis_xcom.model import Coordinate

PUSHED = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=timezone.utc)

REFERENCE = Reference(
    coordinate=Coordinate("sales", "manual__2026-01-02T03:04:05+00:00", "extract", "token", 3),
    version="0123456789abcdef0123456789abcdef",
    type_name="dict",
    size=117,
    consumers=("load", "reports/*"),
    rule="xcom_acl['extract']['token']",
    pushed_at=PUSHED,
    expires_at=PUSHED + timedelta(days=7),
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def body() -> dict[str, Any]:
    return copy.deepcopy(REFERENCE.to_json()[MARK])


def test_a_reference_survives_the_database() -> None:
    assert references.parse(json.loads(json.dumps(REFERENCE.to_json()))) == REFERENCE


def test_a_reference_shows_an_auditor_type_size_consumers_and_expiry() -> None:
    shown = body()

    assert (shown["type"], shown["size"], shown["consumers"]) == ("dict", 117, ["load", "reports/*"])
    assert shown["expires_at"] == "2026-01-09T03:04:05.678000+00:00"


def test_the_ttl_is_the_span_between_push_and_expiry() -> None:
    assert REFERENCE.ttl == timedelta(days=7)


def test_a_long_list_of_consumers_is_shown_in_part_and_still_parses() -> None:
    many = Reference(**{**_fields(REFERENCE), "consumers": tuple(f"task_{i}" for i in range(500))})

    parsed = references.parse(many.to_json())

    assert len(parsed.consumers) == 51
    assert parsed.consumers[-1] == "... and 450 more"


@pytest.mark.parametrize(
    "value",
    [None, 1, "text", [], {}, {"value": 1}, {MARK: {}, "other": 1}],
    ids=["null", "number", "text", "list", "empty object", "plain object", "our key among others"],
)
def test_other_rows_are_not_taken_for_references(value: Any) -> None:
    assert not references.is_reference(value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("v", 2),
        ("v", "1"),
        ("version", "0123"),
        ("version", "0123456789ABCDEF0123456789ABCDEF"),
        ("version", 5),
        ("type", None),
        ("size", -1),
        ("size", True),
        ("size", 1.5),
        ("size", 2**60),
        ("consumers", "load"),
        ("consumers", [1]),
        ("consumers", ["x"] * 1000),
        ("rule", ["x"]),
        ("pushed_at", "yesterday"),
        ("pushed_at", "2026-01-02T03:04:05"),
        ("pushed_at", "0001-01-01T00:00:00+14:00"),
        ("expires_at", 1767323045),
        ("coordinate", []),
        ("coordinate", {}),
    ],
)
def test_a_reference_with_a_malformed_field_is_refused(field: str, value: Any) -> None:
    forged = body() | {field: value}

    with pytest.raises(InvalidReference):
        references.parse({MARK: forged})


@pytest.mark.parametrize("field", sorted(body()))
def test_a_reference_without_one_of_its_fields_is_refused(field: str) -> None:
    forged = body()
    del forged[field]

    with pytest.raises(InvalidReference):
        references.parse({MARK: forged})


def test_a_reference_with_an_unknown_field_is_refused() -> None:
    with pytest.raises(InvalidReference):
        references.parse({MARK: body() | {"owner": "me"}})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dag_id", 1),
        ("task_id", None),
        ("map_index", "3"),
        ("map_index", -2),
        ("map_index", 2**31),
        ("key", "k" * 9999),
    ],
)
def test_a_reference_with_a_malformed_coordinate_is_refused(field: str, value: Any) -> None:
    forged = body()
    forged["coordinate"][field] = value

    with pytest.raises(InvalidReference):
        references.parse({MARK: forged})


def test_the_refusal_of_a_forged_reference_does_not_repeat_its_content() -> None:
    forged = body() | {"version": "canary-3141"}

    with pytest.raises(InvalidReference) as caught:
        references.parse({MARK: forged})

    assert "canary-3141" not in str(caught.value)


@given(json_values)
def test_any_json_is_a_reference_or_refused(value: Any) -> None:
    try:
        parsed = references.parse({MARK: value})
    except InvalidReference:
        return
    assert isinstance(parsed, Reference)


@given(st.sampled_from(sorted(body())), json_values)
def test_any_content_of_any_field_is_parsed_or_refused(field: str, value: Any) -> None:
    try:
        references.parse({MARK: body() | {field: value}})
    except InvalidReference:
        pass
    else:
        assert references.parse({MARK: body() | {field: value}}).to_json()[MARK].keys() == body().keys()


def _fields(reference: Reference) -> dict[str, Any]:
    return {name: getattr(reference, name) for name in Reference.__dataclass_fields__}
