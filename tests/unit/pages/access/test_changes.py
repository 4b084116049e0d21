"""What changed between versions of a DAG, as its page shows it."""

from __future__ import annotations

from datetime import datetime, timezone

from exclusive_redis_xcom.pages.access.changes import Changes, changes
from tests.unit.pages.access.conftest import Database


def _write(database: Database, *consumers: str) -> None:
    database.write("shop", {"extract": {"*": list(consumers)}, "*": "nobody"})


def _said(found: Changes) -> list[tuple[str, str]]:
    return [(row.title, row.headline) for row in found.rows]


def test_one_version_has_nothing_to_be_compared_with(database: Database) -> None:
    _write(database, "load")

    found = changes(database.known("shop"), None)

    assert (found.since, found.rows, found.problem) == (None, (), None)


def test_who_gains_and_who_loses_since_the_previous_version(database: Database) -> None:
    for consumer in ("report", "report", "load"):
        _write(database, consumer)

    found = changes(database.known("shop"), None)

    assert found.since is not None
    assert (found.latest.number, found.since.number) == (3, 2)
    assert datetime.fromisoformat(found.since.written.iso).tzinfo == timezone.utc
    assert _said(found) == [
        ("GAINED", "load may now read extract:return_value"),
        ("REVOKED", "report may no longer read extract:return_value"),
    ]
    assert found.rows[0].details == ("rule: xcom_acl['extract']['*'] at shop.py:4",)


def test_an_older_version_may_be_chosen(database: Database) -> None:
    for consumer in ("report", "load", "load"):
        _write(database, consumer)
    three = database.known("shop")

    assert [version.number for version in changes(three, None).earlier] == [2, 1]
    assert _said(changes(three, None)) == []
    assert [title for title, _ in _said(changes(three, 1))] == ["GAINED", "REVOKED"]
    assert changes(three, 3).problem == "There is no earlier version 3 among the latest 20 versions."
    assert changes(three, 99).problem == "There is no earlier version 99 among the latest 20 versions."


def test_readers_of_dags_that_the_user_may_not_read_are_a_number(database: Database) -> None:
    _write(database, "load")
    _write(database, "load", "secret_dag/a", "secret_dag/b")
    database.write("secret_dag", {}, ("a", "b"))

    assert _said(changes(database.known("shop", reads=()), None)) == [
        ("MAYBE GAINED", "2 tasks of DAGs that you may not see may perhaps read extract:return_value")
    ]
    assert _said(changes(database.known("shop"), None)) == [
        ("GAINED", "secret_dag/a and secret_dag/b may now read extract:return_value")
    ]


def test_a_dag_that_only_the_earlier_version_names_is_read(database: Database) -> None:
    database.write("bi", {}, ("a",))
    _write(database, "load", "bi/a", "nowhere/b")
    _write(database, "load")

    found = changes(database.known("shop"), None)

    assert [(row.headline, row.details[:-1]) for row in found.rows] == [
        ("bi/a may no longer read extract:return_value", ()),
        ("nowhere/b may no longer read extract:return_value", ("no such DAG is here, so nobody can know",)),
    ]


def test_an_earlier_version_that_cannot_be_read(database: Database) -> None:
    _write(database, "load")
    with database.engine.begin() as connection:
        connection.exec_driver_sql(
            """UPDATE serialized_dag SET data = '{"__version": 99, "dag": {"dag_id": "shop"}}'"""
        )
    _write(database, "load")

    assert changes(database.known("shop"), None).problem == (
        "The rules of version 1 cannot be read. They were wrong, or their form is unknown."
    )
