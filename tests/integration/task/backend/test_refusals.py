"""Who is refused, what the refusal says, and what it does not tell."""

from __future__ import annotations

import logging
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest
import redis

from devtools.worlds.rows import Rows
from devtools.worlds.running_task import RUN_ID, executing
from exclusive_redis_xcom import ConfigurationError, ExclusiveRedisXCom, XComAccessDenied
from tests.integration.task.sales import CANARY, HASH, hash_of, pull, push, sales_dag, the_row


def test_an_undeclared_task_is_refused_and_told_why_and_what_to_do(dag: Any) -> None:
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


def test_a_refusal_is_a_permission_error_that_survives_pickling(dag: Any) -> None:
    push(dag, CANARY)
    with pytest.raises(PermissionError) as caught:
        pull(dag, "report")

    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert (type(copy), str(copy)) == (XComAccessDenied, str(caught.value))


def test_a_refusal_is_logged_in_a_short_line_of_its_own_and_counted(
    dag: Any, caplog: pytest.LogCaptureFixture, counted: list[Any]
) -> None:
    push(dag, CANARY)

    with caplog.at_level(logging.WARNING), pytest.raises(XComAccessDenied):
        pull(dag, "report")

    assert caplog.messages == ["XCom pull refused: key 'token' of sales/extract, asked by sales/report."]
    assert _refusals(counted) == ["exclusive_redis_xcom.pull_refused"]


def test_report_mode_returns_the_value_and_says_that_it_would_be_refused(
    dag: Any, caplog: pytest.LogCaptureFixture, counted: list[Any], configure: Callable[..., None]
) -> None:
    configure(mode="report")
    push(dag, CANARY)

    with caplog.at_level(logging.WARNING):
        assert pull(dag, "report") == CANARY

    (message,) = caplog.messages
    assert message.splitlines()[:2] == [
        "XCom pull would be refused: report may not pull 'token' of extract: only load may.",
        "Rule: xcom_acl['extract']['token'] at sales.py allows only 'load'.",
    ]
    assert len(message.splitlines()) == 4
    assert _refusals(counted) == ["exclusive_redis_xcom.pull_would_be_refused"]


def test_whoever_cannot_be_identified_is_refused(dag: Any, rows: Rows) -> None:
    push(dag, CANARY)

    with pytest.raises(XComAccessDenied) as caught:
        ExclusiveRedisXCom.get_one(key="token", dag_id="sales", task_id="extract", run_id=RUN_ID)

    assert str(caught.value).splitlines() == [
        "'token' of extract may not be pulled: it is not known which task asks.",
        "This process is no task, and no task that talks to the same supervisor has started it. For example, "
        "Airflow runs callbacks on executors in such processes.",
        "Pull in the task, and hand the value on. Or let this process inherit the task's environment and its "
        "connection to the supervisor, as @task.external_python does.",
        f"XCom 'token' of task 'extract' in DAG 'sales', run '{RUN_ID}'.",
    ]


def test_a_value_whose_access_list_was_removed_is_refused(dag: Any, raw: redis.Redis) -> None:
    push(dag, CANARY)
    raw.hdel(HASH, "acl")

    with pytest.raises(XComAccessDenied, match="No readable ACL"):
        pull(dag, "load")


@pytest.mark.parametrize("acl", [b"", b"{}", b"not json", b'{"consumers":["*"]}', b"\xff"])
def test_a_value_whose_access_list_was_damaged_is_refused(dag: Any, raw: redis.Redis, acl: bytes) -> None:
    push(dag, CANARY)
    raw.hset(HASH, "acl", acl)

    with pytest.raises(XComAccessDenied):
        pull(dag, "load")


def test_an_access_list_copied_from_another_xcom_is_refused(dag: Any, raw: redis.Redis) -> None:
    push(dag, CANARY)
    push(dag, "public", key="unlisted")
    raw.hset(HASH, "acl", raw.hget(hash_of("unlisted"), "acl") or b"")

    with pytest.raises(XComAccessDenied, match="The ACL belongs to another XCom"):
        pull(dag, "report")


