"""`fetch_all`, slices and items of lazy sequences: Airflow's own classes over a real Redis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from devtools.components import OURS
from devtools.redis_server import RedisServer
from devtools.worlds.fresh_process import start_afresh
from devtools.worlds.rows import Rows, rows_in_memory
from devtools.worlds.running_task import RUN_ID, executing
from exclusive_redis_xcom import ExclusiveRedisXCom, InvalidReference, XComAccessDenied, XComExpired, fetch_all
from tests.integration.task.sales import RUN

COUNT = 300  # these need more than one batch of commands
FAILED_TAGS = {"dag_id": "sales", "task_id": "others", "error": "XComExpired"}


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """A Redis for this file alone: what `filled` pushes must stay until the last test."""
    with RedisServer() as running:
        yield running


@pytest.fixture(scope="module")
def configuration(server: RedisServer) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv(f"{OURS}REDIS_URL", server.url)
        start_afresh()
        yield
        start_afresh()


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let Airflow use our backend; the test may choose another class."""
    from airflow.sdk.execution_time import xcom

    def configure(backend: Any) -> None:
        monkeypatch.setattr(xcom, "XCom", backend)

    configure(ExclusiveRedisXCom)
    return configure


@pytest.fixture(scope="module")
def dag() -> Any:
    from airflow.sdk import DAG, task

    with DAG("sales", params={"xcom_acl": {"parts": {"return_value": ["load"]}}}) as made:

        @task
        def parts(number: int) -> None: ...

        @task
        def others(number: int) -> None: ...

        @task
        def load() -> None: ...

        @task
        def report() -> None: ...

        parts.expand(number=[1]) >> [load(), report()]
        others.expand(number=[1]) >> report()
    return made


@pytest.fixture(scope="module")
def filled(dag: Any, configuration: None) -> Iterator[Rows]:
    """Rows with the references of 300 results of `parts` and 3 of `others`."""
    with rows_in_memory() as rows:
        for task_id, count in (("parts", COUNT), ("others", 3)):
            for index in range(count):
                with executing(dag.get_task(task_id), map_index=index):
                    address = {"dag_id": "sales", "task_id": task_id, "run_id": RUN_ID, "map_index": index}
                    ExclusiveRedisXCom.set("return_value", (task_id, index), **address)
        yield rows


@pytest.fixture
def rows(filled: Rows) -> Iterator[Rows]:
    kept = dict(filled.values)
    filled.messages.clear()
    yield filled
    filled.values = kept


class Reading:
    """A task that reads lazy sequences, and what that costs."""

    def __init__(self, dag: Any, task_instance: Any, rows: Rows, client: redis.Redis) -> None:
        self._dag, self._task_instance, self._rows, self._client = dag, task_instance, rows, client

    def argument(self, task_id: str = "parts") -> Any:
        return self._dag.get_task(task_id).output

    def resolved(self, argument: Any) -> Any:
        """Return what Airflow hands to the task for an argument."""
        return argument.resolve({"ti": self._task_instance})

    def results(self, task_id: str = "parts") -> Any:
        return self.resolved(self.argument(task_id))

    def cost(self, read: Any) -> tuple[list[str], int]:
        """Return the API calls of a read and the number of its Redis commands."""
        self._rows.messages.clear()
        before = self._commands()
        read()
        calls = [name for name in self._rows.messages if name != "MaskSecret"]  # of the first pull in a process
        return calls, self._commands() - before

    def _commands(self) -> int:
        statistics = self._client.info("commandstats")
        return sum(entry["calls"] for name, entry in statistics.items() if name == "cmdstat_hmget")


@pytest.fixture
def reading(dag: Any, rows: Rows, server: RedisServer) -> Iterator[Reading]:
    with redis.Redis.from_url(server.url) as client, executing(dag.get_task("load")) as task_instance:
        yield Reading(dag, task_instance, rows, client)


