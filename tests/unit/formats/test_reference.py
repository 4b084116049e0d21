"""The reference: what Airflow's database holds, and what is believed of it when it comes back. Formats 1 and 2."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.formats.reference import MARK, Reference
from exclusive_redis_xcom.model import Coordinate

PUSHED = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=timezone.utc)

ABOUT = "dict of 4, 117 bytes, for load and reports/* until 9 Jan 03:04 UTC; the value is in Redis"

REFERENCE = Reference(
    coordinate=Coordinate("sales", "manual__2026-01-02T03:04:05+00:00", "extract", "token", 3),
    version="0123456789abcdef0123456789abcdef",
    type_name="dict",
    size=117,
    consumers=("load", "reports/*"),
    rule="xcom_acl['extract']['token']",
    pushed_at=PUSHED,
    expires_at=PUSHED + timedelta(days=7),
    shape=(4,),
    about=ABOUT,
    format=2,
)
OF_FORMAT_1 = replace(REFERENCE, format=1, shape=None, about="")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


PARTS = ("details", "reference")


def body(reference: Reference = REFERENCE) -> dict[str, Any]:
    return copy.deepcopy(reference.to_json()[MARK])


def fields(part: str | None) -> list[str]:
    return sorted(body()[part] if part else body())


def changed(part: str | None, field: str, value: Any) -> Any:
    """The reference with one field replaced, on the outside or in one of its two parts."""
    forged = body()
    (forged[part] if part else forged)[field] = value
    return {MARK: forged}


def test_a_reference_survives_the_database() -> None:
    assert references.parse(json.loads(json.dumps(REFERENCE.to_json()))) == REFERENCE


def test_a_reference_begins_with_the_sentence_and_ends_with_the_machine_s_part() -> None:
    assert REFERENCE.to_json() == {
        "exclusive_redis_xcom": {
            "about": ABOUT,
            "details": {
                "type": "dict",
                "size": 117,
                "shape": "4",
                "consumers": ["load", "reports/*"],
                "rule": "xcom_acl['extract']['token']",
                "expires": "2026-01-09T03:04:05.678000+00:00",
            },
            "reference": {
                "v": 2,
                "coordinate": {
                    "dag_id": "sales",
                    "run_id": "manual__2026-01-02T03:04:05+00:00",
                    "task_id": "extract",
                    "map_index": 3,
                    "key": "token",
                },
                "version": "0123456789abcdef0123456789abcdef",
                "pushed_at": "2026-01-02T03:04:05.678000+00:00",
            },
        }
    }
    assert list(body()) == ["about", "details", "reference"]
    assert list(body()["details"]) == ["type", "size", "shape", "consumers", "rule", "expires"]


def test_postgresql_and_mysql_keep_the_order() -> None:
    # JSONB, and MySQL's JSON, sort keys by their length and then by their bytes.
    assert sorted(body(), key=lambda key: (len(key), key)) == list(body())


@pytest.mark.parametrize("shape", [(0,), (1000, 3), (1,) * 32, (2**40,)])
def test_a_shape_survives_the_database(shape: tuple[int, ...]) -> None:
    assert references.parse(replace(REFERENCE, shape=shape).to_json()).shape == shape


def test_a_value_without_dimensions_has_no_shape() -> None:
    without = replace(REFERENCE, shape=None)

    assert "shape" not in body(without)["details"]
    assert references.parse(without.to_json()) == without


def test_the_ttl_is_the_span_between_push_and_expiry() -> None:
    assert REFERENCE.ttl == timedelta(days=7)


def test_a_long_list_of_consumers_is_shown_in_part_and_still_parses() -> None:
    many = replace(REFERENCE, consumers=tuple(f"task_{i}" for i in range(500)))

    parsed = references.parse(many.to_json())

    assert len(parsed.consumers) == 51
    assert parsed.consumers[-1] == "... and 450 more"


@pytest.mark.parametrize("name", ["about", "type_name", "rule"])
def test_texts_for_people_are_one_bounded_line(name: str) -> None:
    changes: dict[str, Any] = {name: "a\n\u202e\ud800" + "x" * 5000}

    row = json.dumps(replace(REFERENCE, **changes).to_json())
    shown = getattr(references.parse(json.loads(row)), name)

    assert shown.startswith("a???xxx")
    assert shown.endswith("x...")
    assert len(shown) in (303, 1003)


@pytest.mark.parametrize(
    "value",
    [None, 1, "text", [], {}, {"value": 1}, {MARK: {}, "other": 1}],
    ids=["null", "number", "text", "list", "empty object", "plain object", "our key among others"],
)
def test_other_rows_are_not_taken_for_references(value: Any) -> None:
    assert not references.is_reference(value)


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        (None, "about", None),
        (None, "about", "x" * 304),
        (None, "about", "turned \u202e around"),
        (None, "about", "two\nlines"),
        (None, "details", []),
        (None, "reference", "text"),
        ("details", "type", None),
        ("details", "type", "x" * 1004),
        ("details", "type", "a\tb"),
        ("details", "size", -1),
        ("details", "size", True),
        ("details", "size", 1.5),
        ("details", "size", 2**60),
        ("details", "shape", ""),
        ("details", "shape", [1]),
        ("details", "shape", "-1"),
        ("details", "shape", "01"),
        ("details", "shape", "1 x"),
        ("details", "shape", "1 x 2 "),
        ("details", "shape", "\u0661"),
        ("details", "shape", "9" * 13),
        ("details", "shape", "9" * 5000),
        ("details", "shape", " x ".join("1" * 33)),
        ("details", "shape", None),
        ("details", "consumers", "load"),
        ("details", "consumers", [1]),
        ("details", "consumers", ["x\n"]),
        ("details", "consumers", ["x"] * 1000),
        ("details", "rule", ["x"]),
        ("details", "rule", "\x1b[2J"),
        ("details", "expires", 1767323045),
        ("details", "expires", "2026-01-02T03:04:05"),
        ("reference", "v", 1),
        ("reference", "v", 0),
        ("reference", "v", "2"),
        ("reference", "v", True),
        ("reference", "version", "0123"),
        ("reference", "version", "0123456789ABCDEF0123456789ABCDEF"),
        ("reference", "version", 5),
        ("reference", "pushed_at", "yesterday"),
        ("reference", "pushed_at", "2026-01-02T03:04:05"),
        ("reference", "pushed_at", "0001-01-01T00:00:00+14:00"),
        ("reference", "coordinate", []),
        ("reference", "coordinate", {}),
        ("reference", "seal", None),
    ],
)
def test_a_reference_with_a_malformed_field_is_refused(part: str | None, field: str, value: Any) -> None:
    with pytest.raises(InvalidReference):
        references.parse(changed(part, field, value))


@pytest.mark.parametrize(
    ("part", "field"),
    [(part, field) for part in (None, *PARTS) for field in fields(part) if field != "shape"],
)
def test_a_reference_without_one_of_its_fields_is_refused(part: str | None, field: str) -> None:
    forged = body()
    del (forged[part] if part else forged)[field]

    with pytest.raises(InvalidReference):
        references.parse({MARK: forged})


@pytest.mark.parametrize("part", [None, *PARTS])
def test_a_reference_with_an_unknown_field_is_refused(part: str | None) -> None:
    with pytest.raises(InvalidReference):
        references.parse(changed(part, "owner", "me"))


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
@pytest.mark.parametrize("reference", [REFERENCE, OF_FORMAT_1], ids=["format 2", "format 1"])
def test_a_reference_with_a_malformed_coordinate_is_refused(reference: Reference, field: str, value: Any) -> None:
    forged = body(reference)
    forged.get("reference", forged)["coordinate"][field] = value

    with pytest.raises(InvalidReference):
        references.parse({MARK: forged})


class TestFormat1:
    """The flat form that earlier revisions wrote."""

    WRITTEN: ClassVar = {
        "v": 1,
        "coordinate": {
            "dag_id": "sales",
            "run_id": "manual__2026-01-02T03:04:05+00:00",
            "task_id": "extract",
            "map_index": 3,
            "key": "token",
        },
        "version": "0123456789abcdef0123456789abcdef",
        "type": "dict",
        "size": 117,
        "consumers": ["load", "reports/*"],
        "rule": "xcom_acl['extract']['token']",
        "pushed_at": "2026-01-02T03:04:05.678000+00:00",
        "expires_at": "2026-01-09T03:04:05.678000+00:00",
    }

    def test_it_is_read(self) -> None:
        assert references.parse({MARK: self.WRITTEN}) == OF_FORMAT_1

    def test_the_ring_answers_it_in_the_same_format_so_that_older_workers_read_the_answer(self) -> None:
        assert references.parse({MARK: self.WRITTEN}).to_json() == {MARK: self.WRITTEN}

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("v", 0),
            ("v", 2),
            ("v", "1"),
            ("version", "0123"),
            ("type", None),
            ("size", True),
            ("consumers", [1]),
            ("consumers", ["x"] * 1000),
            ("rule", ["x"]),
            ("pushed_at", "2026-01-02T03:04:05"),
            ("expires_at", 1767323045),
            ("coordinate", []),
            ("about", "mixed"),
            ("details", {}),
        ],
    )
    def test_a_malformed_field_is_refused(self, field: str, value: Any) -> None:
        with pytest.raises(InvalidReference):
            references.parse({MARK: self.WRITTEN | {field: value}})

    @pytest.mark.parametrize("field", sorted(WRITTEN))
    def test_a_missing_field_is_refused(self, field: str) -> None:
        with pytest.raises(InvalidReference):
            references.parse({MARK: {name: value for name, value in self.WRITTEN.items() if name != field}})


NEWER = """\
A newer release of exclusive-redis-xcom than this process's pushed this XCom.
Its reference has a later format than 3, the latest that this process can read.
Upgrade the package here, then run this task again."""
MALFORMED = """\
This XCom row was edited or forged: its reference is malformed.
Field 'version' is not what exclusive-redis-xcom writes.
Clear the producing task, so that it pushes again."""
UNUSABLE = """\
The API server cannot use this XCom row's reference.
The row was edited or forged, or a release newer than the API server's wrote it.
Clear the producing task, so that it pushes again. Upgrade API servers before workers."""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({MARK: {"reference": {"v": 4}}}, NEWER),
        ({MARK: {"about": "...", "reference": {"v": 10**400, "at": []}}}, NEWER),
        ({MARK: {"v": 4, "other": "fields"}}, NEWER),
        (changed("reference", "version", "canary-3141"), MALFORMED),
        (references.unusable(), UNUSABLE),
        ({MARK: []}, MALFORMED.replace("version", "reference")),
        ("text", "This XCom row holds no reference of exclusive_redis_xcom."),
    ],
    ids=["newer", "much newer", "newer and flat", "malformed", "unusable", "no object", "no reference"],
)
def test_each_refusal_says_what_to_do(value: Any, text: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        references.parse(value)

    assert str(caught.value) == text


def test_the_refusal_of_a_forged_reference_does_not_repeat_its_content() -> None:
    with pytest.raises(InvalidReference) as caught:
        references.parse(changed("reference", "version", "canary-3141"))

    assert "canary-3141" not in str(caught.value)


@given(json_values)
def test_any_json_is_a_reference_or_refused(value: Any) -> None:
    try:
        parsed = references.parse({MARK: value})
    except InvalidReference:
        return
    assert isinstance(parsed, Reference)


@given(st.sampled_from([(part, field) for part in (None, *PARTS) for field in fields(part)]), json_values)
def test_any_content_of_any_field_is_parsed_or_refused(place: tuple[str | None, str], value: Any) -> None:
    forged = changed(*place, value)
    try:
        parsed = references.parse(forged)
    except InvalidReference:
        return
    assert parsed.to_json()[MARK].keys() == forged[MARK].keys()