@pytest.mark.parametrize(
    "foreign",
    [
        {"task_id": "load"},
        {"dag_id": "other"},
        {"run_id": "another run"},
        {"map_index": 1},
    ],
)
def test_a_task_pushes_under_its_own_coordinate_only(
    dag: Any, raw: redis.Redis, rows: Rows, foreign: dict[str, Any]
) -> None:
    address = {"dag_id": "sales", "task_id": "extract", "run_id": RUN_ID, "map_index": -1} | foreign

    with executing(dag.get_task("extract")), pytest.raises(XComAccessDenied) as caught:
        ExclusiveRedisXCom.set("token", CANARY, **address)

    decision, cause, remedy, where = str(caught.value).splitlines()
    assert re.fullmatch(
        r"(sales/)?extract may not push 'token' of (extract|load)(\[1\])?: only its own XComs\.", decision
    )
    assert cause == "A task instance may write and remove only its own XComs."
    assert remedy == "Return or xcom_push the value in the task instance that owns it."
    assert where.endswith(f" Asked by task 'extract' of DAG 'sales' (run '{RUN_ID}').")

    assert (raw.dbsize(), rows.values) == (0, {})


def test_a_push_by_nobody_is_refused(raw: redis.Redis) -> None:
    with pytest.raises(XComAccessDenied) as caught:
        ExclusiveRedisXCom.set("token", CANARY, dag_id="sales", task_id="extract", run_id=RUN_ID)

    assert str(caught.value).splitlines() == [
        "'token' of extract may not be pushed: it is not known which task asks.",
        "This process is no task, and no task that talks to the same supervisor has started it. For example, "
        "Airflow runs callbacks on executors in such processes.",
        "Hand the value to the task, and push it there. Or let this process inherit the task's environment and its "
        "connection to the supervisor, as @task.external_python does.",
        f"XCom 'token' of task 'extract' in DAG 'sales', run '{RUN_ID}'.",
    ]

    assert raw.dbsize() == 0


def test_a_refused_write_stays_refused_in_report_mode(dag: Any, configure: Callable[..., None]) -> None:
    configure(mode="report")

    with executing(dag.get_task("report")), pytest.raises(XComAccessDenied):
        ExclusiveRedisXCom.set("token", CANARY, dag_id="sales", task_id="extract", run_id=RUN_ID)


def test_ids_that_lie_in_comparisons_do_not_pass_for_the_owners(dag: Any, raw: redis.Redis) -> None:
    class Liar(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = str.__hash__

    push(dag, CANARY)
    before = raw.hgetall(HASH)

    with executing(dag.get_task("report")), pytest.raises(XComAccessDenied):
        ExclusiveRedisXCom.set(Liar("token"), "x", dag_id="sales", task_id=Liar("extract"), run_id=RUN_ID)

    assert raw.hgetall(HASH) == before


@pytest.mark.parametrize("key", ["skipmixin_key", "past_depends_met"])
def test_what_the_scheduler_reads_is_written_and_removed_by_its_task_only(dag: Any, rows: Rows, key: str) -> None:
    push(dag, {"followed": ["load"]}, key=key)
    ids: dict[str, Any] = {"dag_id": "sales", "task_id": "extract", "run_id": RUN_ID}

    with executing(dag.get_task("report")):
        with pytest.raises(XComAccessDenied):
            ExclusiveRedisXCom.set(key, {"skipped": ["load"]}, **ids)
        with pytest.raises(XComAccessDenied):
            ExclusiveRedisXCom.delete(key, **ids)

    assert the_row(rows, key) == {"followed": ["load"]}


def test_what_the_scheduler_reads_is_not_written_under_wrong_settings(
    dag: Any, rows: Rows, configure: Callable[..., None]
) -> None:
    configure(mode="nonsense")

    with pytest.raises(ConfigurationError, match="mode"):
        push(dag, {"followed": ["load"]}, key="skipmixin_key")

    assert not rows.values


def test_the_refused_value_does_not_hang_on_the_error(dag: Any) -> None:
    push(dag, CANARY)

    with pytest.raises(XComAccessDenied) as caught:
        pull(dag, "report")

    frames, ours = caught.value.__traceback__, []
    while frames is not None:
        if "exclusive_redis_xcom" in frames.tb_frame.f_code.co_filename:
            ours.append(frames.tb_frame.f_locals)
        frames = frames.tb_next
    assert ours
    assert CANARY not in repr(ours)
    assert "stored" not in ours[-1]


def test_a_refused_copy_of_all_outputs_is_not_answered_with_how_to_open_all_of_them() -> None:
    dag = sales_dag({"outputs": {"a": ["load", "report"], "b": ["load"]}})
    push(dag, {"a": 1, "b": 2}, key="return_value", task_id="outputs")

    with pytest.raises(
        XComAccessDenied, match="To allow it, pull single keys, or name the task as a consumer of every key"
    ):
        pull(dag, "report", key="return_value", task_id="outputs")


def _refusals(counted: list[Any]) -> list[str]:
    return [name for name, *_ in counted if name.endswith("refused")]
