"""A reference with a wrapped key as one text: it is read back exactly, and nothing else is read."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats.reference import MARK, Reference, is_reference, map_index_of, parse, parse_stored
from exclusive_redis_xcom.formats.seal import Seal, encode_key
from exclusive_redis_xcom.model import Coordinate
from tests.unit.sealed_reference import PUBLIC, acl_in_force, sealed_reference

WRAPPED = bytes(range(60))
ABOUT = "str, 13 bytes, for load until 9 Jan 03:04 UTC; the value is in Redis, not here"
PUSHED = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=timezone.utc)


def of(reference: Reference) -> Reference:
    return replace(reference.wrapped(WRAPPED), about=ABOUT, pushed_at=PUSHED, expires_at=PUSHED + timedelta(days=7))


REFERENCE = of(parse(sealed_reference().to_json()))
TEXT: str = REFERENCE.to_json()[MARK]
ABOUT_LINE, MACHINE, RULE = TEXT.split("\n")
TO, KEY_ID, KEY = MACHINE.rsplit(" ", 2)

ids = st.text(st.sampled_from("a0_-.~:+/% \n\u00e9\u202e\ud800"), max_size=12)


def test_it_is_a_sentence_the_text_of_format_3_the_key_and_the_rule() -> None:
    pushed = replace(REFERENCE, seal=None).to_json()[MARK]

    assert [pushed["about"], pushed["reference"]["to"]] == [ABOUT_LINE, TO]
    assert [PUBLIC.key_id, encode_key(WRAPPED)] == [KEY_ID, KEY]
    assert json.loads(RULE) == sealed_reference().to_json()[MARK]["reference"]["seal"]["acl"]


@given(
    st.builds(Coordinate, ids, ids, ids, ids, st.integers(-1, 2**31 - 1), st.none() | ids),
    st.none() | st.lists(st.integers(0, 2**40), min_size=1, max_size=4).map(tuple),
    st.sampled_from([("load",), ("load", "report/*"), ("\u00e9",)]),
    st.text(st.characters(exclude_categories=("C", "Z")) | st.sampled_from(" %/"), max_size=20),
)
def test_what_is_written_is_read(
    at: Coordinate, shape: tuple[int, ...] | None, consumers: tuple[str, ...], type_name: str
) -> None:
    acl = acl_in_force(consumers)
    seal = Seal(PUBLIC.key_id, acl.dumps(), wrapped_key=WRAPPED)
    written = replace(REFERENCE, coordinate=at, shape=shape, type_name=type_name, seal=seal)

    row = json.loads(json.dumps(written.to_json()))

    assert is_reference(row)
    assert parse_stored(row) == replace(written, consumers=consumers, rule=acl.source)
    assert map_index_of(row) == at.map_index


def test_a_wrapped_reference_of_an_earlier_format_keeps_its_object() -> None:
    assert isinstance(replace(REFERENCE, format=2).to_json()[MARK], dict)


def test_the_object_that_earlier_builds_wrote_is_read() -> None:
    seal = {"key_id": KEY_ID, "acl": json.loads(RULE), "wrapped": KEY}

    assert parse_stored({MARK: {"about": ABOUT, "reference": {"v": 3, "to": TO, "seal": seal}}}) == REFERENCE


def joined(about: str = ABOUT_LINE, to: str = TO, key_id: str = KEY_ID, key: str = KEY, rule: str = RULE) -> str:
    return f"{about}\n{to} {key_id} {key}\n{rule}"


MALFORMED = {
    "two line breaks": "\n\n",
    "a further line": TEXT + "\n",
    "a sentence that turns text": joined(about="\u202e"),
    "a long sentence": joined(about="x" * 1000),
    "no coordinate": joined(to=TO.partition(" ")[2]),
    "a coordinate without a task": joined(to=TO.replace("/", " ", 1)),
    "a version of other bits": joined(to=TO.replace(TO.split(" ")[1], "A" * 21 + "B")),
    "a map_index with a zero before": joined(to=TO.replace(" ", "/07 ", 1)),
    "a short id of a key": joined(key_id=KEY_ID[:-1]),
    "an id of a key in capitals": joined(key_id="ABCDEF0123456789"),
    "a short key": joined(key=KEY[:-4]),
    "a key of other letters": joined(key="=" * 80),
    "no rule": joined(rule=""),
    "a rule with spaces": joined(rule=RULE.replace(":", ": ")),
    "a rule in another order": joined(rule=json.dumps(dict(reversed(json.loads(RULE).items())), separators=(",", ":"))),
    "a rule with what the text says": joined(rule=RULE[:-1] + ',"version":1}'),
    "a rule that nests without end": joined(rule="[" * 20_000),
    "too many characters": joined(to="x" * 50_000 + TO),
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_nothing_else_is_read(text: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        parse({MARK: text})

    assert KEY not in str(caught.value)
