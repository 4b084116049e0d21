from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.acl import Acl, Rule, parse
from exclusive_redis_xcom.errors import InvalidAcl
from exclusive_redis_xcom.model import Coordinate
from tests.unit.acl.graphs import StubGraph

GOOD: dict[str, Any] = {
    "consumers": ["load"],
    "dag_id": "etl",
    "key": "token",
    "once": False,
    "producer": "extract",
    "restricted": True,
    "same_run": False,
    "source": "xcom_acl['extract']['token']",
    "ttl_ms": 60_000,
    "version": 1,
}


def canonical(fields: Any) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def test_the_form_in_redis_is_fixed() -> None:
    raw = {"extract": {"token": {"consumers": ["load"], "ttl_seconds": 60}}}
    acl = parse(raw, dag_id="etl", task_ids=["extract", "load"], default_consumers="same_dag")

    data = acl.in_force(Coordinate("etl", "r", "extract", "token"), StubGraph(("extract", "load"))).dumps()

    assert data == canonical(GOOD)
    assert Acl.loads(data).ttl == timedelta(minutes=1)


@pytest.mark.parametrize("convert", [bytes, bytearray, memoryview])
def test_any_kind_of_bytes_is_read(convert: Any) -> None:
    assert Acl.loads(convert(canonical(GOOD))).consumers == ("load",)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param([], id="a list"),
        pytest.param({}, id="no fields"),
        pytest.param({**GOOD, "more": 1}, id="a field too many"),
        pytest.param({name: value for name, value in GOOD.items() if name != "same_run"}, id="a field too few"),
        pytest.param({**GOOD, "version": 2}, id="another version"),
        pytest.param({**GOOD, "version": True}, id="a version that only equals one"),
        pytest.param({**GOOD, "consumers": "*/*"}, id="a text of consumers"),
        pytest.param({**GOOD, "consumers": [1]}, id="a consumer that is a number"),
        pytest.param({**GOOD, "consumers": [""]}, id="an empty consumer"),
        pytest.param({**GOOD, "consumers": ["a/b/c"]}, id="a consumer with two slashes"),
        pytest.param({**GOOD, "same_run": 0}, id="a number for a boolean"),
        pytest.param({**GOOD, "once": 1}, id="a number for once"),
        pytest.param({name: value for name, value in GOOD.items() if name != "once"}, id="no word of once"),
        pytest.param({**GOOD, "producer": None}, id="no producer"),
        pytest.param({**GOOD, "ttl_ms": 0}, id="no time to live"),
        pytest.param({**GOOD, "ttl_ms": -5}, id="a negative time to live"),
        pytest.param({**GOOD, "ttl_ms": 1.0}, id="a fraction"),
        pytest.param({**GOOD, "ttl_ms": 10**14}, id="a time to live beyond reason"),
    ],
)
def test_other_fields_are_refused(fields: Any) -> None:
    with pytest.raises(InvalidAcl, match="stored with this XCom"):
        Acl.loads(canonical(fields))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b"nobody", id="no JSON"),
        pytest.param(canonical(GOOD) + b" ", id="a space at the end"),
        pytest.param(json.dumps(GOOD, sort_keys=True).encode(), id="spaces between"),
        pytest.param(canonical(GOOD)[:-1] + b',"version":1}', id="a field twice"),
        pytest.param(canonical(GOOD)[:-1], id="cut off"),
        pytest.param(b"[" * 100_000, id="deeply nested"),
        pytest.param(b"1" * 100_000, id="a number of many digits"),
        pytest.param(b"NaN", id="not a number"),
        pytest.param(b" " * (1024 * 1024 + 1), id="too large"),
    ],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidAcl, match="stored with this XCom"):
        Acl.loads(data)


def test_the_refusal_does_not_repeat_what_was_stored() -> None:
    with pytest.raises(InvalidAcl) as caught:
        Acl.loads(canonical({**GOOD, "same_run": "hunter2"}))

    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_text_that_is_no_bytes_is_refused() -> None:
    with pytest.raises(InvalidAcl):
        Acl.loads(canonical(GOOD).decode())  # type: ignore[arg-type]


@given(st.binary(max_size=200))
def test_any_bytes_are_an_acl_or_refused(data: bytes) -> None:
    with pytest.raises(InvalidAcl):
        Acl.loads(data)


@given(st.integers(0, len(canonical(GOOD)) - 1), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_read_as_written(position: int, byte: int) -> None:
    data = bytearray(canonical(GOOD))
    data[position] = byte
    try:
        acl = Acl.loads(data)
    except InvalidAcl:
        return
    assert acl.dumps() == bytes(data)


def test_consumers_beyond_the_size_of_the_field_are_refused_at_the_push() -> None:
    tasks = tuple(f"{number:0240}" for number in range(5000))
    acl = parse({"*": "downstream"}, dag_id="etl", task_ids=tasks, default_consumers="nobody")

    with pytest.raises(InvalidAcl, match="Name the consumers with a pattern"):
        acl.in_force(Coordinate("etl", "r", tasks[0], "k"), StubGraph(tasks)).dumps()


@pytest.mark.parametrize("source", ["two\nlines", "\x1b[2J", "x" * 20_000], ids=["newline", "escape", "long"])
def test_a_source_that_could_forge_log_lines_is_refused(source: str) -> None:
    with pytest.raises(InvalidAcl, match="source"):
        Acl.loads(canonical({**GOOD, "source": source}))


class TestHowManyConsumers:
    """A stored rule is as cheap to decide by as a rule that a DAG may declare, whoever wrote it."""

    @pytest.mark.parametrize(
        ("consumers", "says"),
        [
            ([f"task_{number}_*" for number in range(1001)], "have more than 1000 patterns"),
            ([f"task_{number}" for number in range(10_001)], "are 10001, more than 10000"),
            (["*a" * 300], "have one of more than 501 characters"),
        ],
        ids=["patterns", "names", "a long one"],
    )
    def test_too_many_are_neither_written_nor_read(self, consumers: list[str], says: str) -> None:
        rule = Rule("extract", "token", tuple(consumers), "xcom_acl['*']", exact=True)

        with pytest.raises(InvalidAcl, match=says):
            Acl.loads(canonical({**GOOD, "consumers": consumers}))
        with pytest.raises(InvalidAcl) as caught:
            Acl("etl", (rule,), "nobody").dumps()

        assert str(caught.value).splitlines() == [
            f"The consumers of a rule {says}.",
            "The rule is xcom_acl['*'] in DAG 'etl'.",
            "Name the consumers with a pattern that matches more of them.",
        ]

    def test_as_many_as_are_allowed_are_read(self) -> None:
        names = [*(f"task_{number}" for number in range(9000)), *(f"task_{number}_*" for number in range(1000))]

        acl = Acl.loads(canonical({**GOOD, "consumers": names}))

        assert acl.consumers == tuple(names)
