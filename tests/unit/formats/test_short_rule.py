"""The rule in a seal, without what its reference says: the same bytes come back, and each rule has one form."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.acl import Acl
from exclusive_redis_xcom.acl.rule import Rule
from exclusive_redis_xcom.formats import short_rule
from exclusive_redis_xcom.model import Coordinate

AT = Coordinate("sales", "run_1", "extract", "token")
TTL = 604_800_000
RULE = Rule("extract", "token", ("load",), "xcom_acl['extract']['token']", timedelta(milliseconds=TTL), exact=True)
USUAL = {"consumers": ["load"], "source": "xcom_acl['extract']['token']"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
texts = st.text(st.characters(), max_size=12)
rules = st.builds(
    lambda dag_id, rule: (dag_id, rule),
    texts | st.just("sales"),
    st.builds(
        Rule,
        texts | st.just("extract"),
        texts | st.just("token"),
        st.lists(st.text(st.characters(exclude_characters="/"), min_size=1, max_size=9), max_size=4).map(tuple),
        st.text(st.characters(exclude_categories=("C", "Z")), max_size=20),
        st.none() | st.integers(1, 10**9).map(lambda number: timedelta(milliseconds=number)) | st.just(RULE.ttl),
        same_run=st.booleans(),
        once=st.booleans(),
        restricted=st.booleans(),
        exact=st.just(True),
    ),
)


def dumped(rule: Rule = RULE, dag_id: str = "sales") -> bytes:
    return Acl(dag_id, (rule,), "nobody").dumps()


def test_a_usual_rule_is_its_consumers_and_its_source() -> None:
    assert short_rule.shorten(dumped(), AT, TTL) == USUAL
    assert short_rule.expand(USUAL, AT, TTL) == (dumped().decode(), ("load",), RULE.source)


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({"once": True}, {"once": True}),
        ({"same_run": True}, {"same_run": True}),
        ({"restricted": False}, {"restricted": False}),
        ({"ttl": None}, {"ttl_ms": None}),
        ({"ttl": timedelta(seconds=1)}, {"ttl_ms": 1000}),
        ({"producer": "other"}, {"producer": "other"}),
        ({"key": "other"}, {"key": "other"}),
    ],
)
def test_what_is_unusual_or_of_another_xcom_is_added(changes: dict[str, Any], more: dict[str, Any]) -> None:
    acl = dumped(replace(RULE, **changes))

    assert short_rule.shorten(acl, AT, TTL) == USUAL | more
    assert short_rule.expand(USUAL | more, AT, TTL)[0] == acl.decode()


@given(rules)
def test_the_same_bytes_come_back(rule: tuple[str, Rule]) -> None:
    acl = dumped(rule[1], rule[0])

    short = json.loads(json.dumps(short_rule.shorten(acl, AT, TTL)))

    assert isinstance(short, dict)
    assert short_rule.expand(short, AT, TTL)[0].encode() == acl


@pytest.mark.parametrize(
    "acl",
    [
        b"",
        b"text",
        b"[" * 100_000,
        b"[]",
        b"{}",
        json.dumps(json.loads(dumped())).encode(),  # with spaces
        dumped().replace(b'"version":1', b'"version":true'),
        dumped().replace(b'"once":false', b'"once":0'),
        dumped().replace(b'["load"]', b"[1]"),
        dumped().replace(b'"once":false', b'"once":false,"once":false'),
    ],
    ids=range(10),
)
def test_other_bytes_are_written_as_text(acl: bytes) -> None:
    assert short_rule.shorten(acl, AT, TTL) == acl.decode()
    assert short_rule.expand(acl.decode(), AT, TTL) == (acl.decode(), (), "")


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        [],
        {},
        dumped().decode(),  # it has a short form
        "\u20ac",
        {"consumers": ["load"]},
        {"source": ""},
        {**USUAL, "consumers": "load"},
        {**USUAL, "consumers": [1]},
        {**USUAL, "consumers": [["load"]]},
        {**USUAL, "consumers": {"load": 1}},
        {**USUAL, "source": None},
        {**USUAL, "owner": "me"},
        {**USUAL, "once": False},
        {**USUAL, "once": 1},
        {**USUAL, "once": None},
        {**USUAL, "restricted": True},
        {**USUAL, "restricted": 0},
        {**USUAL, "ttl_ms": TTL},
        {**USUAL, "ttl_ms": float(TTL)},
        {**USUAL, "ttl_ms": True},
        {**USUAL, "version": 1},
        {**USUAL, "version": True},
        {**USUAL, "version": 10**5000},
        {**USUAL, "dag_id": "sales"},
        {**USUAL, "producer": "extract"},
        {**USUAL, "key": ["token"]},
    ],
    ids=lambda value: str(value)[:60] if not isinstance(value, dict) or "version" not in value else "version",
)
def test_anything_else_is_refused_also_after_its_equals_were_read(value: Any) -> None:
    for more in ({"once": True}, {"restricted": False}, {"ttl_ms": 1}, {}):
        short_rule.expand(USUAL | more, AT, TTL)

    with pytest.raises(ValueError):  # noqa: PT011 - Python raises it, too, and nobody reads its text
        short_rule.expand(value, AT, TTL)


@given(json_values)
def test_any_json_is_expanded_to_what_is_shortened_to_it_or_refused(value: Any) -> None:
    for given_value in (value, {**USUAL, "once": value}, {**USUAL, "consumers": value}, {**USUAL, "ttl_ms": value}):
        try:
            text, _, _ = short_rule.expand(given_value, AT, TTL)
        except ValueError:
            continue
        assert short_rule.shorten(text.encode(), AT, TTL) == given_value


def test_a_long_rule_is_not_remembered() -> None:
    before = short_rule._remembered_text.cache_info().currsize, short_rule._remembered.cache_info().currsize
    acl = dumped(replace(RULE, consumers=tuple(f"task_{i}" for i in range(5000))))

    short = short_rule.shorten(acl, AT, TTL)

    assert short_rule.expand(short, AT, TTL)[0] == acl.decode()
    after = short_rule._remembered_text.cache_info().currsize, short_rule._remembered.cache_info().currsize
    assert after == before


@pytest.mark.parametrize(
    "value",
    [
        {"consumers": [""] * 100_000, "source": "a.py:1"},
        {"consumers": ["load"], "source": "a.py:1", "producer": "x" * 100_000},
        {"consumers": ["load"], "source": "a.py:1", "key": "x" * 100_000},
    ],
)
def test_nothing_long_that_a_task_pushes_is_remembered(value: Any) -> None:
    before = short_rule._remembered_text.cache_info().currsize

    short_rule.expand(value, AT, TTL)

    assert short_rule._remembered_text.cache_info().currsize == before


def test_what_was_shortened_may_be_changed() -> None:
    short: Any = short_rule.shorten(dumped(), AT, TTL)
    short["consumers"].append("thief")

    assert short_rule.shorten(dumped(), AT, TTL) == USUAL
