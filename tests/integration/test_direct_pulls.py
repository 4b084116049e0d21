"""Pulls that Redis alone answers, and all the reasons to ask Airflow instead. The API server's part is played."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import redis

from devtools.redis_server import RedisServer
from devtools.worlds.rows import Address, Rows, rows_in_memory
from devtools.worlds.running_task import RUN_ID, executing, task_instance
from exclusive_redis_xcom import (
    ExclusiveRedisXCom,
    XComAccessDenied,
    XComAlreadyClaimed,
    XComExpired,
    fetch_all,
)
from exclusive_redis_xcom.connection import RedisClient, Timeouts
from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.crypto import generate_encryption_key
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.process import identity
from exclusive_redis_xcom.reporting import metrics
from exclusive_redis_xcom.store import Store
from tests.integration.support import start_afresh

# pytest-timeout's default method would take the alarm that a test sets.
pytestmark = pytest.mark.timeout(method="thread")

PREFIX = "exclusive_redis_xcom"
STARTED = datetime.now(timezone.utc) - timedelta(hours=1)
CANARY = "canary-5d7e02a9"
MASKING = "MaskSecret"  # a message of the first pull in a process
SERVERS = redis_names.servers_name(PREFIX)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
def raw(server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def configure(server: RedisServer, raw: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    def configured(**options: str) -> None:
        for name, value in options.items():
            monkeypatch.setenv(f"AIRFLOW__EXCLUSIVE_REDIS_XCOM__{name.upper()}", value)
        start_afresh()

    configured(redis_url=server.url, retry_deadline="1")
    yield configured
    start_afresh()


class ApiServer:
    """The one that watches: what it tells Redis, and Airflow's rows."""

    def __init__(self, rows: Rows, store: Store, raw: redis.Redis) -> None:
        self.rows = rows
        self.store = store
        self.lists_rows = True
        self._raw = raw
        rows.accepted = self._committed
        self.watches_since_long_ago()

    def watches_since_long_ago(self) -> None:
        self.store.beat(secrets.token_hex(16), missed=False)
        self._raw.hset(SERVERS, "epoch", "0")

    def stops(self) -> None:
        self._raw.delete(SERVERS)

    def _committed(self, address: Address, value: Any) -> None:
        dag_id, run_id, task_id, key, map_index = address
        version = references.parse(value).version if references.is_reference(value) else None
        coordinate = Coordinate(dag_id, run_id, task_id, key, map_index)
        self.store.commit(coordinate, version, lambda: self._map_indexes(address))

    def _map_indexes(self, address: Address) -> list[int] | None:
        if not self.lists_rows:
            return None
        return self.rows.map_indexes(address)


@pytest.fixture
def api(server: RedisServer, raw: redis.Redis, configure: Any) -> Iterator[ApiServer]:
    client = RedisClient(options_from_url(server.url), Timeouts(1.0, 2.0, 5.0))
    with rows_in_memory() as rows:
        yield ApiServer(rows, Store(client, key_prefix=PREFIX), raw)
    client.close()


@pytest.fixture
def dag() -> Any:
    from airflow.sdk import DAG, task

    rules = {"denied": ["somebody_else"], "restricted": ["load"], "once": {"consumers": ["*"], "once": True}}
    with DAG("sales", params={"xcom_acl": {"extract": rules, "parts": rules}}) as made:

        @task
        def extract() -> None: ...

        @task
        def parts(number: int) -> None: ...

        @task
        def load() -> None: ...

        @task
        def somebody_else() -> None: ...

        [extract(), parts.expand(number=[1])] >> load() >> somebody_else()
    return made


