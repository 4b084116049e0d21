"""The results of a mapped task share a hash; a push of one must not open or prolong another."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import redis

from exclusive_redis_xcom import XComAccessDenied, XComExpired
from tests.integration.task.sales import CANARY, HASH, pull, push, sales_dag


def test_a_result_with_fewer_outputs_does_not_open_a_sibling() -> None:
    dag = sales_dag({"outputs": {"public": ["load", "report"], "secret": ["load"]}})
    push(dag, {"public": 1, "secret": CANARY}, key="return_value", task_id="outputs", map_index=0)
    push(dag, {"public": 2}, key="return_value", task_id="outputs", map_index=1)

    assert pull(dag, "report", key="return_value", task_id="outputs", map_index=1) == {"public": 2}
    assert pull(dag, "load", key="return_value", task_id="outputs", map_index=0)["secret"] == CANARY
    with pytest.raises(XComAccessDenied):
        pull(dag, "report", key="return_value", task_id="outputs", map_index=0)


def test_a_result_pushed_by_an_edited_dag_does_not_open_a_sibling() -> None:
    push(sales_dag({"outputs": {"return_value": ["load"]}}), CANARY, key="return_value", task_id="outputs", map_index=0)
    edited = sales_dag({"outputs": {"return_value": ["load", "report"]}})
    push(edited, "new", key="return_value", task_id="outputs", map_index=1)

    assert pull(edited, "report", key="return_value", task_id="outputs", map_index=1) == "new"
    with pytest.raises(XComAccessDenied):
        pull(edited, "report", key="return_value", task_id="outputs", map_index=0)


def test_a_sibling_with_a_longer_ttl_does_not_prolong_a_result() -> None:
    short = {"secret": {"consumers": ["load"], "ttl_seconds": 1}, "n": {"consumers": ["load"], "ttl_seconds": 60}}
    dag = sales_dag({"outputs": short})
    push(dag, {"secret": CANARY, "n": 1}, key="return_value", task_id="outputs", map_index=0)
    push(dag, {"n": 2}, key="return_value", task_id="outputs", map_index=1)
    time.sleep(1.2)

    with pytest.raises(XComExpired):
        pull(dag, "load", key="return_value", task_id="outputs", map_index=0)
    assert pull(dag, "load", key="return_value", task_id="outputs", map_index=1) == {"n": 2}


def test_a_sibling_with_a_shorter_ttl_does_not_take_a_result_along() -> None:
    short = {"secret": {"consumers": ["load"], "ttl_seconds": 1}, "n": {"consumers": ["load"], "ttl_seconds": 60}}
    dag = sales_dag({"outputs": short})
    push(dag, {"n": 1}, key="return_value", task_id="outputs", map_index=0)
    push(dag, {"secret": CANARY, "n": 2}, key="return_value", task_id="outputs", map_index=1)
    time.sleep(1.2)

    assert pull(dag, "load", key="return_value", task_id="outputs", map_index=0) == {"n": 1}


def test_a_result_without_a_rule_of_its_own_is_refused(
    dag: Any, raw: redis.Redis, configure: Callable[..., None]
) -> None:
    """A later value names its rule, and any field of the hash may hold that (`store/test_generations.py`)."""
    configure(format="2")
    push(dag, CANARY, map_index=0)
    assert raw.hdel(HASH, "0:acl") == 1

    with pytest.raises(XComAccessDenied, match="No readable ACL"):
        pull(dag, "load", map_index=0)
