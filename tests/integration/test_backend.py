"""The backend class between Airflow's Task SDK and a real Redis, one task after the other in this process."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from devtools.redis_server import RedisServer
from devtools.worlds.rows import Rows, rows_in_memory
from devtools.worlds.running_task import RUN_ID, executing, task_instance
from exclusive_redis_xcom import (
    ConfigurationError,
    CorruptValue,
    ExclusiveRedisXCom,
    InvalidReference,
    StoreUnavailable,
    XComAccessDenied,
    XComExpired,
    XComNotSerializable,
    XComTooLarge,
)
from exclusive_redis_xcom.process import identity, kind
from tests.integration.support import start_afresh

# pytest-timeout's default method would take the alarm that a test sets.
pytestmark = pytest.mark.timeout(method="thread")

CANARY = "canary-8c1f0e55"
HASH = f"exclusive_redis_xcom:sales:{RUN_ID.replace(':', '%3A').replace('+', '%2B')}:extract:token"


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer(config={"appendonly": "yes", "appendfsync": "always"}) as running:
        yield running


@pytest.fixture
def raw(server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
        yield client
        assert [name for name in client.scan_iter() if client.ttl(name) < 0] == [], "a key without a TTL"


@pytest.fixture(autouse=True)
def configuration(server: RedisServer, raw: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AIRFLOW__EXCLUSIVE_REDIS_XCOM__REDIS_URL", server.url)
    monkeypatch.setenv("AIRFLOW__EXCLUSIVE_REDIS_XCOM__RETRY_DEADLINE", "1")
    start_afresh()
    yield
    start_afresh()


@pytest.fixture(autouse=True)
def rows() -> Iterator[Rows]:
    with rows_in_memory() as in_memory:
        yield in_memory


def configure(monkeypatch: pytest.MonkeyPatch, **options: str) -> None:
    for name, value in options.items():
        monkeypatch.setenv(f"AIRFLOW__EXCLUSIVE_REDIS_XCOM__{name.upper()}", value)
    start_afresh()


@pytest.fixture
def dag() -> Any:
    from airflow.sdk import DAG, task

    with DAG("sales", params={"xcom_acl": {"extract": {"token": ["load"], "mapped": {"consumers": ["load"]}}}}) as dag:

        @task
        def extract() -> None: ...

        @task
        def load() -> None: ...

        @task
        def report() -> None: ...

        @task(multiple_outputs=True)
        def outputs() -> dict[str, Any]: ...

        made = extract()
        made >> [load(), report()]
        outputs()
    return dag


def push(dag: Any, value: Any, key: str = "token", map_index: int = -1, task_id: str = "extract") -> None:
    with executing(dag.get_task(task_id), map_index=map_index):
        ExclusiveRedisXCom.set(key, value, dag_id="sales", task_id=task_id, run_id=RUN_ID, map_index=map_index)


def pull(dag: Any, reader: str, key: str = "token", map_index: int = -1, task_id: str = "extract") -> Any:
    with executing(dag.get_task(reader)):
        return ExclusiveRedisXCom.get_one(key=key, dag_id="sales", task_id=task_id, run_id=RUN_ID, map_index=map_index)


def the_row(rows: Rows, key: str = "token") -> Any:
    return rows.values["sales", RUN_ID, "extract", key, -1]


def commands_processed(raw: redis.Redis) -> int:
    statistics = raw.info("commandstats")
    return sum(entry["calls"] for name, entry in statistics.items() if name in ("cmdstat_hmget", "cmdstat_evalsha"))


class TestPushAndPull:
    def test_the_declared_consumer_gets_the_value(self, dag: Any) -> None:
        push(dag, {"pair": (1, 2)})

        assert pull(dag, "load") == {"pair": (1, 2)}

    def test_the_producer_reads_its_own_value(self, dag: Any) -> None:
        push(dag, CANARY)

        assert pull(dag, "extract") == CANARY

    def test_the_database_gets_a_reference_without_any_part_of_the_value(self, dag: Any, rows: Rows) -> None:
        push(dag, {"secret": CANARY})

        body = the_row(rows)["exclusive_redis_xcom"]
        assert (body["type"], body["consumers"]) == ("dict", ["load"])
        assert CANARY not in str(the_row(rows))

    def test_the_hash_is_named_after_the_coordinate_and_has_the_rule_and_a_ttl(
        self, dag: Any, raw: redis.Redis
    ) -> None:
        push(dag, CANARY)

        assert set(raw.hkeys(HASH)) == {b"acl", b"-1", b"-1:committed"}
        assert 604790 <= raw.ttl(HASH) <= 604800

    def test_the_reference_expires_when_the_hash_does(self, dag: Any, rows: Rows, raw: redis.Redis) -> None:
        push(dag, CANARY)

        from exclusive_redis_xcom.formats import reference

        left = reference.parse(the_row(rows)).expires_at.timestamp() - time.time()
        assert left == pytest.approx(raw.ttl(HASH), abs=2)

    def test_a_pushed_none_is_pulled_as_none(self, dag: Any) -> None:
        push(dag, None)

        assert pull(dag, "load") is None

    def test_what_was_never_pushed_is_none(self, dag: Any) -> None:
        assert pull(dag, "load", key="never") is None

    def test_a_later_push_replaces_value_and_rule(self, dag: Any) -> None:
        push(dag, "old")
        push(dag, "new")

        assert pull(dag, "load") == "new"

    def test_asynchronous_calls_do_the_same(self, dag: Any) -> None:
        from airflow.sdk.bases.xcom import BaseXCom

        if not hasattr(BaseXCom, "aget_one"):
            pytest.skip("this Airflow has no asynchronous XCom calls (they came with 3.3)")
        address = {"key": "token", "dag_id": "sales", "task_id": "extract", "run_id": RUN_ID}

        async def push_and_pull() -> Any:
            with executing(dag.get_task("extract")):
                await ExclusiveRedisXCom.aset(value=(1,), **address)
            with executing(dag.get_task("load")):
                return [await ExclusiveRedisXCom.aget_one(**address), await ExclusiveRedisXCom.aget_all(**address)]

        assert asyncio.run(push_and_pull()) == [(1,), [(1,)]]

    def test_all_results_of_a_mapped_task_cost_few_round_trips(self, dag: Any, raw: redis.Redis) -> None:
        for index in range(40):
            push(dag, (index,), key="mapped", map_index=index)
        before = commands_processed(raw)

        with executing(dag.get_task("load")):
            pulled = ExclusiveRedisXCom.get_all(key="mapped", dag_id="sales", task_id="extract", run_id=RUN_ID)

        assert pulled == [(index,) for index in range(40)]
        assert commands_processed(raw) - before == 1

    def test_a_value_over_the_limit_is_refused_before_anything_is_sent(
        self, dag: Any, raw: redis.Redis, rows: Rows, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        configure(monkeypatch, max_value_bytes="1000")

        with pytest.raises(XComTooLarge, match="max_value_bytes"):
            push(dag, "x" * 2000)

        assert (raw.dbsize(), rows.values) == (0, {})

    def test_the_return_value_of_multiple_outputs_goes_only_to_who_may_have_every_key(self) -> None:
        dag = outputs_dag({"a": ["load", "report"], "b": ["load"]})
        push(dag, {"a": 1, "b": 2}, key="return_value", task_id="outputs")

        assert pull(dag, "load", key="return_value", task_id="outputs") == {"a": 1, "b": 2}
        with pytest.raises(XComAccessDenied, match="'report'"):
            pull(dag, "report", key="return_value", task_id="outputs")


class TestRefusals:
    def test_an_undeclared_task_is_refused_and_told_why_and_what_to_do(self, dag: Any) -> None:
        push(dag, CANARY)

        with pytest.raises(XComAccessDenied) as caught:
            pull(dag, "report")

        text = str(caught.value)
        for part in ("'token'", "'extract'", "'sales'", "'report'", "allows only 'load'", "To allow it, name 'report'"):
            assert part in text
        assert CANARY not in text

    def test_a_refusal_is_a_permission_error_that_survives_pickling(self, dag: Any) -> None:
        push(dag, CANARY)
        with pytest.raises(PermissionError) as caught:
            pull(dag, "report")

        copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
        assert (type(copy), str(copy)) == (XComAccessDenied, str(caught.value))

    def test_a_refusal_is_logged_and_counted(
        self, dag: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counted = count_metrics(monkeypatch)
        push(dag, CANARY)

        with caplog.at_level(logging.WARNING), pytest.raises(XComAccessDenied):
            pull(dag, "report")

        assert "XCom pull refused" in caplog.text
        assert CANARY not in caplog.text
        assert _refusals(counted) == ["exclusive_redis_xcom.pull_refused"]

    def test_report_mode_returns_the_value_and_says_that_it_would_be_refused(
        self, dag: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        configure(monkeypatch, mode="report")
        counted = count_metrics(monkeypatch)
        push(dag, CANARY)

        with caplog.at_level(logging.WARNING):
            assert pull(dag, "report") == CANARY

        assert "XCom pull would be refused" in caplog.text
        assert _refusals(counted) == ["exclusive_redis_xcom.pull_would_be_refused"]

    def test_whoever_cannot_be_identified_is_refused(self, dag: Any, rows: Rows) -> None:
        push(dag, CANARY)

        with pytest.raises(XComAccessDenied, match="identity could not be established"):
            ExclusiveRedisXCom.get_one(key="token", dag_id="sales", task_id="extract", run_id=RUN_ID)

    def test_a_value_whose_access_list_was_removed_is_refused(self, dag: Any, raw: redis.Redis) -> None:
        push(dag, CANARY)
        raw.hdel(HASH, "acl")

        with pytest.raises(XComAccessDenied, match="no readable ACL"):
            pull(dag, "load")

    @pytest.mark.parametrize("acl", [b"", b"{}", b"not json", b'{"consumers":["*"]}', b"\xff"])
    def test_a_value_whose_access_list_was_damaged_is_refused(self, dag: Any, raw: redis.Redis, acl: bytes) -> None:
        push(dag, CANARY)
        raw.hset(HASH, "acl", acl)

        with pytest.raises(XComAccessDenied):
            pull(dag, "load")

    def test_an_access_list_copied_from_another_xcom_is_refused(self, dag: Any, raw: redis.Redis) -> None:
        push(dag, CANARY)
        push(dag, "public", key="unlisted")
        raw.hset(HASH, "acl", raw.hget(HASH.replace("token", "unlisted"), "acl") or b"")

        with pytest.raises(XComAccessDenied, match="belongs to another XCom"):
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
        self, dag: Any, raw: redis.Redis, rows: Rows, foreign: dict[str, Any]
    ) -> None:
        address = {"dag_id": "sales", "task_id": "extract", "run_id": RUN_ID, "map_index": -1} | foreign

        with executing(dag.get_task("extract")), pytest.raises(XComAccessDenied, match="may not push"):
            ExclusiveRedisXCom.set("token", CANARY, **address)

        assert (raw.dbsize(), rows.values) == (0, {})

    def test_a_push_by_nobody_is_refused(self, raw: redis.Redis) -> None:
        with pytest.raises(XComAccessDenied, match="may not push"):
            ExclusiveRedisXCom.set("token", CANARY, dag_id="sales", task_id="extract", run_id=RUN_ID)

        assert raw.dbsize() == 0

    def test_a_refused_write_stays_refused_in_report_mode(self, dag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        configure(monkeypatch, mode="report")

        with executing(dag.get_task("report")), pytest.raises(XComAccessDenied):
            ExclusiveRedisXCom.set("token", CANARY, dag_id="sales", task_id="extract", run_id=RUN_ID)

    def test_ids_that_lie_in_comparisons_do_not_pass_for_the_owners(self, dag: Any, raw: redis.Redis) -> None:
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
    def test_what_the_scheduler_reads_is_written_and_removed_by_its_task_only(
        self, dag: Any, rows: Rows, key: str
    ) -> None:
        push(dag, {"followed": ["load"]}, key=key)
        ids = {"dag_id": "sales", "task_id": "extract", "run_id": RUN_ID}

        with executing(dag.get_task("report")):
            with pytest.raises(XComAccessDenied):
                ExclusiveRedisXCom.set(key, {"skipped": ["load"]}, **ids)
            with pytest.raises(XComAccessDenied):
                ExclusiveRedisXCom.delete(key, **ids)

        assert the_row(rows, key) == {"followed": ["load"]}

    def test_the_refused_value_does_not_hang_on_the_error(self, dag: Any) -> None:
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

    def test_a_refused_copy_of_all_outputs_is_not_answered_with_how_to_open_all_of_them(self) -> None:
        dag = outputs_dag({"a": ["load", "report"], "b": ["load"]})
        push(dag, {"a": 1, "b": 2}, key="return_value", task_id="outputs")

        with pytest.raises(XComAccessDenied, match="Pull single keys, or name the task as a consumer of every key"):
            pull(dag, "report", key="return_value", task_id="outputs")


class TestSiblings:
    """The results of a mapped task share a hash; a push of one must not open or prolong another."""

    def test_a_result_with_fewer_outputs_does_not_open_a_sibling(self) -> None:
        dag = outputs_dag({"public": ["load", "report"], "secret": ["load"]})
        push(dag, {"public": 1, "secret": CANARY}, key="return_value", task_id="outputs", map_index=0)
        push(dag, {"public": 2}, key="return_value", task_id="outputs", map_index=1)

        assert pull(dag, "report", key="return_value", task_id="outputs", map_index=1) == {"public": 2}
        assert pull(dag, "load", key="return_value", task_id="outputs", map_index=0)["secret"] == CANARY
        with pytest.raises(XComAccessDenied):
            pull(dag, "report", key="return_value", task_id="outputs", map_index=0)

    def test_a_result_pushed_by_an_edited_dag_does_not_open_a_sibling(self) -> None:
        push(outputs_dag({"return_value": ["load"]}), CANARY, key="return_value", task_id="outputs", map_index=0)
        edited = outputs_dag({"return_value": ["load", "report"]})
        push(edited, "new", key="return_value", task_id="outputs", map_index=1)

        assert pull(edited, "report", key="return_value", task_id="outputs", map_index=1) == "new"
        with pytest.raises(XComAccessDenied):
            pull(edited, "report", key="return_value", task_id="outputs", map_index=0)

    def test_a_sibling_with_a_longer_ttl_does_not_prolong_a_result(self) -> None:
        short = {"secret": {"consumers": ["load"], "ttl_seconds": 1}, "n": {"consumers": ["load"], "ttl_seconds": 60}}
        dag = outputs_dag(short)
        push(dag, {"secret": CANARY, "n": 1}, key="return_value", task_id="outputs", map_index=0)
        push(dag, {"n": 2}, key="return_value", task_id="outputs", map_index=1)
        time.sleep(1.2)

        with pytest.raises(XComExpired):
            pull(dag, "load", key="return_value", task_id="outputs", map_index=0)
        assert pull(dag, "load", key="return_value", task_id="outputs", map_index=1) == {"n": 2}

    def test_a_sibling_with_a_shorter_ttl_does_not_take_a_result_along(self) -> None:
        short = {"secret": {"consumers": ["load"], "ttl_seconds": 1}, "n": {"consumers": ["load"], "ttl_seconds": 60}}
        dag = outputs_dag(short)
        push(dag, {"n": 1}, key="return_value", task_id="outputs", map_index=0)
        push(dag, {"secret": CANARY, "n": 2}, key="return_value", task_id="outputs", map_index=1)
        time.sleep(1.2)

        assert pull(dag, "load", key="return_value", task_id="outputs", map_index=0) == {"n": 1}

    def test_a_result_without_a_rule_of_its_own_is_refused(self, dag: Any, raw: redis.Redis) -> None:
        push(dag, CANARY, map_index=0)
        raw.hdel(HASH, "0:acl")

        with pytest.raises(XComAccessDenied, match="no readable ACL"):
            pull(dag, "load", map_index=0)


class TestRowsOfOthers:
    def test_a_list_of_references_is_refused_and_not_returned(self, dag: Any, rows: Rows) -> None:
        push(dag, CANARY)
        rows.values["sales", RUN_ID, "extract", "token/slice", -1] = [the_row(rows)]

        with pytest.raises(InvalidReference, match="must not end in '/slice'"):
            pull(dag, "load", key="token/slice")

    @pytest.mark.parametrize("elsewhere", [{"dag_id": "other"}, {"run_id": "another run"}, {"map_index": -1}])
    def test_a_lazy_sequence_takes_no_reference_from_another_dag_run_or_unmapped_task(
        self, dag: Any, rows: Rows, elsewhere: dict[str, Any]
    ) -> None:
        from airflow.sdk.execution_time.lazy_sequence import _XComWrapper

        push(dag, CANARY, map_index=0)
        row = rows.values["sales", RUN_ID, "extract", "token", 0]
        row["exclusive_redis_xcom"]["coordinate"].update(elsewhere)

        with executing(dag.get_task("load")), pytest.raises(InvalidReference, match="copied there"):
            ExclusiveRedisXCom.deserialize_value(_XComWrapper(row))

    @pytest.mark.parametrize("plain", ["text", 7, [1, {"a": 2}], {"a": 1}, {"exclusive_redis_xcom": 1, "more": 2}])
    def test_a_row_that_is_not_ours_is_read_as_the_default_backend_reads_it(
        self, dag: Any, rows: Rows, plain: Any
    ) -> None:
        rows.values["sales", RUN_ID, "extract", "token", -1] = plain

        assert pull(dag, "report") == plain

    def test_a_row_that_airflow_serialised_is_deserialised(self, dag: Any, rows: Rows) -> None:
        from airflow.sdk.bases.xcom import BaseXCom

        rows.values["sales", RUN_ID, "extract", "token", -1] = BaseXCom.serialize_value((1, 2))

        assert pull(dag, "report") == (1, 2)

    @pytest.mark.parametrize("key", ["skipmixin_key", "past_depends_met"])
    def test_the_keys_that_the_scheduler_reads_stay_in_the_database(
        self, dag: Any, rows: Rows, raw: redis.Redis, key: str
    ) -> None:
        push(dag, {"followed": ["load"]}, key=key)

        assert the_row(rows, key) == {"followed": ["load"]}
        assert raw.dbsize() == 0
        assert pull(dag, "report", key=key) == {"followed": ["load"]}

    def test_a_forged_reference_is_refused(self, dag: Any, rows: Rows) -> None:
        rows.values["sales", RUN_ID, "extract", "token", -1] = {"exclusive_redis_xcom": {"v": 1}}

        with pytest.raises(InvalidReference):
            pull(dag, "load")

    def test_a_reference_copied_into_another_row_is_refused(self, dag: Any, rows: Rows) -> None:
        push(dag, CANARY)
        push(dag, "public", key="unlisted")
        rows.values["sales", RUN_ID, "extract", "unlisted", -1] = the_row(rows)

        with pytest.raises(InvalidReference, match="reference to another XCom"):
            pull(dag, "load", key="unlisted")

    def test_a_reference_of_an_earlier_push_is_not_answered_with_a_later_value(self, dag: Any, rows: Rows) -> None:
        push(dag, "old")
        old = the_row(rows)
        push(dag, "new")
        rows.values["sales", RUN_ID, "extract", "token", -1] = old

        with pytest.raises(XComExpired, match="replaced in Redis by a later push"):
            pull(dag, "load")


class TestLoss:
    @pytest.mark.parametrize("lost", ["hash", "field"])
    def test_a_reference_without_its_value_is_loud(self, dag: Any, raw: redis.Redis, lost: str) -> None:
        push(dag, CANARY)
        if lost == "hash":
            raw.delete(HASH)
        else:
            raw.hdel(HASH, "-1")

        with pytest.raises(LookupError) as caught:
            pull(dag, "load")

        assert isinstance(caught.value, XComExpired)
        for part in ("was pushed at 20", "TTL of 604800 s", "evicted", "Clear task 'extract'"):
            assert part in str(caught.value)

    @pytest.mark.parametrize("cut", [0, 1, 8, 40, -1])
    def test_a_value_cut_short_is_never_returned(self, dag: Any, raw: redis.Redis, cut: int) -> None:
        push(dag, CANARY)
        raw.hset(HASH, "-1", (raw.hget(HASH, "-1") or b"")[:cut])

        with pytest.raises(CorruptValue) as caught:
            pull(dag, "load")

        assert CANARY not in str(caught.value)

    def test_a_value_moved_from_another_coordinate_is_never_returned(self, dag: Any, raw: redis.Redis) -> None:
        push(dag, CANARY)
        push(dag, "other", key="unlisted")
        raw.hset(HASH, "-1", raw.hget(HASH.replace("token", "unlisted"), "-1") or b"")

        with pytest.raises(CorruptValue):
            pull(dag, "load")

    def test_redis_stopped_at_push_is_loud_within_the_deadline_and_loses_nothing(
        self, dag: Any, server: RedisServer, rows: Rows
    ) -> None:
        push(dag, "kept")
        server.stop()
        try:
            started = time.monotonic()
            with pytest.raises(StoreUnavailable) as caught:
                push(dag, CANARY)
            assert time.monotonic() - started < 5
        finally:
            server.start()

        assert CANARY not in str(caught.value)
        assert pull(dag, "load") == "kept"

    def test_redis_stopped_at_pull_is_loud_and_the_value_is_there_afterwards(
        self, dag: Any, server: RedisServer
    ) -> None:
        push(dag, "kept")
        server.stop()
        try:
            with pytest.raises(ConnectionError) as caught:
                pull(dag, "load")
        finally:
            server.start()

        assert isinstance(caught.value, StoreUnavailable)
        assert pull(dag, "load") == "kept"

    def test_a_child_process_pulls_over_a_connection_of_its_own(self, dag: Any) -> None:
        push(dag, "for the child")
        pull(dag, "load")

        child = os.fork()
        if child == 0:
            status = 1
            try:
                status = 0 if all(pull(dag, "load") == "for the child" for _ in range(20)) else 1
            finally:
                os._exit(status)
        values = [pull(dag, "load") for _ in range(20)]

        assert os.waitpid(child, 0)[1] == 0
        assert values == ["for the child"] * 20

    def test_a_tasks_own_alarm_reaches_the_task(self, dag: Any, server: RedisServer) -> None:
        import signal

        class TooSlowError(Exception):
            pass

        def ring(*_: object) -> None:
            raise TooSlowError

        push(dag, "kept")
        server.pause()
        before = signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        try:
            with pytest.raises(TooSlowError):
                pull(dag, "load")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            server.resume()

        assert pull(dag, "load") == "kept"

    def test_an_error_does_not_carry_another_one_that_quotes_the_value(self, dag: Any) -> None:
        class Quoting:
            def serialize(self) -> Any:
                raise ValueError(CANARY)

        with pytest.raises(XComNotSerializable) as caught:
            push(dag, Quoting())

        assert caught.value.__context__ is None
        assert caught.value.__cause__ is None


class TestRemoval:
    def delete(self, dag: Any, task_id: str, **address: Any) -> None:
        ids = {"key": "token", "dag_id": "sales", "task_id": "extract", "run_id": RUN_ID} | address
        with executing(dag.get_task(task_id)):
            ExclusiveRedisXCom.delete(**ids)

    def test_a_task_removes_its_own_value_and_row(self, dag: Any, raw: redis.Redis, rows: Rows) -> None:
        push(dag, CANARY)

        self.delete(dag, "extract")

        assert (raw.dbsize(), rows.values) == (0, {})

    def test_removal_leaves_the_other_map_indexes(self, dag: Any, raw: redis.Redis) -> None:
        for index in range(3):
            push(dag, index, map_index=index)

        with executing(dag.get_task("extract"), map_index=1):
            ExclusiveRedisXCom.delete("token", task_id="extract", dag_id="sales", run_id=RUN_ID, map_index=1)

        left = {f"{index}{suffix}".encode() for index in (0, 2) for suffix in ("", ":acl", ":committed")}
        assert set(raw.hkeys(HASH)) == {b"acl", *left}

    def test_nobody_removes_the_value_of_another_task(self, dag: Any, raw: redis.Redis, rows: Rows) -> None:
        push(dag, CANARY)

        with pytest.raises(XComAccessDenied, match="may not remove"):
            self.delete(dag, "load")

        assert raw.hexists(HASH, "-1")
        assert rows.values

    def test_purging_by_a_stolen_reference_is_refused(self, dag: Any, raw: redis.Redis, rows: Rows) -> None:
        from airflow.sdk.execution_time.comms import XComResult

        push(dag, CANARY)

        with executing(dag.get_task("load")), pytest.raises(XComAccessDenied):
            ExclusiveRedisXCom.purge(XComResult(key="mine", value=the_row(rows)))

        assert raw.hexists(HASH, "-1")

    def test_a_row_that_somebody_edited_does_not_keep_its_task_from_retrying(
        self, dag: Any, raw: redis.Redis, rows: Rows
    ) -> None:
        push(dag, CANARY)
        rows.values["sales", RUN_ID, "extract", "token", -1] = {"exclusive_redis_xcom": "edited"}

        self.delete(dag, "extract")

        assert (raw.dbsize(), rows.values) == (0, {})

    def test_clearing_at_task_start_works_where_only_the_parsed_task_is_known(self, dag: Any, raw: redis.Redis) -> None:
        """Airflow 3.1: no context, no listener, no ids on log lines."""
        push(dag, CANARY)
        kind.remember_task_process()
        identity.remember_parsing("sales", "extract")

        ExclusiveRedisXCom.delete("token", task_id="extract", dag_id="sales", run_id=RUN_ID)

        assert raw.dbsize() == 0

    def test_clearing_at_task_start_does_not_reach_other_tasks(self, dag: Any, raw: redis.Redis) -> None:
        push(dag, CANARY)
        kind.remember_task_process()
        identity.remember_parsing("sales", "load")

        with pytest.raises(XComAccessDenied):
            ExclusiveRedisXCom.delete("token", task_id="extract", dag_id="sales", run_id=RUN_ID)

        assert raw.hexists(HASH, "-1")


class TestWithoutContext:
    def test_outputs_of_a_task_that_only_the_log_lines_tell_go_to_who_may_have_every_key(self) -> None:
        """Another plugin's listener that raises keeps Airflow from calling ours."""
        import structlog

        dag = outputs_dag({"a": ["load", "report"], "b": ["load"]})
        with executing(dag.get_task("outputs")):
            ExclusiveRedisXCom.set("a", 1, dag_id="sales", task_id="outputs", run_id=RUN_ID)
        ids = {"dag_id": "sales", "task_id": "outputs", "run_id": RUN_ID}

        with structlog.contextvars.bound_contextvars(**ids, map_index=-1):
            ExclusiveRedisXCom.set("return_value", {"a": 1, "b": CANARY}, **ids)

        with pytest.raises(XComAccessDenied):
            pull(dag, "report", key="return_value", task_id="outputs")

    def test_the_return_value_is_pushed_as_the_task_that_the_listener_saw(self, dag: Any) -> None:
        identity.remember_running(task_instance(dag.get_task("extract")))

        ExclusiveRedisXCom.set("token", "returned", dag_id="sales", task_id="extract", run_id=RUN_ID)

        identity.forget()
        assert pull(dag, "load") == "returned"

    def test_a_process_that_has_not_parsed_the_dag_pushes_nothing(self, raw: redis.Redis) -> None:
        import structlog

        ids = {"dag_id": "never parsed here", "task_id": "extract", "run_id": RUN_ID}
        with (
            structlog.contextvars.bound_contextvars(**ids, map_index=-1),
            pytest.raises(XComAccessDenied, match="has not parsed DAG"),
        ):
            ExclusiveRedisXCom.set("token", CANARY, **ids)

        assert raw.dbsize() == 0