class Tasks:
    """The tasks of a DAG, played one after the other; `calls` are those to the API server of the latest pull."""

    def __init__(self, dag: Any, rows: Rows) -> None:
        self.dag = dag
        self._rows = rows
        self.started = STARTED

    @property
    def calls(self) -> list[str]:
        return [name for name in self._rows.messages if name != MASKING]

    def executing(self, task_id: str, map_index: int = -1) -> Any:
        self._rows.messages.clear()
        return executing(self.dag.get_task(task_id), map_index=map_index, run_started=self.started)

    def push(self, value: Any, key: str = "token", *, task_id: str = "extract", map_index: int = -1) -> None:
        with self.executing(task_id, map_index):
            ExclusiveRedisXCom.set(key, value, **address(task_id), map_index=map_index)

    def pull(self, key: str = "token", *, by: str = "load", **request: Any) -> Any:
        with self.executing(by):
            return ExclusiveRedisXCom.get_one(key=key, **{**address("extract"), **request})

    def pull_all(self, key: str = "token", *, by: str = "load", **request: Any) -> Any:
        with self.executing(by):
            return ExclusiveRedisXCom.get_all(key=key, **{**address("extract"), **request})


@pytest.fixture
def tasks(dag: Any, api: ApiServer) -> Tasks:
    return Tasks(dag, api.rows)


def address(task_id: str) -> dict[str, str]:
    return {"dag_id": "sales", "task_id": task_id, "run_id": RUN_ID}


def hash_of(key: str = "token", task_id: str = "extract") -> str:
    return redis_names.hash_name(PREFIX, Coordinate("sales", RUN_ID, task_id, key))


class TestOneValue:
    @pytest.mark.parametrize("value", ["text", 5, {"pair": (1, 2)}, None, "", [], False, b"x" * 500_000], ids=type)
    def test_a_committed_value_is_read_from_redis_alone(self, tasks: Tasks, value: Any) -> None:
        tasks.push(value)

        assert tasks.pull() == value
        assert tasks.calls == []

    def test_a_task_reads_its_own_value(self, tasks: Tasks) -> None:
        tasks.push("its own")

        assert (tasks.pull(by="extract"), tasks.calls) == ("its own", [])

    def test_one_result_of_a_mapped_task(self, tasks: Tasks) -> None:
        tasks.push("third", task_id="parts", map_index=2)

        assert (tasks.pull(task_id="parts", map_index=2), tasks.calls) == ("third", [])

    @pytest.mark.parametrize("key", ["restricted", "open"])
    def test_values_that_are_encrypted_at_rest(self, tasks: Tasks, configure: Any, raw: redis.Redis, key: str) -> None:
        configure(encryption_keys=generate_encryption_key())
        tasks.push(CANARY, key)

        assert (tasks.pull(key), tasks.calls) == (CANARY, [])
        assert CANARY.encode() not in (raw.hget(hash_of(key), "-1") or b"")

    def test_in_a_callback_where_only_the_listener_has_seen_the_task(self, tasks: Tasks) -> None:
        tasks.push("for a callback")
        identity.remember_running(task_instance(tasks.dag.get_task("load"), run_started=STARTED))
        tasks.calls.clear()

        assert ExclusiveRedisXCom.get_one(key="token", **address("extract")) == "for a callback"

    def test_the_latest_push_wins(self, tasks: Tasks) -> None:
        tasks.push("old")
        tasks.push("new")

        assert (tasks.pull(), tasks.calls) == ("new", [])

    def test_asynchronous_pulls(self, tasks: Tasks) -> None:
        if not hasattr(ExclusiveRedisXCom.__base__, "aget_one"):
            pytest.skip("this Airflow has no asynchronous XCom calls (they came with 3.3)")
        tasks.push("one")
        for index in range(3):
            tasks.push(index, task_id="parts", map_index=index)
        time.sleep(0.002)  # as below

        async def pulled() -> list[Any]:
            with tasks.executing("load"):
                one = await ExclusiveRedisXCom.aget_one(key="token", **address("extract"))
                return [one, await ExclusiveRedisXCom.aget_all(key="token", **address("parts"))]

        assert asyncio.run(pulled()) == ["one", [0, 1, 2]]
        assert tasks.calls == []

    @pytest.mark.parametrize("direct", [True, False], ids=["directly", "through Airflow"])
    def test_many_asynchronous_pulls_at_once_do_not_wait_for_one_another(
        self, tasks: Tasks, api: ApiServer, monkeypatch: pytest.MonkeyPatch, direct: bool
    ) -> None:
        """Airflow, too, uses the event loop's threads: what waits for it there would wait for ever."""
        if not hasattr(ExclusiveRedisXCom.__base__, "aget_one"):
            pytest.skip("this Airflow has no asynchronous XCom calls (they came with 3.3)")
        for index in range(3):
            tasks.push(index, task_id="parts", map_index=index)
        time.sleep(0.002)  # as below
        if not direct:
            api.stops()

        async def through_threads(msg: Any) -> Any:
            return await asyncio.to_thread(api.rows.send, msg)

        async def pulled() -> list[Any]:
            with tasks.executing("load"):
                pulls = [ExclusiveRedisXCom.aget_all(key="token", **address("parts")) for _ in range(100)]
                return await asyncio.wait_for(asyncio.gather(*pulls), timeout=60)

        monkeypatch.setattr(api.rows, "asend", through_threads)

        assert asyncio.run(pulled()) == [[0, 1, 2]] * 100


