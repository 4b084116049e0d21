"""What the ring reads from and writes to Airflow's database, with Airflow's own tables, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session, sessionmaker

from exclusive_redis_xcom.api_server.requests.caller import Caller, Callers
from exclusive_redis_xcom.api_server.ring.audit import DENIED, Audit, Record
from exclusive_redis_xcom.model import Coordinate, Principal
from tests.unit.api_server.ringed import GONE, OWNER, STRANGER, Person
from tests.unit.api_server.tables import log_rows, put_earlier_try, put_task_instance


def find(ti_id: str) -> Caller | None:
    return asyncio.run(Callers().find(ti_id))


def test_a_task_instance_is_found_by_its_id(engine: Engine) -> None:
    mapped = Person(Principal("sales", "load", "run_1", 3), 7)
    put_task_instance(engine, OWNER)
    put_task_instance(engine, mapped, try_number=2)

    assert find(OWNER.ti_id) == OWNER.caller
    assert find(mapped.ti_id) == Caller(mapped.principal, "running", 2)


@pytest.mark.parametrize("state", ["success", "deferred", None])
def test_its_state_is_as_in_the_database(engine: Engine, state: str | None) -> None:
    put_task_instance(engine, STRANGER, state=state)

    found = find(STRANGER.ti_id)

    assert found is not None
    assert (found.state, found.running) == (state, False)


def test_an_earlier_try_is_found_and_is_over_whatever_its_state_says(engine: Engine) -> None:
    """Airflow moves the row of a try to another table when the task is cleared or tried again."""
    put_task_instance(engine, OWNER, try_number=2)
    earlier = Person(OWNER.principal, 8)
    put_earlier_try(engine, earlier)

    found = find(earlier.ti_id)

    assert found == Caller(OWNER.principal, "running", 1, is_over=True)
    assert not found.running


def test_an_id_that_the_database_does_not_have_is_nobodys(engine: Engine) -> None:
    put_task_instance(engine, OWNER)

    assert find(GONE.ti_id) is None


def test_records_become_rows_of_airflows_audit_log(engine: Engine) -> None:
    at = Coordinate("sales", "run_1", "extract", "token", 4)
    trail = Audit("denied")

    asyncio.run(trail.record([Record(DENIED, at, "sales/load", {"why": "no"}), Record(DENIED, None, "ann")]))

    assert log_rows(engine, "event", "owner", "dag_id", "run_id", "task_id", "map_index", "extra") == [
        (DENIED, "sales/load", "sales", "run_1", "extract", 4, json.dumps({"why": "no"})),
        (DENIED, "ann", None, None, None, None, "{}"),
    ]


def test_a_refusal_becomes_a_row_where_each_task_instances_own_tab_looks(engine: Engine) -> None:
    at = Coordinate("sales", "run_1", "extract", "token", 4)
    asker = Caller(Principal("bi", "daily", "run_9", -1), "running", 3)

    asyncio.run(Audit("denied").record([Record(DENIED, at, "bi/daily", {"why": "no"}, asker)]))

    columns = ("event", "owner", "dag_id", "run_id", "task_id", "map_index", "try_number", "extra")
    assert log_rows(engine, *columns) == [
        (DENIED, "bi/daily", "sales", "run_1", "extract", 4, None, json.dumps({"why": "no", "under": "producer"})),
        (DENIED, "bi/daily", "bi", "run_9", "daily", -1, 3, json.dumps({"why": "no", "under": "asker"})),
    ]


@pytest.mark.parametrize(
    "at",
    [
        Coordinate("d" * 251, "r" * 251, "t" * 251, "k" * 513),
        Coordinate("d\0", "r\0", "t\0", "k\0"),
        Coordinate("\ud800", "\udfff", "\U0001f600" * 250, "\u2028"),
        Coordinate("d", "r", "t", "k", 2**31 - 1),
        Coordinate("d", "r", "t", "k", 2**31),
        Coordinate("d", "r", "t", "k", 10**40),
        Coordinate("d", "r", "t", "k", -(10**40)),
    ],
    ids=["long", "NUL", "surrogates", "largest", "too large", "far too large", "far too small"],
)
def test_no_coordinate_loses_the_row(engine: Engine, at: Coordinate) -> None:
    """Coordinates come from URLs and references, which anybody may make up. PostgreSQL takes only what fits."""
    asker = Caller(Principal(at.dag_id, "load", at.run_id, at.map_index), "running", 2**40)
    extra = {"who": at.dag_id, "what": str(at), "key": at.key * 5}

    asyncio.run(Audit("denied").record([Record(DENIED, at, at.task_id * 3, extra, asker)]))

    expected = at.map_index if abs(at.map_index) < 2**31 else None
    assert log_rows(engine, "event", "map_index", "try_number") == [(DENIED, expected, None)] * 2


def test_a_session_maker_of_the_installation_is_asked_which_database_it_is(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`[database] sql_alchemy_session_maker` may name one."""
    from airflow import settings

    class Routed(Session):
        def get_bind(self, *args: Any, **kwargs: Any) -> Engine:
            return engine

    elsewhere = create_engine("sqlite://")
    put_task_instance(engine, OWNER)
    monkeypatch.setattr(settings, "NonScopedSession", sessionmaker(elsewhere, class_=Routed))

    assert find(OWNER.ti_id) == OWNER.caller
    elsewhere.dispose()
