"""What a consumer gets of a push, and what Redis and the database hold of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis

from devtools.worlds.rows import Rows
from devtools.worlds.running_task import RUN_ID, executing
from exclusive_redis_xcom import ExclusiveRedisXCom, InvalidReference, XComAccessDenied, XComTooLarge
from tests.integration.task.sales import CANARY, HASH, pull, pull_all, push, sales_dag, the_row


def test_the_declared_consumer_gets_the_value(dag: Any) -> None:
    push(dag, {"pair": (1, 2)})

    assert pull(dag, "load") == {"pair": (1, 2)}


def test_the_producer_reads_its_own_value(dag: Any) -> None:
    push(dag, CANARY)

    assert pull(dag, "extract") == CANARY


def test_the_database_gets_a_reference_without_any_part_of_the_value(dag: Any, rows: Rows) -> None:
    push(dag, {"secret": CANARY})

    body = the_row(rows)["exclusive_redis_xcom"]
    assert body["about"].startswith("dict of 1, ")
    assert " for load until " in body["about"]
    assert body["reference"]["to"].endswith(" dict 1")
    assert CANARY not in str(the_row(rows))


def test_the_hash_is_named_after_the_coordinate_and_has_the_rule_and_a_ttl(dag: Any, raw: redis.Redis) -> None:
    push(dag, CANARY)

    assert set(raw.hkeys(HASH)) == {b"acl", b"-1", b"-1:committed"}
    assert 604790 <= raw.ttl(HASH) <= 604800


def test_the_reference_expires_when_the_hash_does(dag: Any, rows: Rows, raw: redis.Redis) -> None:
    push(dag, CANARY)

    from exclusive_redis_xcom.formats import reference

    left = reference.parse(the_row(rows)).expires_at.timestamp() - time.time()
    assert left == pytest.approx(raw.ttl(HASH), abs=2)


def test_a_pushed_none_is_pulled_as_none(dag: Any) -> None:
    push(dag, None)

    assert pull(dag, "load") is None


def test_what_was_never_pushed_is_none(dag: Any) -> None:
    assert pull(dag, "load", key="never") is None


def test_a_later_push_replaces_value_and_rule(dag: Any) -> None:
    push(dag, "old")
    push(dag, "new")

    assert pull(dag, "load") == "new"


def test_asynchronous_calls_do_the_same(dag: Any) -> None:
    from airflow.sdk.bases.xcom import BaseXCom

    if not hasattr(BaseXCom, "aget_one"):
        pytest.skip("this Airflow has no asynchronous XCom calls (they came with 3.3)")
    address: dict[str, Any] = {"key": "token", "dag_id": "sales", "task_id": "extract", "run_id": RUN_ID}

    async def push_and_pull() -> Any:
        with executing(dag.get_task("extract")):
            await ExclusiveRedisXCom.aset(value=(1,), **address)
        with executing(dag.get_task("load")):
            return [await ExclusiveRedisXCom.aget_one(**address), await ExclusiveRedisXCom.aget_all(**address)]

    assert asyncio.run(push_and_pull()) == [(1,), [(1,)]]


def test_all_results_of_a_mapped_task_cost_few_round_trips(dag: Any, raw: redis.Redis) -> None:
    for index in range(40):
        push(dag, (index,), key="mapped", map_index=index)
    before = commands_processed(raw)

    pulled = pull_all(dag, key="mapped")

    assert pulled == [(index,) for index in range(40)]
    assert commands_processed(raw) - before == 1


def test_a_value_over_the_limit_is_refused_before_anything_is_sent(
    dag: Any, raw: redis.Redis, rows: Rows, configure: Callable[..., None]
) -> None:
    configure(max_value_bytes="1000")

    with pytest.raises(XComTooLarge, match="max_value_bytes"):
        push(dag, "x" * 2000)

    assert (raw.dbsize(), rows.values) == (0, {})


def test_the_return_value_of_multiple_outputs_goes_only_to_who_may_have_every_key() -> None:
    dag = sales_dag({"outputs": {"a": ["load", "report"], "b": ["load"]}})
    push(dag, {"a": 1, "b": 2}, key="return_value", task_id="outputs")

    assert pull(dag, "load", key="return_value", task_id="outputs") == {"a": 1, "b": 2}
    with pytest.raises(XComAccessDenied, match="'report'"):
        pull(dag, "report", key="return_value", task_id="outputs")


def commands_processed(raw: redis.Redis) -> int:
    statistics = raw.info("commandstats")
    return sum(entry["calls"] for name, entry in statistics.items() if name in ("cmdstat_hmget", "cmdstat_evalsha"))


def test_a_push_with_an_empty_key_is_told_so(dag: Any) -> None:
    with pytest.raises(InvalidReference) as caught:
        push(dag, 1, key="")

    assert str(caught.value).splitlines() == [
        "An XCom needs a key, and this one has none.",
        "Neither its key nor its dag_id, run_id and task_id may be empty.",
    ]
