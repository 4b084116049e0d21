"""The first line of an error is short, whatever ids there are; the whole ids stand below."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.acl import Acl, Rule, decide
from exclusive_redis_xcom.errors import XComAlreadyClaimed, XComExpired, XComNotSerializable, XComTooLarge
from exclusive_redis_xcom.formats.reference import Reference
from exclusive_redis_xcom.model import Coordinate, Principal
from exclusive_redis_xcom.reporting import losses, refusals

AT = Coordinate("etl", "run_1", "extract", "token")
REPORT = Principal("etl", "report", "run_1", -1)
WHERE = "XCom 'token' of task 'extract' in DAG 'etl', run 'run_1'."
ASKED = f"{WHERE} Asked by task 'report' of DAG 'etl' (run 'run_1')."

names = st.text(min_size=1, max_size=250)


def in_force(at: Coordinate, *consumers: str) -> Acl:
    source = f"xcom_acl[{at.task_id!r}][{at.key!r}]"
    return Acl(at.dag_id, (Rule(at.task_id, at.key, consumers, source, exact=True),), "nobody")


def denied(at: Coordinate, principal: Principal, *consumers: str) -> list[str]:
    acl = in_force(at, *consumers)
    return str(refusals.pull_denied(at, principal, decide(acl, at, principal), acl)).split("\n")


@given(
    names, names, names, names, st.lists(names.filter(lambda name: "/" not in name and "*" not in name), max_size=30)
)
def test_the_decision_fits_on_a_line_that_is_shown_whole(
    dag_id: str, task_id: str, key: str, asker: str, consumers: list[str]
) -> None:
    at = Coordinate(dag_id, "run_1", task_id, key)
    others = [name for name in consumers if name != asker]
    for principal in (Principal(f"{dag_id}2", asker, "run_1", 3), Principal(dag_id, f"{asker}?", "run_1", -1)):
        if (principal.dag_id, principal.task_id) == (at.dag_id, at.task_id) or principal.task_id in others:
            continue
        decision = denied(at, principal, *others)[0]
        assert len(decision) <= 100
        assert decision.isprintable()
        assert " may not pull '" in decision


@pytest.mark.parametrize(
    ("consumers", "says"),
    [
        ((), "only extract itself may."),
        (("load",), "only load may."),
        (("load", "reload"), "only load and reload may."),
        (("load", "bi/daily", "group.*"), "only load, bi/daily and group.* may."),
        (("load", "a", "b", "c", "d"), "only load, a, b and 2 more may."),
    ],
)
def test_it_says_who_may(consumers: tuple[str, ...], says: str) -> None:
    assert denied(AT, REPORT, *consumers)[0] == f"report may not pull 'token' of extract: {says}"


def test_all_tasks_of_the_dag_may_and_another_dags_may_not() -> None:
    decision, *_, where = denied(AT, Principal("bi", "daily", "run_9", 2), "*")

    assert decision == "bi/daily[2] may not pull 'token' of extract: only tasks of etl may."
    assert where == f"{WHERE} Asked by task 'daily' [map_index 2] of DAG 'bi' (run 'run_9')."


def test_long_ids_keep_their_ends_and_stand_whole_below() -> None:
    at = Coordinate("etl", "run_1", "group." + "x" * 100 + ".extract", "token")

    decision, *_, where = denied(at, REPORT, "load")

    assert decision.startswith("report may not pull 'token' of group.x")
    assert decision.endswith(".extract: only load may.")
    assert f"'{at.task_id}'" in where


def test_fewer_consumers_are_named_before_a_name_is_shortened() -> None:
    consumers = ("consumer_with_a_long_name", "another_one_with_a_long_name", "third")

    assert denied(AT, REPORT, *consumers)[0] == (
        "report may not pull 'token' of extract: only consumer_with_a_long_name and 2 more may."
    )


def test_a_mapped_producer_has_its_index() -> None:
    at = Coordinate("etl", "run_1", "extract", "token", 3)

    assert denied(at, REPORT, "load")[0] == "report may not pull 'token' of extract[3]: only load may."


def test_what_was_claimed() -> None:
    error = refusals.already_claimed(AT, REPORT, "task 'load' of DAG 'etl' (run 'run_1')")

    assert type(error) is XComAlreadyClaimed
    assert str(error).splitlines() == [
        "report may not pull 'token' of extract: it may be read once, and it was.",
        "It was claimed by task 'load' of DAG 'etl' (run 'run_1').",
        "Clear extract to push it again. If several tasks need the value, take 'once' out of the rule.",
        ASKED,
    ]


class TestErrorsAboutValues:
    def test_a_short_one_goes_on_after_the_name_of_the_xcom(self) -> None:
        error = refusals.of_value(AT, "pushed", XComTooLarge("The value takes 9 bytes.\nThe limit is 8.\nPush less."))

        assert type(error) is XComTooLarge
        assert str(error).splitlines() == [
            "'token' of extract was not pushed: the value takes 9 bytes.",
            "The limit is 8.",
            "Push less.",
            WHERE,
        ]

    def test_a_long_one_has_a_line_of_its_own(self) -> None:
        text = f"The value {'x' * 85}."

        assert str(refusals.of_value(AT, "pulled", XComNotSerializable(text))).splitlines() == [
            "'token' of extract was not pulled.",
            text,
            WHERE,
        ]

    def test_a_name_keeps_its_capital(self) -> None:
        error = refusals.of_value(AT, "pulled", XComTooLarge("Frames of polars need polars."))

        assert str(error).splitlines()[0] == "'token' of extract was not pulled: Frames of polars need polars."


class TestLosses:
    """What is gone has expired only if its time was over."""

    def reference(self, *, left: timedelta) -> Reference:
        expires_at = datetime.now(timezone.utc) + left
        return Reference(AT, "0" * 32, "str", 5, (), "", expires_at - timedelta(hours=1), expires_at)

    def test_it_expired(self) -> None:
        reference = self.reference(left=timedelta(minutes=-1))

        error = losses.expired(reference)

        assert type(error) is XComExpired
        assert str(error).splitlines() == [
            "'token' of extract is no longer in Redis: it expired.",
            f"It expired at {reference.expires_at.isoformat(timespec='seconds')}. "
            f"It was pushed at {reference.pushed_at.isoformat(timespec='seconds')} with a TTL of 3600 s.",
            "Clear extract to push it again. "
            "To keep such values longer, raise ttl_seconds of the rule or of the setting.",
            WHERE,
        ]

    def test_it_was_lost_early(self) -> None:
        reference = self.reference(left=timedelta(minutes=1))

        assert str(losses.expired(reference)).splitlines() == [
            "'token' of extract is no longer in Redis: lost before its time.",
            "It was evicted, removed or lost: it would have expired at "
            f"{reference.expires_at.isoformat(timespec='seconds')}. "
            f"It was pushed at {reference.pushed_at.isoformat(timespec='seconds')} with a TTL of 3600 s.",
            "Clear extract to push it again. "
            "Let Redis run with maxmemory-policy noeviction: other policies drop live values.",
            WHERE,
        ]

    def test_near_the_end_of_its_time_the_clocks_do_not_tell(self) -> None:
        lines = str(losses.expired(self.reference(left=timedelta(seconds=3)))).splitlines()

        assert lines[0] == "'token' of extract is no longer in Redis: it expired or was lost."
        assert lines[1].startswith("Its time ends about now, so the clock cannot tell which. It was pushed at ")
        assert lines[2:] == ["Clear extract to push it again.", WHERE]

    def test_a_later_push_replaced_it(self) -> None:
        lines = str(losses.superseded(self.reference(left=timedelta(hours=1)))).splitlines()

        assert lines[0] == "'token' of extract is no longer in Redis: a later push replaced it."
        assert lines[2:] == ["If extract is running again, retry after it. Otherwise clear it.", WHERE]
