"""Iterating over the results of a mapped task: what it costs, and what is read ahead of it. Redis alone may answer."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from exclusive_redis_xcom import ExclusiveRedisXCom, XComAccessDenied, fetch_all
from exclusive_redis_xcom.airflow import walk
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store.inventory import VERSION_LENGTH
from tests.integration.task.direct_pulls.watched import ApiServer, Tasks, a_moment_passes, hash_of

COUNT = 24
WHOLE = list(range(COUNT))
ITEM, SLICE, LENGTH = "GetXComSequenceItem", "GetXComSequenceSlice", "GetXComCount"


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.execution_time import xcom

    monkeypatch.setattr(xcom, "XCom", ExclusiveRedisXCom)


@pytest.fixture(autouse=True)
def pushed(tasks: Tasks) -> None:
    push(tasks, COUNT)
    tasks._rows.messages.clear()


def push(tasks: Tasks, count: int, key: str = "return_value") -> None:
    for index in range(count):
        tasks.push(index, key, task_id="parts", map_index=index)
    a_moment_passes()


class Reading:
    """The task that reads, and what that costs."""

    def __init__(self, tasks: Tasks, raw: redis.Redis, task_instance: Any) -> None:
        self._tasks, self._raw, self._task_instance = tasks, raw, task_instance

    def argument(self, key: str = "return_value") -> Any:
        return self._tasks.dag.get_task("parts").output[key]

    def resolved(self, argument: Any) -> Any:
        return argument.resolve({"ti": self._task_instance})

    def results(self, key: str = "return_value") -> Any:
        return self.resolved(self.argument(key))

    def calls(self) -> list[str]:
        """Return the calls of the API server since this was last asked."""
        found = list(self._tasks.calls)
        self._tasks._rows.messages.clear()
        return found

    def values_read(self, read: Callable[[], Any]) -> int:
        """Return how many values Redis was asked for meanwhile."""
        with self._raw.monitor() as monitor:
            read()
            self._raw.echo("over")
            asked = 0
            for command in monitor.listen():
                words = command["command"].split()
                if words[0] == "ECHO":
                    return asked
                if words[0] == "HMGET" and words[1] == hash_of("return_value", "parts") and words[2] == "acl":
                    asked += (len(words) - 3) // 2
        return asked


@pytest.fixture
def reading(tasks: Tasks, raw: redis.Redis) -> Iterator[Reading]:
    with tasks.executing("load") as task_instance:
        yield Reading(tasks, raw, task_instance)


@pytest.mark.parametrize(
    ("read", "expected", "calls"),
    [
        (lambda _, xs: [*iter(xs)], WHOLE, []),
        (lambda _, xs: list(xs), WHOLE, [LENGTH]),
        (lambda _, xs: [x for x in xs if x % 2], WHOLE[1::2], []),
        (lambda _, xs: [[*iter(xs)] for _ in range(2)], [WHOLE, WHOLE], []),
        (lambda _, xs: list(zip(xs, xs, strict=True)), list(zip(WHOLE, WHOLE, strict=True)), []),
        (lambda _, xs: (3 in xs, 99 in xs, xs.count(3), xs.index(7)), (True, False, 1, 7), []),
        (lambda _, xs: xs == WHOLE, True, []),
        (lambda _, xs: [x for x, _ in itertools.zip_longest(xs, range(3))], WHOLE, []),
        (lambda r, _: [*iter(r.resolved(r.argument().map(str)))], [str(x) for x in WHOLE], []),
        (lambda r, _: [*iter(r.resolved(r.argument().map(str).map(int)))], WHOLE, []),
        (lambda r, _: list(r.resolved(r.argument().zip(r.argument()))), [(x, x) for x in WHOLE], [LENGTH] * 2),
        (lambda r, _: list(r.resolved(r.argument().concat(r.argument()))), WHOLE * 2, [LENGTH] * 2),
        (lambda _, xs: (len(xs), len(xs)), (COUNT, COUNT), [LENGTH]),
    ],
    ids=[
        *("iteration", "list", "filter", "twice", "interleaved", "search", "equal", "with others"),
        *("map", "map twice", "zip", "concat", "len"),
    ],
)
def test_it_costs_no_call_of_the_api_server(reading: Reading, read: Any, expected: Any, calls: list[str]) -> None:
    xs = reading.results()

    assert read(reading, xs) == expected
    assert reading.calls() == calls


def test_two_loops_over_one_mapped_sequence(reading: Reading) -> None:
    doubled = reading.resolved(reading.argument().map(lambda x: x * 2))

    assert list(zip(doubled, doubled, strict=True)) == [(x * 2, x * 2) for x in WHOLE]
    assert reading.calls() == []


def test_items_by_their_numbers(reading: Reading) -> None:
    xs = reading.results()

    assert [xs[0], xs[5], xs[6], xs[7], xs[23], xs[-1], xs[3], xs[2]] == [0, 5, 6, 7, 23, 23, 3, 2]
    # Only 6 and 7 follow the number before them.
    assert reading.calls() == [ITEM] * 5
    for number in (24, 100):
        with pytest.raises(IndexError, match=f"^{number}$"):
            xs[number]


def test_threads_that_ask_for_one_number_at_once_get_the_same_item(
    tasks: Tasks, reading: Reading, api: ApiServer
) -> None:
    xs = reading.results()
    first = xs[0]
    api.stops()
    both_wait = threading.Barrier(2, timeout=10)

    def answer(values: list[Any]) -> list[Any]:
        both_wait.wait()
        return values

    tasks._rows.answer = answer
    with ThreadPoolExecutor(2) as threads:
        assert [first, *threads.map(lambda _: xs[1], range(2))] == [0, 1, 1]


def test_a_slow_loop_does_not_repeat_its_item_when_an_earlier_one_comes(
    tasks: Tasks, reading: Reading, api: ApiServer
) -> None:
    api.stops()
    for index in range(1, 5):
        tasks.push(index, "late", task_id="parts", map_index=index)
    read = iter(reading.results("late"))
    first = next(read)
    tasks.push(0, "late", task_id="parts", map_index=0)
    read._walk._read_at -= 2 * walk.MOST_SECONDS

    assert [first, *read] == [1, 2, 3, 4]


@pytest.mark.parametrize("count", [10, 11])
def test_a_slow_loop_leaves_nothing_out_when_many_earlier_ones_go(
    tasks: Tasks, reading: Reading, api: ApiServer, count: int
) -> None:
    api.stops()
    read = iter(reading.results())
    first = []
    for _ in range(count):
        read._walk._read_at -= 2 * walk.MOST_SECONDS
        first.append(next(read))
    for address in [at for at in tasks._rows.values if at[4] < count - 1]:
        del tasks._rows.values[address]
    read._walk._read_at -= 2 * walk.MOST_SECONDS

    assert [*first, *read] == WHOLE


def test_where_redis_cannot_prove_it_few_slices_are_asked_for(reading: Reading, api: ApiServer) -> None:
    api.stops()

    assert [*iter(reading.results())] == WHOLE
    assert reading.calls() == [SLICE]
    assert [*iter(reading.resolved(reading.argument().map(str)))] == [str(x) for x in WHOLE]
    assert reading.calls() == [ITEM, SLICE]


def test_of_many_all_are_read_once(tasks: Tasks, raw: redis.Redis, api: ApiServer) -> None:
    push(tasks, 600, "many")
    api.watches_since_long_ago()  # the pushes may have taken longer than a heartbeat counts
    with tasks.executing("load") as task_instance:
        reading = Reading(tasks, raw, task_instance)

        assert [*iter(reading.results("many"))] == list(range(600))
        assert reading.calls() == []
        api.stops()
        assert [*iter(reading.results("many"))] == list(range(600))
        assert reading.calls() == [SLICE] * 4  # 32, 128, 256 and the rest


def test_a_task_that_stops_early_does_not_read_all(tasks: Tasks, raw: redis.Redis, api: ApiServer) -> None:
    push(tasks, 600)
    api.watches_since_long_ago()
    with tasks.executing("load") as task_instance:
        reading = Reading(tasks, raw, task_instance)
        xs = reading.results()

        assert reading.values_read(lambda: next(iter(xs))) == 32
        assert reading.values_read(lambda: xs[0]) == 1
        assert reading.values_read(lambda: list(itertools.islice(xs, 33))) == 32 + 128
        assert reading.values_read(lambda: list(xs)) == 600


def test_what_is_read_ahead_has_a_bound_in_bytes(tasks: Tasks, raw: redis.Redis, api: ApiServer) -> None:
    """The values take 600 kB each, so two fit into the first MiB, and then four times as many."""
    import secrets

    values = [secrets.token_bytes(600_000) for _ in range(12)]
    for index, value in enumerate(values):
        tasks.push(value, "large", task_id="parts", map_index=index)
    a_moment_passes()
    api.watches_since_long_ago()
    with tasks.executing("load") as task_instance:
        reading = Reading(tasks, raw, task_instance)
        xs = reading.results("large")
        read = iter(xs)
        taken: list[bytes] = []
        walked = read._walk

        def ahead() -> int:
            taken.append(next(read))
            return sum(int(one.envelope.payload_size) for one in walked._values) + 600_000

        most = max(ahead() for _ in values)

        assert taken == values
        assert most <= walk.MOST_BYTES
        assert reading.calls() == []


def test_results_with_gaps(tasks: Tasks, reading: Reading, api: ApiServer) -> None:
    indexes = [1, 2, 9, 400, 401, 2000]
    for index in indexes:
        tasks.push(index, "gaps", task_id="parts", map_index=index)
    a_moment_passes()
    reading.calls()

    assert [*iter(reading.results("gaps"))] == indexes
    assert reading.calls() == []


def test_a_mark_that_is_not_completed_sends_the_rest_to_airflow(reading: Reading, api: ApiServer) -> None:
    read = iter(reading.results())
    first = [next(read) for _ in range(3)]
    api.store.uncommit([Coordinate("sales", "manual__2026-01-01T00:00:00+00:00", "parts", "return_value", 20)])

    assert [*first, *read] == WHOLE


def test_nobody_claims_ahead(tasks: Tasks, raw: redis.Redis) -> None:
    push(tasks, COUNT, "once")
    with tasks.executing("load") as task_instance:
        read = iter(Reading(tasks, raw, task_instance).results("once"))
        for taken in range(3):
            assert next(read) == taken
            claims = {name: text for name, text in raw.hgetall(hash_of("once", "parts")).items() if b":claim" in name}
            # The field of a value that nobody has claimed has the version alone.
            assert len([text for text in claims.values() if len(text) > VERSION_LENGTH]) == taken + 1
        assert list(read) == WHOLE[3:]


def test_a_reader_who_is_refused_is_refused_at_the_first(tasks: Tasks, raw: redis.Redis, counted: Any) -> None:
    push(tasks, 3, "denied")
    with tasks.executing("load") as task_instance:
        read = iter(Reading(tasks, raw, task_instance).results("denied"))
        for _ in range(2):
            counted.clear()
            with pytest.raises(XComAccessDenied):
                next(read)
            assert [name for name, *_ in counted] == ["exclusive_redis_xcom.pull_refused"]


@pytest.mark.parametrize("options", [{"observe": "reads"}])
def test_whatever_a_task_reads_of_a_sequence_is_recorded_as_one_read(api: ApiServer, reading: Reading) -> None:
    xs = reading.results()

    assert (fetch_all(xs), [*iter(xs)], xs[:]) == (WHOLE, WHOLE, WHOLE)

    assert reading.calls() == []
    found = api.store.observed("sales")
    assert found is not None
    assert [(one.key, one.counts["read"].number) for one in found.entries] == [("return_value", 1)]
