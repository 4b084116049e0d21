"""Refusals are recorded with their class, by default. `observe = off` records nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from exclusive_redis_xcom import ExclusiveRedisXCom, XComAccessDenied, XComAlreadyClaimed
from tests.integration.task.observed.conftest import Recorded
from tests.integration.task.sales import address, pull, pull_all, push, sales_dag


@pytest.fixture
def options() -> dict[str, str]:
    return {}


def test_a_reader_whom_the_rule_does_not_name(dag: Any, recorded: Recorded) -> None:
    push(dag, "value")
    pull(dag)

    for _ in range(2):
        with pytest.raises(XComAccessDenied):
            pull(dag, "report")

    assert recorded() == {"extract:token by sales/report": {"rule": 2}}


def test_a_reader_of_another_run(recorded: Recorded) -> None:
    dag = sales_dag({"extract": {"token": {"consumers": ["load"], "same_run": True}}})
    push(dag, "value", run_id="run_1")

    from devtools.worlds.running_task import executing

    with executing(dag.get_task("load"), run_id="run_2"), pytest.raises(XComAccessDenied):
        ExclusiveRedisXCom.get_one(key="token", **address(run_id="run_1"))

    assert recorded() == {"extract:token by sales/load": {"same_run": 1}}


def test_a_value_that_another_task_instance_has_claimed(dag: Any, recorded: Recorded) -> None:
    push(dag, "value", "once")
    pull(dag, key="once")

    with pytest.raises(XComAlreadyClaimed):
        pull(dag, "report", "once")

    assert recorded() == {"extract:once by sales/report": {"once": 1}}


def test_a_process_that_is_no_task(dag: Any, recorded: Recorded) -> None:
    push(dag, "value")

    with pytest.raises(XComAccessDenied):
        ExclusiveRedisXCom.get_one(key="token", **address())

    assert recorded() == {"extract:token by nobody": {"nobody": 1}}


def test_a_value_without_a_readable_rule(dag: Any, raw: Any, recorded: Recorded) -> None:
    from tests.integration.task.sales import HASH

    push(dag, "value")
    raw.hset(HASH, "acl", b"no rule")

    with pytest.raises(XComAccessDenied):
        pull(dag)

    assert recorded() == {"extract:token by sales/load": {"no_acl": 1}}


def test_the_results_of_a_mapped_task_are_refused_once(dag: Any, recorded: Recorded) -> None:
    for index in range(3):
        push(dag, index, "mapped", index)

    with pytest.raises(XComAccessDenied):
        pull_all(dag, "report", "mapped")

    assert recorded() == {"extract:mapped by sales/report": {"rule": 1}}


def test_under_mode_report_the_pull_is_a_read_that_would_be_refused(
    dag: Any, configure: Callable[..., None], recorded: Recorded
) -> None:
    configure(mode="report")
    push(dag, "value")

    assert pull(dag, "report") == "value"

    assert recorded() == {"extract:token by sales/report": {"read": 1, "would_refuse": 1}}


def test_off_records_nothing(dag: Any, configure: Callable[..., None], recorded: Recorded) -> None:
    configure(observe="off", mode="report")
    push(dag, "value")
    pull(dag, "report")
    configure(mode="enforce")

    with pytest.raises(XComAccessDenied):
        pull(dag, "report")

    assert recorded() == {}


def test_a_refusal_says_the_same_where_redis_is_gone_meanwhile(
    dag: Any, raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from exclusive_redis_xcom.errors import StoreUnavailable
    from exclusive_redis_xcom.store import Store

    push(dag, "value")
    raw.config_set("maxmemory", "1")  # Redis takes no further write
    try:
        with pytest.raises(XComAccessDenied, match=r"report may not pull 'token' of extract: only load may\."):
            pull(dag, "report")
    finally:
        raw.config_set("maxmemory", "0")
    with monkeypatch.context() as patched:
        patched.setattr(Store, "count", _raising(StoreUnavailable("gone")))
        with pytest.raises(XComAccessDenied, match=r"report may not pull 'token' of extract: only load may\."):
            pull(dag, "report")


def _raising(error: Exception) -> Any:
    def count(*_: Any) -> None:
        raise error

    return count
