"""What a task pushes in server mode, and what its consumers get."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import redis

from devtools.worlds.rows import Rows
from devtools.worlds.running_task import RUN_ID, executing
from exclusive_redis_xcom import ConfigurationError, CorruptValue, XComAccessDenied
from exclusive_redis_xcom.model import Principal
from exclusive_redis_xcom.process import identity
from tests.integration.task.sales import CANARY, HASH, pull, pull_all, push, the_row


class TestPush:
    def test_redis_gets_no_part_of_the_value_and_the_row_gets_the_sealed_key(
        self, dag: Any, rows: Rows, raw: redis.Redis
    ) -> None:
        push(dag, CANARY)

        stored: list[Any] = raw.hvals(HASH)
        assert stored
        assert CANARY.encode() not in b"".join(stored)
        assert set(the_row(rows)["exclusive_redis_xcom"]["reference"]["seal"]) == {"key_id", "acl", "key"}
        assert CANARY not in str(the_row(rows))

    def test_keys_that_the_scheduler_reads_stay_plain(self, dag: Any, rows: Rows) -> None:
        push(dag, {"followed": []}, key="skipmixin_key")

        assert the_row(rows, "skipmixin_key") == {"followed": []}

    def test_without_a_public_key_it_says_what_to_do(
        self, dag: Any, rows: Rows, raw: redis.Redis, configure: Callable[..., None]
    ) -> None:
        configure(seal_public_key="")

        with pytest.raises(ConfigurationError, match="exclusive-xcom keygen"):
            push(dag, CANARY)

        assert list(raw.scan_iter()) == []


class TestPull:
    def test_the_declared_consumer_and_the_producer_get_the_value(self, dag: Any, rows: Rows) -> None:
        push(dag, {"pair": (1, CANARY)})

        assert pull(dag, "load") == {"pair": (1, CANARY)}
        assert pull(dag, "extract") == {"pair": (1, CANARY)}

    def test_anybody_else_is_refused_with_the_full_text(self, dag: Any, rows: Rows) -> None:
        push(dag, CANARY)

        with pytest.raises(XComAccessDenied) as caught:
            pull(dag, "report")

        assert str(caught.value).splitlines() == [
            "report may not pull 'token' of extract: only load may.",
            "Rule: xcom_acl['extract']['token'] at sales.py allows only 'load'.",
            "To allow it, add report to the consumers of xcom_acl['extract']['token'] at sales.py: ['load', 'report']. "
            "Then clear extract: the rule is stored with the value.",
            f"XCom 'token' of task 'extract' in DAG 'sales', run '{RUN_ID}'. "
            f"Asked by task 'report' of DAG 'sales' (run '{RUN_ID}').",
        ]

    def test_all_results_of_a_mapped_task_come_in_order(self, dag: Any, rows: Rows) -> None:
        for index in range(3):
            push(dag, f"{CANARY}-{index}", map_index=index)

        assert pull_all(dag, "load") == [f"{CANARY}-{index}" for index in range(3)]
        with pytest.raises(XComAccessDenied):
            pull_all(dag, "report")

    def test_an_empty_value_and_none_are_sealed_too(self, dag: Any, rows: Rows) -> None:
        empty: tuple[Any, ...] = (None, "", b"", {})
        for value in empty:
            push(dag, value)

            assert pull(dag, "load") == value

    def test_a_value_pushed_again_opens_with_its_own_key_only(self, dag: Any, rows: Rows) -> None:
        push(dag, "first")
        old = copy.deepcopy(the_row(rows))
        push(dag, "second")
        rows.values["sales", RUN_ID, "extract", "token", -1] = old

        with pytest.raises(LookupError, match="is no longer in Redis: a later push replaced it"):
            pull(dag, "load")


class TestSwitchingOver:
    def test_values_of_worker_mode_are_read_only_where_that_is_allowed(
        self, dag: Any, rows: Rows, configure: Callable[..., None]
    ) -> None:
        configure(enforcement="worker")
        push(dag, CANARY)

        configure(enforcement="server")
        with pytest.raises(CorruptValue, match="allow_plaintext_read"):
            pull(dag, "load")

        configure(allow_plaintext_read="True")
        assert pull(dag, "load") == CANARY
        with pytest.raises(XComAccessDenied):
            pull(dag, "report")


def test_the_principal_of_these_tests_is_who_runs(dag: Any) -> None:
    with executing(dag.get_task("load")):
        assert identity.current_principal() == Principal("sales", "load", RUN_ID, -1)