@pytest.fixture
def reporting(dag: Any, rows: Rows, server: RedisServer) -> Iterator[Reading]:
    """A task that may not read `parts`."""
    with redis.Redis.from_url(server.url) as client, executing(dag.get_task("report")) as task_instance:
        yield Reading(dag, task_instance, rows, client)


class TestFetchAll:
    def test_it_is_the_list_of_the_sequence(self, reading: Reading) -> None:
        assert fetch_all(reading.results()) == [("parts", index) for index in range(COUNT)]
        assert fetch_all(reading.results("others")) == list(reading.results("others"))

    def test_it_costs_one_api_call_and_few_redis_commands(self, reading: Reading) -> None:
        xs = reading.results()

        assert reading.cost(lambda: fetch_all(xs)) == (["GetXComSequenceSlice"], 2)

    @pytest.mark.parametrize(
        "derive",
        [
            lambda parts, others: others.map(lambda item: item[1] * 10),
            lambda parts, others: others.map(lambda item: item[1]).map(str),
            lambda parts, others: others.zip(parts),
            lambda parts, others: others.zip(others.map(str), fillvalue="none"),
            lambda parts, others: others.concat(others),
            lambda parts, others: others.concat(others.map(str)).zip(parts).map(lambda pair: pair[0]),
        ],
        ids=["map", "map twice", "zip", "zip with fill value", "concat", "all of it"],
    )
    def test_what_is_derived_from_sequences_is_fetched_too(self, reading: Reading, derive: Any) -> None:
        argument = derive(reading.argument("parts"), reading.argument("others"))

        calls, _ = reading.cost(lambda: fetch_all(reading.resolved(argument)))

        assert fetch_all(reading.resolved(argument)) == list(reading.resolved(argument))
        assert set(calls) == {"GetXComSequenceSlice"}

    def test_a_derived_sequence_itself_stays_as_it_was(self, reading: Reading) -> None:
        xs = reading.resolved(reading.argument("others").map(str))

        fetch_all(xs)

        assert type(xs.value).__name__ == "LazyXComSequence"

    @pytest.mark.parametrize("xs", [[], [1, None], (1, 2), range(3), {"a": 1}, (number for number in "abc")])
    def test_of_any_other_iterable_it_is_the_list(self, xs: Any) -> None:
        kept = list(xs)

        assert fetch_all(iter(kept)) == kept
        assert fetch_all(kept) == kept

    def test_of_no_results_it_is_empty(self, reading: Reading, rows: Rows) -> None:
        rows.values.clear()

        assert fetch_all(reading.results()) == []

    def test_rows_without_references_are_read_as_airflow_does(self, reading: Reading, rows: Rows) -> None:
        rows.values["sales", RUN_ID, "others", "return_value", 1] = {"written": "by hand"}
        rows.values["sales", RUN_ID, "others", "return_value", 2] = None

        found = fetch_all(reading.results("others"))

        assert found == [("others", 0), {"written": "by hand"}, None]
        assert found == list(reading.results("others"))

    def test_whoever_may_not_read_one_gets_none(self, reporting: Reading) -> None:
        with pytest.raises(XComAccessDenied):
            fetch_all(reporting.results())

    def test_one_that_redis_lost_is_an_error(
        self, reading: Reading, server: RedisServer, counted: list[tuple[str, int, dict[str, str]]]
    ) -> None:
        """Nothing of this run is left out. Iteration stops at the lost item, and all at once gives no item."""
        hash_name = f"exclusive_redis_xcom:sales:{RUN}:others:return_value"
        with redis.Redis.from_url(server.url) as client:
            kept = client.hgetall(hash_name)
            client.hdel(hash_name, "1")
            try:
                one_by_one = iter(reading.results("others"))
                assert next(one_by_one) == ("others", 0)
                for read in (
                    lambda: next(one_by_one),
                    lambda: fetch_all(reading.results("others")),
                    lambda: reading.results("others")[0:2],
                    lambda: reading.results("others")[1],
                ):
                    counted.clear()
                    with pytest.raises(XComExpired, match="map_index 1"):
                        read()
                    assert counted == [("exclusive_redis_xcom.pull_failed", 1, FAILED_TAGS)]
                assert reading.results("others")[2] == ("others", 2)
            finally:
                client.hset(hash_name, mapping=kept)

    def test_with_another_backend_it_is_the_list(self, reading: Reading, rows: Rows, configured: Any) -> None:
        from airflow.sdk.bases.xcom import BaseXCom

        rows.values = {("sales", RUN_ID, "parts", "return_value", index): index for index in range(3)}
        configured(BaseXCom)

        assert fetch_all(reading.results()) == [0, 1, 2]


