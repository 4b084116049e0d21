"""Rules as generation 3 writes them, alone and in the list of a mapped task's rules."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exclusive_redis_xcom.acl import Acl
from exclusive_redis_xcom.acl.rule import Rule
from exclusive_redis_xcom.errors import InvalidAcl
from exclusive_redis_xcom.formats import digests, packed_rule, shared_rules
from exclusive_redis_xcom.model import Coordinate

AT = Coordinate("etl", "run", "extract", "token", 3)
NAMES = st.text(st.characters(), min_size=1, max_size=20)
SOURCE = "xcom_acl['extract']['token'] (linked) at dags/etl.py:12"


def rule(at: Coordinate = AT, source: str = SOURCE, consumers: tuple[str, ...] = ("load", "other/report")) -> bytes:
    return Acl(at.dag_id, (Rule(at.task_id, at.key, consumers, source, restricted=True, exact=True),), "nobody").dumps()


RULES = st.builds(
    lambda at, consumers, source, flags, ttl: (
        at,
        Acl(
            at.dag_id,
            (
                Rule(
                    at.task_id,
                    at.key,
                    tuple(consumers),
                    source,
                    ttl=None if ttl is None else timedelta(milliseconds=ttl),
                    once=flags[0],
                    restricted=flags[1],
                    same_run=flags[2],
                    exact=True,
                ),
            ),
            "nobody",
        ).dumps(),
    ),
    st.builds(Coordinate, NAMES, NAMES, NAMES, NAMES),
    st.lists(NAMES.filter(lambda name: "/" not in name), max_size=5),
    st.sampled_from([SOURCE, "default_consumers (same_dag)", "exclusive() at a.py:3", "", 'ü\\" at at']) | NAMES,
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
    st.none() | st.integers(1, 10**12),
)


@given(RULES)
@example((AT, rule()))
def test_what_was_packed_is_unpacked(case: tuple[Coordinate, bytes]) -> None:
    at, text = case

    packed = packed_rule.pack(text, at)

    assert packed_rule.unpack(packed, at) == text
    assert len(packed) < len(text)


@given(st.binary(max_size=300))
@example(b"")
@example(b'{"rule":1}')
@example(rule()[:-1] + b',"more":1}')
@example(rule().replace(b'"once":false', b'"once":1'))
@example(rule().replace(b'"ttl_ms":null', b'"ttl_ms":007'))
@example(rule().replace(b"load", b"lo\0d"))
def test_any_other_text_stays_as_it_is(text: bytes) -> None:
    assert packed_rule.unpack(packed_rule.pack(text, AT), AT) == text


def test_a_usual_rule_is_short_enough_for_a_small_hash() -> None:
    """A hash whose fields have at most 64 bytes takes a third of the memory."""
    assert len(rule(source="default_consumers (same_dag)", consumers=("*",))) > 180
    assert len(packed_rule.pack(rule(source="default_consumers (same_dag)", consumers=("*",)), AT)) == 22
    assert len(packed_rule.pack(rule(), AT)) == 53


@pytest.mark.parametrize("change", [{"dag_id": "e"}, {"task_id": "load"}, {"key": "other"}])
def test_a_rule_in_the_place_of_another_is_that_of_another_dag(change: dict[str, str]) -> None:
    found = packed_rule.unpack(packed_rule.pack(rule(), AT), dataclasses.replace(AT, **change))  # type: ignore[arg-type]

    assert Acl.loads(found).dag_id == change.get("dag_id", AT.dag_id) + "?"


@pytest.mark.parametrize("change", [{"run_id": "other"}, {"map_index": -1}])
def test_all_runs_and_map_indexes_have_the_same_packed_rule(change: dict[str, object]) -> None:
    packed = packed_rule.pack(rule(), AT)

    assert packed_rule.unpack(packed, dataclasses.replace(AT, **change)) == rule()  # type: ignore[arg-type]


@given(st.binary(max_size=200))
def test_hostile_bytes_are_a_rule_in_canonical_form_or_none(data: bytes) -> None:
    for hostile in (data, b"\3" + data, packed_rule.pack(rule(), AT)[:6] + data):
        found = packed_rule.unpack(hostile, AT)
        try:
            acl = Acl.loads(found)
        except InvalidAcl:
            continue
        assert acl.dumps() == found
        assert acl.dag_id in (AT.dag_id, f"{AT.dag_id}?")
        assert (acl.rules[0].producer, acl.rules[0].key) == (AT.task_id, AT.key)


LONG_NAMES = Coordinate("d" * 250, "run", "ü" * 250, "\U0001f600" * 512)


def test_a_sign_of_a_source_does_not_multiply_the_memory_for_a_rule() -> None:
    begin = b"\3" + digests.names_of(LONG_NAMES.dag_id, LONG_NAMES.task_id, LONG_NAMES.key) + b'\0"load"\0'
    hostile = begin + b"\1" * 1_000_000

    assert packed_rule.unpack(hostile, LONG_NAMES) == hostile
    assert len(packed_rule.unpack(begin + b"\1", LONG_NAMES)) > 12_000


def test_the_longest_source_is_packed_and_unpacked() -> None:
    text = rule(source=("xcom_acl['token'] " + "\U0001f600" * 1000) * 16)

    packed = packed_rule.pack(text, AT)

    assert len(packed) < len(text)
    assert packed_rule.unpack(packed, AT) == text


def test_a_list_of_rules_that_no_push_writes_takes_little_time_and_memory() -> None:
    names = digests.names_of(LONG_NAMES.dag_id, LONG_NAMES.task_id, LONG_NAMES.key)
    large = b"".join(
        shared_rules.entry(b"\3" + names + b'\0"load_%d"\0' % number + b"\1" * 20) for number in range(10_000)
    )

    assert len(shared_rules.by_digest(bytes(4_000_000), AT)) == 1
    assert sum(map(len, shared_rules.by_digest(large, LONG_NAMES).values())) < 9_000_000


def test_as_many_rules_as_pushes_write_are_read() -> None:
    entries = b""
    while len(entries) < 4096:
        entries += shared_rules.entry(b"%08d" % len(entries))

    assert len(shared_rules.by_digest(entries, AT)) == 4096 // 12 + 1


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=5), st.data())
def test_a_list_of_rules_is_read_up_to_where_it_is_cut(rules: list[bytes], data: st.DataObject) -> None:
    packed = b"".join(map(shared_rules.entry, rules))
    end = data.draw(st.integers(0, len(packed)))

    found = shared_rules.by_digest(packed[:end], AT)

    ends = [sum(len(each) + 4 for each in rules[: number + 1]) for number in range(len(rules))]
    expected = {packed_rule.unpack(each, AT) for each, at in zip(rules, ends, strict=True) if at <= end}
    assert set(found.values()) == expected
    assert all(digests.rule_of(text) == digest for digest, text in found.items())


def test_a_missing_list_holds_no_rules() -> None:
    assert shared_rules.by_digest(None, AT) == shared_rules.by_digest(b"", AT) == {}
