"""May this stored value be read? The table of cases."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.model import Coordinate, Principal
from exclusive_redis_xcom.store import Stored
from exclusive_redis_xcom.task.may_read import Permission, RuleTexts, may_read
from tests.unit.sealed_reference import AT, EXTRACT, LOAD, REPORT, VERSION, acl_in_force

OTHER_VERSION = "f" * 32
MAPPED = replace(AT, map_index=0)
PRODUCER = replace(EXTRACT, map_index=0)
SIBLING = replace(EXTRACT, map_index=1)


def rule(*consumers: str, **options: Any) -> bytes:
    return acl_in_force({"consumers": list(consumers), **options}).dumps()


LOAD_ALONE = rule("load")
REPORT_ALONE = rule("report")
ONCE = rule("load", once=True)
HOURLY = rule("load", ttl_seconds=3600)
OF_ANOTHER_XCOM = acl_in_force(("load",), replace(AT, key="other")).dumps()
UNREADABLE = b"{"


def value(at: Coordinate = AT, *, age: timedelta = timedelta(0), version: str = VERSION) -> Envelope:
    pushed_at = datetime.now(timezone.utc) - age
    return Envelope(at, version, "raw", "off", 1, pushed_at, (b"x",))


def one(acl: bytes | None, **changes: Any) -> tuple[Coordinate, Stored]:
    """A value of a task that is not mapped."""
    return AT, replace(Stored(acl, value(), found=True), **changes)


def mapped(acl: bytes | None, own_acl: bytes | None, **changes: Any) -> tuple[Coordinate, Stored]:
    """A value of a mapped task: the rule of the hash, and the value's own."""
    return MAPPED, replace(Stored(acl, value(MAPPED), found=True, own_acl=own_acl), **changes)


TWO_HOURS = {"envelope": value(MAPPED, age=timedelta(hours=2))}
SUPERSEDED = {"envelope": value(version=OTHER_VERSION)}

