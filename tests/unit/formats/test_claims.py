from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exclusive_redis_xcom.formats import claims
from exclusive_redis_xcom.model import Coordinate, Principal

LOAD = Principal("etl", "load", "r1", -1)
IDS = st.text(max_size=250)
PRINCIPALS = st.builds(Principal, IDS, IDS, IDS, st.integers(-1, 2**31 - 1))


@pytest.mark.parametrize(
    ("holder", "claim"),
    [
        (None, claims.Claim("gone")),
        (b"", claims.Claim("withheld")),
        (b"one", claims.Claim("granted", "one")),
        (b"one ", claims.Claim("taken", "one ")),
        (b"on", claims.Claim("taken", "on")),
        (b"\xff", claims.Claim("taken", "\ufffd")),
        (b"x" * 100_000, claims.Claim("taken", "x" * 16 * 1024)),
    ],
)
def test_a_claim_is_granted_to_its_very_holder_only(holder: bytes | None, claim: claims.Claim) -> None:
    assert claims.Claim.of(holder, "one") == claim


def test_the_text_of_a_claimer_is_fixed() -> None:
    assert claims.claimer_text(LOAD) == '["etl","load","r1",-1]'


@given(PRINCIPALS, PRINCIPALS)
@example(Principal("a", "b,c", "d", 0), Principal("a,b", "c", "d", 0))
@example(Principal("\ud83d\ude00", "", "", -1), Principal("\U0001f600", "", "", -1))
def test_two_task_instances_have_different_texts(one: Principal, other: Principal) -> None:
    if _is_pair(one) or _is_pair(other):
        return  # two halves of a surrogate pair are no id that Airflow can keep
    assert (claims.claimer_text(one) == claims.claimer_text(other)) == (one == other)


@given(PRINCIPALS)
def test_a_text_is_ascii_and_far_below_its_bound(principal: Principal) -> None:
    text = claims.claimer_text(principal)

    assert text.isascii()
    assert 0 < len(text) < 16 * 1024


@pytest.mark.parametrize("principal", [Principal("d", "t", None, -1), Principal("d", "t", "r", None)])
def test_who_is_no_single_task_instance_cannot_claim(principal: Principal) -> None:
    with pytest.raises(ValueError, match="known"):
        claims.claimer_text(principal)


@pytest.mark.parametrize(
    ("principal", "is_producer"),
    [
        (Principal("etl", "extract", "r1", 3), True),
        (Principal("etl", "extract", "r1", 4), False),
        (Principal("etl", "extract", "r1", None), False),
        (Principal("etl", "extract", "r2", 3), False),
        (Principal("etl", "extract", None, 3), False),
        (Principal("etl", "load", "r1", 3), False),
        (Principal("bi", "extract", "r1", 3), False),
        (None, False),
    ],
)
def test_only_the_very_task_instance_is_the_producer(principal: Principal | None, is_producer: bool) -> None:
    assert claims.is_producer(principal, Coordinate("etl", "r1", "extract", "token", 3)) is is_producer


@pytest.mark.parametrize(
    ("principal", "words"),
    [
        (LOAD, "task 'load' of DAG 'etl' (run 'r1')"),
        (Principal("etl", "load", "r1", 3), "task 'load' [map_index 3] of DAG 'etl' (run 'r1')"),
    ],
)
def test_a_claimer_is_described_as_a_task_instance(principal: Principal, words: str) -> None:
    assert claims.describe(claims.claimer_text(principal)) == words


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(None, id="nothing"),
        pytest.param("", id="empty"),
        pytest.param("one", id="no JSON"),
        pytest.param('"load"', id="a text"),
        pytest.param("{}", id="an object"),
        pytest.param('["etl","load","r1"]', id="a part too few"),
        pytest.param('["etl","load","r1",-1,0]', id="a part too many"),
        pytest.param('["etl","load","r1",true]', id="a boolean for a number"),
        pytest.param('["etl","load",null,-1]', id="no run"),
        pytest.param('["etl","load",["r1"],-1]', id="a list for a text"),
        pytest.param('["etl","load","r1",' + "9" * 5000 + "]", id="a number of many digits"),
        pytest.param('["etl","load","r1",' + "9" * 11 + "]", id="a number of eleven digits"),
        pytest.param("[" * 10_000, id="deeply nested"),
        pytest.param(json.dumps(["x" * 20_000, "load", "r1", -1]), id="too long"),
    ],
)
def test_what_is_no_claimer_is_not_repeated(text: str | None) -> None:
    assert claims.describe(text) == "a task instance whose name in Redis is not readable"


def test_a_forged_claimer_cannot_write_a_second_line_or_turn_the_text() -> None:
    forged = json.dumps(["etl", "load\n2026-01-01 ERROR", "\x1b[31m\u202e", 0])

    assert claims.describe(forged) == "task 'load?2026-01-01 ERROR' [map_index 0] of DAG 'etl' (run '?[31m?')"


def test_ids_and_map_indexes_as_long_as_airflow_takes_them_are_shown_in_full() -> None:
    assert claims.describe(json.dumps(["d" * 250, "t", "r", 2_147_483_647])) == (
        f"task 't' [map_index 2147483647] of DAG '{'d' * 250}' (run 'r')"
    )


def test_a_forged_long_name_is_cut() -> None:
    assert len(claims.describe(json.dumps(["d" * 5000, "t" * 5000, "r" * 5000, 0]))) < 1000


@given(st.text(max_size=300) | st.builds(json.dumps, st.lists(st.text() | st.integers() | st.none(), max_size=5)))
def test_any_text_becomes_one_short_printable_line(text: str) -> None:
    described = claims.describe(text)

    assert described.isprintable()
    assert len(described) < 1000


def _is_pair(principal: Principal) -> bool:
    ids = (principal.dag_id, principal.task_id, principal.run_id or "")
    return any("\ud800" <= character <= "\udfff" for name in ids for character in name)
