"""In server mode, a loop claims each read-once value at its turn, and no other one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from devtools.worlds.rows import Rows
from devtools.worlds.running_task import executing
from exclusive_redis_xcom import ExclusiveRedisXCom
from exclusive_redis_xcom.store.inventory import VERSION_LENGTH
from tests.integration.task.direct_pulls.watched import MASKING, hash_of
from tests.integration.task.played_ring import ring_of
from tests.integration.task.sales import address

COUNT = 8


@pytest.fixture
def rows(rows: Rows) -> Rows:
    rows.answer = ring_of(rows)
    return rows


def dag(*, once: bool) -> Any:
    from airflow.sdk import DAG, task

    rule = {"consumers": ["load"], "once": once}
    with DAG("sales", params={"xcom_acl": {"parts": {"return_value": rule}}}) as made:

        @task
        def parts(number: int) -> None: ...

        @task
        def load() -> None: ...

        parts.expand(number=[1]) >> load()
    return made


def push(index: int, *, once: bool) -> None:
    with executing(dag(once=once).get_task("parts"), map_index=index):
        ExclusiveRedisXCom.set("return_value", index, **address("parts"), map_index=index)


def claimed(raw: redis.Redis) -> set[str]:
    held: Any = raw.hgetall(hash_of("return_value", "parts"))
    return {name.decode() for name, text in held.items() if name.endswith(b":claim") and len(text) > VERSION_LENGTH}


@pytest.fixture
def read(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> Iterator[Iterator[int]]:
    """A loop of `load` over results. The first two were pushed before the rule said `once`."""
    from airflow.sdk.execution_time import xcom

    monkeypatch.setattr(xcom, "XCom", ExclusiveRedisXCom)
    for index in range(COUNT):
        push(index, once=index >= 2)
    with executing(dag(once=True).get_task("load")) as task_instance:
        yield iter(task_instance.task.dag.get_task("parts").output.resolve({"ti": task_instance}))


def test_each_read_once_value_costs_one_call(read: Iterator[int], rows: Rows) -> None:
    rows.messages.clear()

    assert list(read) == list(range(COUNT))
    assert [name for name in rows.messages if name != MASKING] == ["GetXComSequenceSlice", *["GetXCom"] * (COUNT - 2)]


def test_rows_that_go_make_it_claim_no_other_value(read: Iterator[int], rows: Rows, raw: redis.Redis) -> None:
    found = [next(read), next(read)]
    assert claimed(raw) == set()
    for at in [at for at in rows.values if at[4] in (0, 1, 3)]:
        del rows.values[at]

    found.append(next(read))
    assert claimed(raw) == {"2:claim"}
    assert [*found, *read] == [0, 1, 2, 4, 5, 6, 7]