class TestMisses:
    """Whatever is not proven, Airflow is asked: the answer is the same."""

    @pytest.fixture(autouse=True)
    def pushed(self, tasks: Tasks) -> None:
        tasks.push("the value")

    def test_while_no_api_server_watches(self, tasks: Tasks, api: ApiServer) -> None:
        api.stops()

        assert (tasks.pull(), tasks.calls) == ("the value", ["GetXCom"])

    def test_before_the_database_has_taken_the_reference(self, tasks: Tasks, api: ApiServer) -> None:
        with tasks.executing("extract"):
            ExclusiveRedisXCom.serialize_value("not referred to", key="token", **address("extract"), map_index=-1)

        with pytest.raises(XComExpired):  # the row refers to an older value
            tasks.pull()

    def test_a_row_that_was_written_past_the_backend(self, tasks: Tasks, api: ApiServer) -> None:
        from airflow.sdk.bases.xcom import BaseXCom

        BaseXCom._set_xcom_in_db("token", "plain", **address("extract"))

        assert (tasks.pull(), tasks.calls) == ("plain", ["GetXCom"])

    def test_a_value_of_before_the_run_was_started(self, tasks: Tasks) -> None:
        tasks.started = datetime.now(timezone.utc) + timedelta(minutes=1)

        assert (tasks.pull(), tasks.calls) == ("the value", ["GetXCom"])

    def test_a_value_of_before_the_run_was_started_that_is_committed_after_it(
        self, tasks: Tasks, api: ApiServer
    ) -> None:
        from airflow.sdk.bases.xcom import BaseXCom

        with tasks.executing("extract"):
            stored = ExclusiveRedisXCom.serialize_value("pushed", key="token", **address("extract"), map_index=-1)
        time.sleep(0.05)  # more than clocks are rounded by
        tasks.started = datetime.now(timezone.utc)
        time.sleep(0.05)
        BaseXCom._set_xcom_in_db("token", stored, **address("extract"))

        assert api.store.fetch_current(Coordinate("sales", RUN_ID, "extract", "token")) is not None
        assert (tasks.pull(), tasks.calls) == ("pushed", ["GetXCom"])

    def test_api_servers_whose_clocks_are_behind_do_not_make_a_run_older(self, tasks: Tasks, raw: redis.Redis) -> None:
        """The run was started after the push, by a clock that is an hour behind Redis'."""
        server, beat, _ahead = raw.hget(SERVERS, "servers").decode().rstrip(";").split()
        raw.hset(SERVERS, "servers", f"{server} {beat} {-3_600_000};")
        tasks.started = datetime.now(timezone.utc) - timedelta(minutes=50)

        assert (tasks.pull(), tasks.calls) == ("the value", ["GetXCom"])

    def test_an_expired_value(self, tasks: Tasks, raw: redis.Redis) -> None:
        raw.delete(hash_of())

        with pytest.raises(XComExpired):
            tasks.pull()

    def test_a_damaged_value(self, tasks: Tasks, raw: redis.Redis) -> None:
        raw.hset(hash_of(), "-1", (raw.hget(hash_of(), "-1") or b"")[:-1])

        with pytest.raises(Exception, match="not a readable envelope"):
            tasks.pull()
        assert tasks.calls == ["GetXCom"]

    def test_what_nobody_pushed(self, tasks: Tasks) -> None:
        assert (tasks.pull("never"), tasks.calls) == (None, ["GetXCom"])

    def test_another_run(self, tasks: Tasks) -> None:
        assert (tasks.pull(run_id="another"), tasks.calls) == (None, ["GetXCom"])

    def test_prior_runs(self, tasks: Tasks) -> None:
        assert (tasks.pull(include_prior_dates=True), tasks.calls) == ("the value", ["GetXCom"])

    def test_a_process_that_runs_no_task(self, tasks: Tasks) -> None:
        with pytest.raises(XComAccessDenied, match="identity could not be established"):
            ExclusiveRedisXCom.get_one(key="token", **address("extract"))

    def test_a_process_that_is_known_by_its_log_lines_only(self, tasks: Tasks) -> None:
        """A trigger."""
        import structlog

        with structlog.contextvars.bound_contextvars(**address("load"), map_index=-1):
            assert ExclusiveRedisXCom.get_one(key="token", **address("extract")) == "the value"
        assert "GetXCom" in tasks.calls

    def test_a_reader_that_was_told_nothing_of_its_run(self, tasks: Tasks) -> None:
        tasks.started = None  # type: ignore[assignment]

        assert (tasks.pull(), tasks.calls) == ("the value", ["GetXCom"])

    @pytest.mark.parametrize("option", [{"direct_pulls": "off"}, {"enforcement": "server"}], ids=str)
    def test_settings_that_want_it_so(self, tasks: Tasks, configure: Any, option: dict[str, str]) -> None:
        configure(**option, allow_plaintext_read="True")

        assert (tasks.pull(), tasks.calls) == ("the value", ["GetXCom"])

    def test_what_is_pushed_without_direct_pulls_is_never_read_directly(self, tasks: Tasks, configure: Any) -> None:
        configure(direct_pulls="off")
        tasks.push("unwatched")
        configure(direct_pulls="auto")

        assert (tasks.pull(), tasks.calls) == ("unwatched", ["GetXCom"])

    def test_a_sibling_that_has_outlived_its_time(self, tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
        tasks.push("short-lived", task_id="parts", map_index=0)
        from exclusive_redis_xcom.task import may_read

        class Later(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
                return datetime.now(tz) + timedelta(days=8)

        monkeypatch.setattr(may_read, "datetime", Later)

        with pytest.raises(XComExpired):
            tasks.pull(task_id="parts", map_index=0)

    def test_redis_that_is_gone_is_told_by_airflows_own_path(
        self, tasks: Tasks, configure: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        configure(redis_url="redis://127.0.0.1:1/0", retry_deadline="0.1")

        with caplog.at_level(logging.DEBUG, "exclusive_redis_xcom"), pytest.raises(ConnectionError):
            tasks.pull()

        assert tasks.calls == ["GetXCom"]
        assert [record.getMessage() for record in caplog.records if "direct" in record.getMessage()] == [
            "No direct pull: StoreUnavailable."
        ]


class TooSlowError(Exception):
    """What a task raises itself when it has waited long enough."""


class TestErrors:
    @pytest.fixture(autouse=True)
    def pushed(self, tasks: Tasks) -> None:
        tasks.push("kept")
        for index in range(2):
            tasks.push(index, task_id="parts", map_index=index)
        time.sleep(0.002)  # as below

    def test_a_tasks_own_alarm_reaches_the_task(self, tasks: Tasks, server: RedisServer) -> None:
        def ring(*_: object) -> None:
            raise TooSlowError

        assert tasks.pull() == "kept"
        server.pause()
        before = signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        try:
            with pytest.raises(TooSlowError):
                tasks.pull()
            assert tasks.calls == []
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            server.resume()

        assert (tasks.pull(), tasks.calls) == ("kept", [])


class TestRules:
    def test_a_refusal_is_worded_and_counted_once(self, tasks: Tasks, counted: list[Any]) -> None:
        tasks.push(CANARY, "denied")

        with pytest.raises(XComAccessDenied, match="'denied'"):
            tasks.pull("denied")

        assert tasks.calls == ["GetXCom"]
        assert names(counted, "pull") == ["pull_refused"]

    def test_report_mode_says_once_what_would_be_refused(
        self, tasks: Tasks, configure: Any, counted: list[Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        configure(mode="report")
        tasks.push(CANARY, "denied")

        with caplog.at_level(logging.WARNING):
            assert tasks.pull("denied") == CANARY

        assert caplog.text.count("XCom pull would be refused") == 1
        assert names(counted, "pull") == ["pull_would_be_refused", "pull_granted"]

    def test_what_may_be_read_once_is_claimed_over_airflows_own_path(self, tasks: Tasks) -> None:
        tasks.push("once", "once")

        assert (tasks.pull("once"), tasks.calls) == ("once", ["GetXCom"])
        with pytest.raises(XComAlreadyClaimed):
            tasks.pull("once", by="somebody_else")

    def test_its_producer_reads_it_directly_and_claims_nothing(self, tasks: Tasks) -> None:
        tasks.push("once", "once")

        assert (tasks.pull("once", by="extract"), tasks.calls) == ("once", [])
        assert tasks.pull("once", by="load") == "once"

    def test_a_rule_that_was_removed_from_redis_refuses(self, tasks: Tasks, raw: redis.Redis) -> None:
        tasks.push(CANARY)
        raw.hdel(hash_of(), "acl")

        with pytest.raises(XComAccessDenied, match="no readable ACL"):
            tasks.pull()

    def test_both_rules_of_a_mapped_result_must_allow(self, tasks: Tasks, raw: redis.Redis) -> None:
        tasks.push(CANARY, "denied", task_id="parts", map_index=0)
        tasks.push("open", task_id="parts", map_index=0)
        denying = raw.hget(hash_of("denied", "parts"), "0:acl") or b""
        raw.hset(hash_of(task_id="parts"), "0:acl", denying.replace(b'"denied"', b'"token"'))

        with pytest.raises(XComAccessDenied):
            tasks.pull(task_id="parts", map_index=0)


class TestWhatIsLogged:
    def test_a_restricted_value_is_masked(self, tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
        import airflow.sdk.log

        masked: list[Any] = []
        monkeypatch.setattr(airflow.sdk.log, "mask_secret", masked.append)
        secret = secrets.token_hex(20)
        tasks.push(secret, "restricted")
        tasks.push(secrets.token_hex(20), "open")

        tasks.pull("open")
        tasks.pull("restricted")

        assert tasks.calls == []
        assert masked == [[secret]]

    def test_it_counts_as_any_pull_and_as_a_direct_one(self, tasks: Tasks, counted: list[Any]) -> None:
        tasks.push("text")
        for index in range(3):
            tasks.push(index, task_id="parts", map_index=index)
        counted.clear()
        time.sleep(0.002)  # as below

        tasks.pull()
        tasks.pull_all(task_id="parts")

        of_extract, of_parts = ({"dag_id": "sales", "task_id": task_id} for task_id in ("extract", "parts"))
        assert [entry for entry in counted if "bytes" not in entry[0]] == [
            (metrics.PULL_GRANTED, 1, of_extract),
            (metrics.PULL_DIRECT, 1, of_extract),
            (metrics.PULL_GRANTED, 3, of_parts),
            (metrics.PULL_DIRECT, 3, of_parts),
        ]

    def test_a_miss_counts_as_one_pull(self, tasks: Tasks, api: ApiServer, counted: list[Any]) -> None:
        tasks.push("text")
        api.stops()
        counted.clear()

        tasks.pull()

        assert names(counted, "pull_") == ["pull_granted"]


class TestAllResults:
    @pytest.fixture(autouse=True)
    def pushed(self, tasks: Tasks) -> None:
        for index in range(5):
            tasks.push((index,), task_id="parts", map_index=index)
        time.sleep(0.002)  # Redis' time of commits has milliseconds, and real readers start later

    def test_those_of_a_mapped_task_cost_no_call(self, tasks: Tasks) -> None:
        assert tasks.pull_all(task_id="parts") == [(index,) for index in range(5)]
        assert tasks.calls == []

    def test_that_of_any_other_task_costs_none(self, tasks: Tasks) -> None:
        tasks.push("alone")

        assert (tasks.pull_all(), tasks.calls) == (["alone"], [])

    def test_lazy_sequences_of_them(self, tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
        from airflow.sdk.execution_time import xcom

        monkeypatch.setattr(xcom, "XCom", ExclusiveRedisXCom)
        with tasks.executing("load") as ti:
            xs = tasks.dag.get_task("parts").output["token"].resolve({"ti": ti})

            assert fetch_all(xs) == xs[:] == [(index,) for index in range(5)]
        assert tasks.calls == []

    def test_one_that_is_not_committed_sends_all_to_airflow(self, tasks: Tasks, api: ApiServer) -> None:
        api.store.uncommit([Coordinate("sales", RUN_ID, "parts", "token", 3)])

        assert tasks.pull_all(task_id="parts") == [(index,) for index in range(5)]
        assert tasks.calls == ["GetXComSequenceSlice"]

    @pytest.mark.parametrize("gone", [0, 2, 4])
    def test_one_that_was_deleted_is_missing_in_both_ways(self, tasks: Tasks, gone: int) -> None:
        with tasks.executing("parts", gone):
            ExclusiveRedisXCom.delete("token", **address("parts"), map_index=gone)

        assert tasks.pull_all(task_id="parts") == [(index,) for index in range(5) if index != gone]

    def test_a_further_row_without_a_value_in_redis(self, tasks: Tasks, api: ApiServer) -> None:
        api.rows.values["sales", RUN_ID, "parts", "token", 7] = "by hand"
        api.store.uncommit([Coordinate("sales", RUN_ID, "parts", "token", 7)])

        assert tasks.pull_all(task_id="parts") == [*((index,) for index in range(5)), "by hand"]

    def test_what_a_server_could_not_list_stays_airflows(self, tasks: Tasks, api: ApiServer) -> None:
        api.lists_rows = False
        for index in range(3):
            tasks.push(index, task_id="parts", map_index=index, key="unlisted")

        assert tasks.pull_all("unlisted", task_id="parts") == [0, 1, 2]
        assert tasks.calls == ["GetXComSequenceSlice"]

    def test_none_is_none(self, tasks: Tasks) -> None:
        assert tasks.pull_all("never", task_id="parts") is None
        assert tasks.pull_all("never") is None


def names(counted: list[Any], start: str) -> list[str]:
    return [short for name, *_ in counted if (short := name.removeprefix(f"{PREFIX}.")).startswith(start)]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is counted through Airflow's Stats: name, by how much, tags."""
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
    metrics._stats.cache_clear()
    stats = metrics._stats()
    metrics._stats.cache_clear()
    monkeypatch.setattr(metrics, "_stats", lambda: stats)
    entries: list[Any] = []
    monkeypatch.setattr(stats, "incr", lambda name, by, tags: entries.append((name, by, tags)))
    monkeypatch.setattr(stats, "timing", lambda name, milliseconds, tags: None)
    return entries