# Case: what Redis holds, who asks, what is in the way; the same under `mode = report`; how many rules refuse there.
CASES: dict[str, tuple[tuple[Coordinate, Stored], Principal | None, str | None, str | None, int]] = {
    "the rule allows the reader": (one(LOAD_ALONE), LOAD, None, None, 0),
    "the rule names somebody else": (one(LOAD_ALONE), REPORT, "denied", None, 1),
    "nobody knows who asks": (one(LOAD_ALONE), None, "denied", None, 1),
    "the producer reads its own": (one(LOAD_ALONE), EXTRACT, None, None, 0),
    "a reader of another run": (one(rule("load", same_run=True)), replace(LOAD, run_id="run_2"), "denied", None, 1),
    "there is no rule": (one(None), LOAD, "denied", None, 1),
    "the rule cannot be read": (one(UNREADABLE), LOAD, "denied", None, 1),
    "the rule is of another XCom": (one(OF_ANOTHER_XCOM), LOAD, "denied", None, 1),
    "an own rule counts only for mapped tasks": (one(LOAD_ALONE, own_acl=REPORT_ALONE), LOAD, None, None, 0),
    "the hash is gone": (one(None, envelope=None, found=False), LOAD, "gone", "gone", 0),
    "the hash is gone, whoever asks": (one(None, envelope=None, found=False), None, "gone", "gone", 0),
    "the value is gone": (one(LOAD_ALONE, envelope=None), LOAD, "gone", "gone", 0),
    "who is refused is not told that the value is gone": (one(LOAD_ALONE, envelope=None), REPORT, "denied", "gone", 1),
    "another version": (one(LOAD_ALONE, **SUPERSEDED), LOAD, "superseded", "superseded", 0),
    "who is refused is not told of another version": (one(LOAD_ALONE, **SUPERSEDED), REPORT, "denied", "superseded", 1),
    "once": (one(ONCE), LOAD, "unclaimed", "unclaimed", 0),
    "once, for somebody else": (one(ONCE), REPORT, "denied", "unclaimed", 1),
    "once, for the producer": (one(ONCE), EXTRACT, None, None, 0),
    "once, of another version": (one(ONCE, **SUPERSEDED), LOAD, "superseded", "superseded", 0),
    "a long time ago, not mapped": (
        one(HOURLY, envelope=value(age=timedelta(9))),
        LOAD,
        None,
        None,
        0,
    ),
    "mapped: both rules allow": (mapped(LOAD_ALONE, LOAD_ALONE), LOAD, None, None, 0),
    "mapped: the own rule refuses": (mapped(LOAD_ALONE, REPORT_ALONE), LOAD, "denied", None, 1),
    "mapped: the rule of the hash refuses": (mapped(REPORT_ALONE, LOAD_ALONE), LOAD, "denied", None, 1),
    "mapped: both refuse": (mapped(REPORT_ALONE, REPORT_ALONE), LOAD, "denied", None, 2),
    "mapped: there is no own rule": (mapped(LOAD_ALONE, None), LOAD, "denied", None, 1),
    "mapped: nothing of it is left": (mapped(LOAD_ALONE, None, envelope=None), LOAD, "gone", "gone", 0),
    "mapped: who is refused is not told that nothing is left": (
        mapped(REPORT_ALONE, None, envelope=None),
        LOAD,
        "denied",
        "gone",
        1,
    ),
    "mapped: nothing is left, and the rule of the hash cannot be read": (
        mapped(UNREADABLE, None, envelope=None),
        LOAD,
        "denied",
        "gone",
        1,
    ),
    "mapped: the own rule cannot be read": (mapped(LOAD_ALONE, UNREADABLE), LOAD, "denied", None, 1),
    "mapped: there is no rule of the hash": (mapped(None, LOAD_ALONE), LOAD, "denied", None, 1),
    "mapped: the rule of the hash cannot be read": (mapped(UNREADABLE, LOAD_ALONE), LOAD, "denied", None, 1),
    "mapped: outlived": (mapped(LOAD_ALONE, HOURLY, **TWO_HOURS), LOAD, "gone", "gone", 0),
    "mapped: within its time": (mapped(LOAD_ALONE, HOURLY), LOAD, None, None, 0),
    "mapped: the TTL of a sibling counts for nothing": (mapped(HOURLY, LOAD_ALONE, **TWO_HOURS), LOAD, None, None, 0),
    "mapped: who is refused is not told that it is outlived": (
        mapped(LOAD_ALONE, rule("report", ttl_seconds=3600), **TWO_HOURS),
        LOAD,
        "denied",
        "gone",
        1,
    ),
    "mapped: once by the own rule": (mapped(LOAD_ALONE, ONCE), LOAD, "unclaimed", "unclaimed", 0),
    "mapped: once by a sibling's rule alone": (mapped(ONCE, LOAD_ALONE), LOAD, None, None, 0),
    "mapped: once, for the instance that produced it": (mapped(ONCE, ONCE), PRODUCER, None, None, 0),
    "mapped: once, for a sibling of the producer": (mapped(ONCE, ONCE), SIBLING, "unclaimed", "unclaimed", 0),
    "mapped: once, for the same instance of another run": (
        mapped(ONCE, ONCE),
        replace(PRODUCER, run_id="run_2"),
        "unclaimed",
        "unclaimed",
        0,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_in_the_way_of_a_read(case: Any) -> None:
    (at, stored), reader, obstacle, _, _ = case

    assert may_read(stored, at, reader, version=VERSION).obstacle == obstacle


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_under_mode_report_a_rule_that_refuses_is_told_and_not_in_the_way(case: Any) -> None:
    (at, stored), reader, _, obstacle, refusing = case

    permission = may_read(stored, at, reader, version=VERSION, reports_only=True)

    assert permission.obstacle == obstacle
    assert [denial.decision.allowed for denial in permission.denials] == [False] * refusing


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_refusal_names_the_first_rule_that_refuses(case: Any) -> None:
    (at, stored), reader, obstacle, _, _ = case

    permission = may_read(stored, at, reader, version=VERSION)

    assert len(permission.denials) == (obstacle == "denied")
    assert all(denial.decision.reason for denial in permission.denials)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_was_known_of_the_same_rules_changes_nothing(case: Any) -> None:
    (at, stored), reader, _, _, _ = case
    known: dict[RuleTexts, Permission] = {}

    found = [may_read(stored, at, reader, version=VERSION, known=known) for _ in range(3)]

    assert found == [may_read(stored, at, reader, version=VERSION)] * 3


def test_what_is_known_of_one_value_is_not_known_of_its_siblings() -> None:
    known: dict[RuleTexts, Permission] = {}
    gone = mapped(LOAD_ALONE, HOURLY, **TWO_HOURS)

    obstacles = [
        may_read(stored, at, LOAD, known=known).obstacle
        for at, stored in (gone, mapped(LOAD_ALONE, HOURLY), mapped(LOAD_ALONE, REPORT_ALONE), gone)
    ]

    assert obstacles == ["gone", None, "denied", "gone"]


def test_the_results_of_a_mapped_task_share_one_answer() -> None:
    known: dict[RuleTexts, Permission] = {}
    at, stored = mapped(LOAD_ALONE, HOURLY)

    first, second = (may_read(stored, at, LOAD, known=known) for _ in range(2))

    assert first is second


def test_without_a_version_any_version_may_be_read() -> None:
    at, stored = one(LOAD_ALONE, **SUPERSEDED)

    assert may_read(stored, at, LOAD).obstacle is None


def test_the_rule_that_is_handed_on_is_the_values_own() -> None:
    at, stored = mapped(LOAD_ALONE, HOURLY)

    acl = may_read(stored, at, LOAD).acl

    assert acl is not None
    assert acl.dumps() == HOURLY


def test_under_mode_report_an_unreadable_rule_is_handed_on_as_none() -> None:
    at, stored = one(UNREADABLE)

    assert may_read(stored, at, LOAD, reports_only=True).acl is None


def test_the_answer_holds_no_value() -> None:
    canary = replace(value(), payload=(b"canary-3141592653",))
    at, stored = one(LOAD_ALONE, envelope=canary)

    assert "canary" not in repr(may_read(stored, at, REPORT))