class TestSlices:
    @pytest.mark.parametrize(
        "part",
        [slice(None), slice(None, None, -1), slice(10), slice(-3, None), slice(2, 290, 7), slice(1000, None)],
        ids=str,
    )
    def test_they_are_those_of_the_list_and_read_in_batches(self, reading: Reading, part: slice) -> None:
        xs, expected = reading.results(), [("parts", index) for index in range(COUNT)][part]

        calls, commands = reading.cost(lambda: xs[part])

        assert xs[part] == expected
        assert (calls, commands) == (["GetXComSequenceSlice"], -(-len(expected) // 256))

    def test_what_is_no_index_is_refused_as_airflow_does(self, reading: Reading) -> None:
        with pytest.raises(TypeError):
            reading.results()["first"]
        with pytest.raises(ValueError, match="step"):
            reading.results()[::0]

    def test_a_class_that_makes_something_else_of_values_is_asked_for_each(
        self, reading: Reading, configured: Any
    ) -> None:
        class Shouting(ExclusiveRedisXCom):
            @staticmethod
            def deserialize_value(result: Any) -> Any:
                return f"{ExclusiveRedisXCom.deserialize_value(result)}!"

        configured(Shouting)

        assert reading.results("others")[:2] == ["('others', 0)!", "('others', 1)!"]

    def test_with_another_backend_they_are_airflows(self, reading: Reading, rows: Rows, configured: Any) -> None:
        from airflow.sdk.bases.xcom import BaseXCom

        rows.values = {("sales", RUN_ID, "parts", "return_value", index): index for index in range(3)}
        configured(BaseXCom)

        assert reading.results()[1:] == [1, 2]


class TestCopiedRows:
    """A reference of another XCom in a row: the reader may read it, but not as what it asked for."""

    @pytest.fixture(autouse=True)
    def copied(self, rows: Rows) -> None:
        address = ("sales", RUN_ID, "parts", "return_value")
        first = (*address, 0)
        rows.values[first] = rows.values["sales", RUN_ID, "others", "return_value", 0]

    @pytest.mark.parametrize(
        "read",
        [lambda xs: xs[0], lambda xs: xs[:], lambda xs: xs[:2], fetch_all, list],
        ids=["item", "whole slice", "slice", "fetch_all", "list"],
    )
    def test_they_are_refused_where_the_sequence_tells_what_was_asked_for(self, reading: Reading, read: Any) -> None:
        with pytest.raises(InvalidReference, match="copied there"):
            read(reading.results())


def test_an_airflow_with_other_sequences_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.execution_time import lazy_sequence

    from exclusive_redis_xcom.airflow import sequences

    class LazyXComSequence:
        def __getitem__(self, key: Any, *, prefetch: bool = True) -> Any: ...

    airflows = LazyXComSequence.__getitem__
    monkeypatch.setattr(lazy_sequence, "LazyXComSequence", LazyXComSequence)

    sequences.batch(ExclusiveRedisXCom)

    assert LazyXComSequence.__getitem__ is airflows


def test_this_airflows_sequences_are_known() -> None:
    from airflow.sdk.execution_time.lazy_sequence import LazyXComSequence

    assert LazyXComSequence.__getitem__.__module__ == "airflow.sdk.execution_time.lazy_sequence"
    assert hasattr(LazyXComSequence.__getitem__, "__wrapped__")
