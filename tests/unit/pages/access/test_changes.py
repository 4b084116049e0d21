"""What changed between versions of a DAG, as its page shows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from exclusive_redis_xcom.access import DagFacts
from exclusive_redis_xcom.access.database import Version
from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.pages.access.changes import Changes, changes
from exclusive_redis_xcom.pages.access.known import Known
from tests.unit.access.made import facts
from tests.unit.pages.access.page import WRITTEN, known

TASKS = ("extract", "load", "report")


def _dag(*consumers: str) -> DagFacts:
    return facts("shop", TASKS, {"extract": {"*": list(consumers)}}, default="nobody")


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make versions of a DAG: the first one is the oldest."""

    def make(*dags: DagFacts, reads: tuple[str, ...] | None = None) -> Known:
        def facts_of(version: Version) -> DagFacts:
            return dags[version.number - 1]

        monkeypatch.setattr("exclusive_redis_xcom.pages.access.changes.facts_of", facts_of)
        monkeypatch.setattr("exclusive_redis_xcom.pages.access.changes.identity", lambda version: version)
        listed = [Version(n + 1, str(n), "", WRITTEN + timedelta(hours=n)) for n in range(len(dags))]
        return replace(known(dags[-1], reads=reads), versions=tuple(reversed(listed)))

    return make


def _said(found: Changes) -> list[tuple[str, str]]:
    return [(row.title, row.headline) for row in found.rows]


def test_one_version_has_nothing_to_be_compared_with(versions: Any) -> None:
    found = changes(versions(_dag("load")), None)

    assert (found.since, found.rows, found.problem) == (None, (), None)


def test_who_gains_and_who_loses_since_the_previous_version(versions: Any) -> None:
    found = changes(versions(_dag("report"), _dag("report"), _dag("load")), None)

    assert found.since is not None
    assert (found.latest.number, found.since.number, found.since.written.utc) == (3, 2, "2026-03-01 13:00 UTC")
    assert _said(found) == [
        ("GAINED", "load may now read extract:return_value"),
        ("REVOKED", "report may no longer read extract:return_value"),
    ]
    assert found.rows[0].details == ("rule: xcom_acl['extract']['*']",)


def test_an_older_version_may_be_chosen(versions: Any) -> None:
    three = versions(_dag("report"), _dag("load"), _dag("load"))

    assert _said(changes(three, None)) == []
    assert [title for title, _ in _said(changes(three, 1))] == ["GAINED", "REVOKED"]
    assert changes(three, 3).problem == "There is no earlier version 3 among the latest 20 versions."
    assert changes(three, 99).problem == "There is no earlier version 99 among the latest 20 versions."


def test_readers_of_dags_that_the_user_may_not_read_are_a_number(versions: Any) -> None:
    two = (_dag("load"), _dag("load", "secret_dag/a", "secret_dag/b"))

    assert _said(changes(versions(*two, reads=()), None)) == [
        ("MAYBE GAINED", "2 tasks of DAGs that you may not see may perhaps read extract:return_value")
    ]
    assert _said(changes(versions(*two), None)) == [
        ("MAYBE GAINED", "secret_dag/a and secret_dag/b may perhaps read extract:return_value")
    ]


def test_an_earlier_version_that_cannot_be_read(versions: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    two = versions(_dag("load"), _dag("load"))

    def facts_of(_: Version) -> DagFacts:
        raise UndecidedError("secret_dag")

    monkeypatch.setattr("exclusive_redis_xcom.pages.access.changes.facts_of", facts_of)

    assert changes(two, None).problem == (
        "The rules of version 1 cannot be read. They were wrong, or their form is unknown."
    )