class TestWhichRedis:
    def test_an_unknown_connection_is_a_configuration_error_that_tells_how_to_make_it(
        self, dag: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        configure(monkeypatch, redis_url="", redis_conn_id="nowhere")

        with pytest.raises(ConfigurationError, match="AIRFLOW_CONN_NOWHERE"):
            push(dag, 1)

    def test_a_url_in_place_of_a_connection_id_is_not_repeated(self, dag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        configure(monkeypatch, redis_url="", redis_conn_id=f"redis://user:{CANARY}@localhost")

        with pytest.raises(ConfigurationError, match="a URL goes into redis_url") as caught:
            push(dag, 1)

        assert CANARY not in str(caught.value)

    def test_a_deadline_of_zero_tries_once(self, dag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        configure(monkeypatch, retry_deadline="0")

        push(dag, "at the first try")

        assert pull(dag, "load") == "at the first try"

    def test_an_airflow_connection_is_used_where_no_url_is_set(
        self, dag: Any, server: RedisServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_MY_REDIS", server.url)
        configure(monkeypatch, redis_url="", redis_conn_id="my_redis")

        push(dag, "through a connection")

        assert pull(dag, "load") == "through a connection"

    def test_a_connection_of_another_type_is_a_configuration_error(
        self, dag: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_NOT_REDIS", f"http://user:{CANARY}@localhost:80")
        configure(monkeypatch, redis_url="", redis_conn_id="not_redis")

        with pytest.raises(ConfigurationError, match="of type 'http'") as caught:
            push(dag, 1)

        assert CANARY not in str(caught.value)

    def test_a_wrong_password_is_final_and_not_repeated_in_the_error(
        self, dag: Any, server: RedisServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        configure(monkeypatch, redis_url=server.url.replace("redis://", f"redis://nobody:{CANARY}@"))

        with pytest.raises(StoreUnavailable) as caught:
            push(dag, 1)

        assert CANARY not in str(caught.value)

    def test_a_wrong_url_is_a_configuration_error_that_does_not_repeat_it(
        self, dag: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        configure(monkeypatch, redis_url=f"http://user:{CANARY}@localhost")

        with pytest.raises(ConfigurationError) as caught:
            push(dag, 1)

        assert CANARY not in str(caught.value)


def outputs_dag(rules: dict[str, Any]) -> Any:
    """A DAG with a task of multiple outputs, consumers `load` and `report`, and rules for its keys."""
    from airflow.sdk import DAG, task

    with DAG("sales", params={"xcom_acl": {"outputs": rules}}) as dag:

        @task(multiple_outputs=True)
        def outputs() -> dict[str, Any]: ...

        @task
        def load() -> None: ...

        @task
        def report() -> None: ...

        outputs() >> [load(), report()]
    return dag


def _refusals(counted: list[tuple[str, dict[str, str]]]) -> list[str]:
    return [name for name, _ in counted if name.endswith("refused")]


def count_metrics(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, str]]]:
    """Listen to Airflow's Stats."""
    from exclusive_redis_xcom.reporting import metrics

    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
    metrics._stats.cache_clear()
    stats = metrics._stats()
    monkeypatch.setattr(metrics, "_stats", lambda: stats)
    counted: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(stats, "incr", lambda name, by, tags: counted.append((name, tags)))
    monkeypatch.setattr(stats, "timing", lambda name, milliseconds, tags: None)
    return counted
