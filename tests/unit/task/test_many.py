"""May all of these results be read? The answer is that about each of them, in every case of rule, reader and age."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from exclusive_redis_xcom.acl import Acl
from exclusive_redis_xcom.formats import digests, shared_rules
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.model import Principal
from exclusive_redis_xcom.store import Alike
from exclusive_redis_xcom.store.alike import Batch, all_alike
from exclusive_redis_xcom.task import many
from exclusive_redis_xcom.task.encryption import decrypt_each
from exclusive_redis_xcom.task.may_read import may_read
from tests.unit.sealed_reference import AT, LOAD, REPORT, VERSION
from tests.unit.task.test_encryption import KEYS, SERVER, settings
from tests.unit.task.test_may_read import (
    HOURLY,
    LOAD_ALONE,
    OF_ANOTHER_XCOM,
    ONCE,
    PRODUCER,
    REPORT_ALONE,
    SIBLING,
    UNREADABLE,
)

NEW, OLD = timedelta(0), timedelta(hours=2)
RULES = {"load": LOAD_ALONE, "report": REPORT_ALONE, "once": ONCE, "hourly": HOURLY}
BROKEN = {"another's": OF_ANOTHER_XCOM, "unreadable": UNREADABLE}
READERS = {"load": LOAD, "report": REPORT, "producer": PRODUCER, "sibling": SIBLING, "nobody": None}
AGES = {"new": (NEW, NEW), "the first is old": (OLD, NEW), "the second is old": (NEW, OLD)}


def batch(
    of_key: bytes | None, own: bytes, ages: tuple[timedelta, ...] = (NEW, NEW), key_id: str | None = None
) -> Batch:
    """Return what Redis holds: the rule of the key, and results under a rule of their own."""
    now = datetime.now(timezone.utc)
    values = [
        Envelope(replace(AT, map_index=index), VERSION, "str", "off", 1, now - age, (b"x",), key_id).pack_compact(
            digests.rule_of(own)
        )
        for index, age in enumerate(ages)
    ]
    reply = [of_key, shared_rules.entry(own), *itertools.chain.from_iterable((value, None) for value in values)]
    return Batch(AT, range(len(ages)), reply)


def alike_of(found: Batch) -> tuple[Alike, ...]:
    alike = all_alike([found])
    assert alike is not None
    return alike


@pytest.mark.parametrize("ages", AGES.values(), ids=AGES)
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize("own", (RULES | BROKEN).values(), ids=RULES | BROKEN)
@pytest.mark.parametrize("of_key", [LOAD_ALONE, REPORT_ALONE, ONCE, UNREADABLE, None])
def test_all_or_the_usual_way(
    of_key: bytes | None, own: bytes, reader: Principal | None, ages: tuple[timedelta, ...]
) -> None:
    found = batch(of_key, own, ages)
    for reports_only in (False, True):
        each = [
            may_read(stored, replace(AT, map_index=index), reader, reports_only=reports_only)
            for index, stored in enumerate(found.stored())
        ]
        is_usual = all(one.obstacle is None and not one.denials and not one.once for one in each)

        rules = many.rules_of(alike_of(found), reader, reports_only=reports_only)

        assert rules == ([each[0].acl] if is_usual else None)


def test_the_reader_whom_the_rule_names_gets_all() -> None:
    assert many.rules_of(alike_of(batch(LOAD_ALONE, HOURLY)), LOAD) == [Acl.loads(HOURLY)]


def test_one_batch_that_is_special_is_enough() -> None:
    good, bad = alike_of(batch(LOAD_ALONE, LOAD_ALONE)), alike_of(batch(LOAD_ALONE, REPORT_ALONE))

    assert many.rules_of([*good, *good], LOAD) is not None
    assert many.rules_of([*good, *bad], LOAD) is None


@pytest.mark.parametrize(
    ("changes", "is_taken"),
    [
        ({}, True),
        ({"encryption_keys": KEYS}, False),
        ({"encryption_keys": KEYS, "allow_plaintext_read": True}, True),
        ({"enforcement": "server"}, False),
        ({"enforcement": "server", "allow_plaintext_read": True}, True),
    ],
)
def test_plain_payloads_are_taken_where_they_may_be_plain(changes: Any, is_taken: bool) -> None:
    (alike,) = alike_of(batch(LOAD_ALONE, LOAD_ALONE))

    found = decrypt_each(alike, None, (), Acl.loads(LOAD_ALONE), settings(**changes))

    assert found == ([b"x", b"x"] if is_taken else None)


@pytest.mark.parametrize("key_id", ["enc:0123456789abcdef", "seal:0123456789abcdef"])
def test_an_encrypted_payload_is_not_taken_for_a_plain_one(key_id: str) -> None:
    (alike,) = alike_of(batch(LOAD_ALONE, LOAD_ALONE, key_id=key_id))

    assert decrypt_each(alike, None, (), Acl.loads(LOAD_ALONE), settings(allow_plaintext_read=True)) is None


@pytest.mark.parametrize(
    ("key_id", "rule", "is_taken"),
    [
        ("seal:0123456789abcdef", LOAD_ALONE, True),
        ("seal:0123456789abcdef", HOURLY, False),
        ("seal:1123456789abcdef", LOAD_ALONE, False),
        ("enc:0123456789abcdef", LOAD_ALONE, False),
        (None, LOAD_ALONE, False),
    ],
)
def test_a_sealed_payload_is_taken_under_the_rule_and_the_key_of_its_seal(
    key_id: str | None, rule: bytes, is_taken: bool
) -> None:
    (alike,) = alike_of(batch(LOAD_ALONE, LOAD_ALONE, key_id=key_id))
    sealed = ("0123456789abcdef", rule)

    found = decrypt_each(alike, sealed, [bytes(32)] * 2, Acl.loads(LOAD_ALONE), SERVER)

    assert (found is not None) == is_taken
