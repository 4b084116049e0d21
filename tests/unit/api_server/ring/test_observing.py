"""The ring records refused pulls in Redis, after it has answered, and never lets the record disturb an answer."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from msgspec import Raw

from exclusive_redis_xcom.api_server.ring import audit
from exclusive_redis_xcom.api_server.ring.items import Item
from exclusive_redis_xcom.api_server.ring.observing import Observer
from exclusive_redis_xcom.errors import StoreUnavailable
from exclusive_redis_xcom.store import Store
from tests.unit.api_server.ringed import (
    CONSUMER,
    EARLIER,
    FINISHED,
    GONE,
    STRANGER,
    XCOM,
    Airflow,
    Person,
    World,
    reason,
    value,
)
from tests.unit.sealed_reference import AT, sealed_reference


def recorded(store: Store) -> dict[tuple[str, str, tuple[str, str] | None], dict[str, int]]:
    found = store.observed(AT.dag_id)
    return {
        (entry.task_id, entry.key, entry.reader): {kind: count.number for kind, count in entry.counts.items()}
        for entry in (() if found is None else found.entries)
    }


def who(person: Person) -> tuple[str, str]:
    return person.principal.dag_id, person.principal.task_id


@pytest.mark.parametrize(
    ("person", "reader", "kind"),
    [
        (STRANGER, who(STRANGER), "rule"),
        (FINISHED, who(FINISHED), "not_running"),
        (EARLIER, who(EARLIER), "not_running"),
        (GONE, None, "not_running"),
    ],
)
def test_a_refusal_has_its_class(store: Store, person: Person, reader: tuple[str, str] | None, kind: str) -> None:
    world = World(Airflow(value(sealed_reference().to_json())), store=lambda: store)

    assert reason(world.ask("GET", XCOM, person).json()["value"]) is not None

    assert recorded(store) == {(AT.task_id, AT.key, reader): {kind: 1}}


def test_a_granted_pull_is_not_recorded_here(store: Store) -> None:
    world = World(Airflow(value(sealed_reference().to_json())), store=lambda: store)

    assert reason(world.ask("GET", XCOM, CONSUMER).json()["value"]) is None

    assert recorded(store) == {}


def test_a_forged_reference_is_recorded_under_the_row_in_which_it_lay(store: Store) -> None:
    elsewhere = replace(sealed_reference(), coordinate=replace(AT, key="another"))
    world = World(Airflow(value(elsewhere.to_json())), store=lambda: store)

    world.ask("GET", XCOM, CONSUMER)

    assert recorded(store) == {(AT.task_id, AT.key, who(CONSUMER)): {"forged": 1}}


def test_a_slice_of_refused_values_counts_once(store: Store) -> None:
    from tests.unit.sealed_reference import sealed_reference as sealed

    rows = [sealed().to_json()] * 3
    world = World(Airflow(rows), store=lambda: store)

    world.ask("GET", f"{XCOM}/slice", STRANGER)

    assert recorded(store) == {(AT.task_id, AT.key, who(STRANGER)): {"rule": 1}}


def test_report_mode_leaves_it_to_the_task_that_pulls(store: Store) -> None:
    world = World(Airflow(value(sealed_reference().to_json())), store=lambda: store, mode="report")

    assert reason(world.ask("GET", XCOM, STRANGER).json()["value"]) is None

    assert recorded(store) == {}


def test_off_records_nothing(store: Store) -> None:
    world = World(Airflow(value(sealed_reference().to_json())), store=lambda: store, observe="off")
    world.ask("GET", XCOM, STRANGER)

    assert recorded(store) == {}


def test_a_redis_that_fails_changes_no_answer() -> None:
    def failing() -> Any:
        raise StoreUnavailable("gone")

    world = World(Airflow(value(sealed_reference().to_json())), store=failing)

    answer = world.ask("GET", XCOM, STRANGER)

    assert (answer.status_code, reason(answer.json()["value"])) == (200, "denied")
    assert world.events == ["xcom_denied"]


def test_while_redis_hangs_few_wait_and_the_rest_is_left_out() -> None:
    going_on, calls = threading.Event(), []

    class Hanging:
        def count(self, events: Any) -> None:
            calls.append(events)
            going_on.wait(10)

    observer = Observer(Hanging, "refusals")  # type: ignore[arg-type]
    item = Item(Raw(b"null"))
    item.note(audit.DENIED, "why", AT)

    async def many() -> float:
        waiting = [asyncio.create_task(observer.put_on_record([item], None)) for _ in range(64)]
        await asyncio.sleep(0.2)
        start = time.perf_counter()
        await observer.put_on_record([item], None)  # one more than may wait
        took = time.perf_counter() - start
        going_on.set()
        await asyncio.gather(*waiting)
        return took

    assert asyncio.run(many()) < 0.1
    assert len(calls) == 64
