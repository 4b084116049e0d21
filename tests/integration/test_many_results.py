"""All results of a large mapped task, by way of the real Execution API with the ring and Airflow's own client."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from devtools.redis_server import RedisServer
from devtools.worlds.execution_world import DAG_ID, KEY, ExecutionWorld, open_execution_world
from devtools.worlds.running_task import RUN_ID
from exclusive_redis_xcom import ExclusiveRedisXCom, XComAccessDenied, XComExpired, fetch_all
from exclusive_redis_xcom.airflow import sequences, slices
from exclusive_redis_xcom.airflow.slices import READ_AHEAD
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.formats.reference import MARK
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store.inventory import VERSION_LENGTH

LONGEST, LONGEST_IN_SHORT = slices.ROWS_AT_ONCE, slices.SHORT_AT_ONCE
#: How many rows the tests here read at once, so that few results are many slices.
ROWS_AT_ONCE = 500
#: More than two slices.
SOME = 2 * ROWS_AT_ONCE + 100
WHOLE = list(range(SOME))


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture(scope="module", params=["server", "worker"])
def world(request: pytest.FixtureRequest, server: RedisServer) -> Iterator[ExecutionWorld]:
    """A world in which `parts` has results. A test that changes them pushes them again."""
    with open_execution_world(server.url, request.param) as opened:
        opened.push("parts", WHOLE)
        yield opened


@pytest.fixture
def server_mode(world: ExecutionWorld) -> ExecutionWorld:
    if not world.is_sealed:
        pytest.skip("with enforcement = worker, the API server opens nothing")
    return world


@pytest.fixture(autouse=True)
def rows_at_once(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Set how many rows are read at once."""

    def set_to(rows: int) -> None:
        for module in (slices, sequences):
            monkeypatch.setattr(module, "ROWS_AT_ONCE", rows)
        monkeypatch.setattr(slices, "SHORT_AT_ONCE", rows)

    set_to(ROWS_AT_ONCE)
    return set_to


def pull(world: ExecutionWorld, task_id: str = "parts", reader: str = "load") -> Any:
    world.rows.messages.clear()
    with world.running(reader):
        return ExclusiveRedisXCom.get_all(**world.request(task_id))


@pytest.fixture
def before_second_slice(world: ExecutionWorld, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Let something happen before Airflow is asked for the second slice."""

    def prepare(change: Callable[[], None]) -> None:
        send, turns = world.rows.send, iter(range(1000))

        def changing(msg: Any) -> Any:
            if type(msg).__name__ == "GetXComSequenceSlice" and next(turns) == 1:
                change()
            return send(msg)

        monkeypatch.setattr(world.rows, "send", changing)

    return prepare


def test_no_answer_has_more_results_than_a_slice(
    world: ExecutionWorld, monkeypatch: pytest.MonkeyPatch, rows_at_once: Callable[[int], None]
) -> None:
    """`python -m benchmarks.slices` measures how long such an answer takes."""
    rows_at_once(LONGEST)
    monkeypatch.setattr(slices, "SHORT_AT_ONCE", LONGEST_IN_SHORT)
    lengths: list[int] = []
    world.push("others", range(LONGEST + 100))
    send = world.rows.send

    def counted(msg: Any) -> Any:
        answer = send(msg)
        assert len(answer.root) == 1
        lengths.append(len(references.expanded(answer.root)))
        return answer

    monkeypatch.setattr(world.rows, "send", counted)

    assert pull(world, "others") == list(range(LONGEST + 100))
    # A slice's last row is left to the next slice, which begins with the one before.
    assert lengths == ([LONGEST, 102] if world.is_sealed else [LONGEST + 100])


def test_the_ring_answers_slices_itself(server_mode: ExecutionWorld) -> None:
    """Rows in short (`api_server/slices`) have no seals."""
    rows = server_mode.get_slice("parts", {"start": 0, "stop": 5, "step": READ_AHEAD}).json()

    assert not any(isinstance(row[MARK], list) for row in rows)


def test_gaps_and_none_stay_where_they_are(world: ExecutionWorld) -> None:
    indexes = range(1, 2 * SOME, 2)
    world.push("gaps", indexes, lambda index: None if index % 7 == 0 else index)

    assert pull(world, "gaps") == [None if index % 7 == 0 else index for index in indexes]


def test_a_task_that_pushed_nothing_gives_none(world: ExecutionWorld) -> None:
    assert pull(world, "nothing") is None


def test_a_value_that_redis_lost_is_an_error_whatever_slice_it_is_in(
    world: ExecutionWorld, server: RedisServer
) -> None:
    name = redis_names.hash_name("exclusive_redis_xcom", Coordinate(DAG_ID, RUN_ID, "parts", KEY))
    with redis.Redis.from_url(server.url) as client:
        for index in (0, ROWS_AT_ONCE - 2, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, SOME - 1):
            kept = client.hget(name, str(index))
            client.hdel(name, str(index))

            with pytest.raises(XComExpired, match=f"map_index {index}"):
                pull(world)

            client.hset(name, str(index), kept)
    assert pull(world) == WHOLE


@pytest.mark.parametrize("cleared", [3, ROWS_AT_ONCE - 2, ROWS_AT_ONCE - 1, ROWS_AT_ONCE + 3])
def test_an_instance_that_starts_again_meanwhile_hides_no_other(
    world: ExecutionWorld, before_second_slice: Any, cleared: int
) -> None:
    """Its own result is the earlier one where it was read before, and is missing where it was not."""
    before_second_slice(lambda: world.delete("parts", cleared))

    found = pull(world)

    world.push("parts", [cleared])
    # A slice's last row is left to the next slice.
    assert found == (WHOLE if cleared < ROWS_AT_ONCE - 1 else [index for index in WHOLE if index != cleared])


def test_an_instance_that_ends_again_meanwhile_gives_what_its_slice_finds(
    world: ExecutionWorld, before_second_slice: Any
) -> None:
    again = [3, ROWS_AT_ONCE + 3]
    before_second_slice(lambda: world.push("parts", again, lambda index: -index))

    found = pull(world)

    world.push("parts", again)
    assert found == [-index if index == ROWS_AT_ONCE + 3 else index for index in WHOLE]


def test_a_stranger_gets_nothing_after_the_first_slice(world: ExecutionWorld) -> None:
    with pytest.raises(XComAccessDenied):
        pull(world, reader="other")

    assert world.rows.messages.count("GetXComSequenceSlice") == 1


def test_values_that_are_read_once_can_be_read_again_by_the_same_task(server_mode: ExecutionWorld) -> None:
    server_mode.push("once", WHOLE)

    assert pull(server_mode, "once") == WHOLE
    assert pull(server_mode, "once") == WHOLE


PARTS = [
    slice(None),
    slice(None, None, -1),
    slice(5, None),
    slice(None, 1000),
    slice(100, 900),
    slice(900, 100, -1),
    slice(900, None, -1),
    slice(None, 100, -1),
    slice(-700, None),
    slice(None, -3),
    slice(-3, None, -1),
    slice(None, -900, -1),
    slice(-900, -100),
    slice(50, -50),
    slice(None, None, 7),
    slice(900, 100),
    slice(100, 900, -1),
    slice(-100, -900),
    slice(100, 100),
    slice(5000, None),
    slice(-5000, 700),
    slice(100, 900, 7),
    slice(900, 100, -7),
    slice(-900, -100, 7),
    slice(-100, -900, -7),
    # Airflow itself answers these with other rows on SQLite, and not at all on PostgreSQL.
    slice(900, 100, 7),
    slice(100, 900, -7),
    slice(100, 100, 7),
    slice(-100, -900, 7),
    slice(-900, -100, -7),
    slice(-5000, 700, 7),
    slice(-700, 5000, 7),
    slice(50, -5000, 7),
    slice(700, -5000, -7),
    slice(5000, -700, -7),
]


def test_slices_of_a_lazy_sequence_are_those_of_the_list(
    world: ExecutionWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.execution_time import xcom

    monkeypatch.setattr(xcom, "XCom", ExclusiveRedisXCom)
    with world.running("load") as task_instance:
        argument = world.dag.get_task("parts").output
        for part in PARTS:
            xs = argument.resolve({"ti": task_instance})

            assert xs[part] == WHOLE[part], part

        assert fetch_all(argument.resolve({"ti": task_instance})) == WHOLE


@pytest.fixture
def lazily(world: ExecutionWorld, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str], Any]:
    """What a running task gets as an argument."""
    from airflow.sdk.execution_time import xcom

    monkeypatch.setattr(xcom, "XCom", ExclusiveRedisXCom)

    def resolved(task_instance: Any, task_id: str = "parts") -> Any:
        world.rows.messages.clear()
        return world.dag.get_task(task_id).output.resolve({"ti": task_instance})

    return resolved


def test_a_loop_asks_for_few_slices(world: ExecutionWorld, lazily: Any) -> None:
    with world.running("load") as task_instance:
        xs = lazily(task_instance)

        assert [*iter(xs)] == WHOLE
        # 32, 128, then 256 at once.
        assert world.rows.messages == ["GetXComSequenceSlice"] * (2 + math.ceil((SOME - 32 - 128) / 256))


def test_a_loop_over_ended_results_asks_no_more(world: ExecutionWorld, lazily: Any) -> None:
    world.push("sparse", range(0, 48, 2))
    with world.running("load") as task_instance:
        xs = lazily(task_instance, "sparse")

        assert [xs[0], *itertools.islice(xs, 1, 3)] == [0, 2, 4]
        assert world.rows.messages == ["GetXComSequenceItem", "GetXComSequenceSlice"]


def test_read_once_values_are_claimed_at_their_turn(world: ExecutionWorld, server: RedisServer, lazily: Any) -> None:
    world.push("tickets", range(40))
    name = redis_names.hash_name("exclusive_redis_xcom", Coordinate(DAG_ID, RUN_ID, "tickets", KEY))
    with world.running("load") as task_instance, redis.Redis.from_url(server.url) as client:
        read = iter(lazily(task_instance, "tickets"))
        for taken in range(1, 36):
            assert next(read) == taken - 1
            fields = client.hgetall(name)
            claimed = [
                text for field, text in fields.items() if field.endswith(b":claim") and len(text) > VERSION_LENGTH
            ]
            assert len(claimed) == taken


def test_a_stranger_s_loop_fails_at_its_first_item(world: ExecutionWorld, lazily: Any) -> None:
    with world.running("other") as task_instance:
        read = iter(lazily(task_instance))
        for _ in range(2):
            with pytest.raises(XComAccessDenied, match="may not pull"):
                next(read)


def test_a_row_with_sqls_null_is_none(server_mode: ExecutionWorld) -> None:
    """Airflow writes JSON's null. Somebody's own SQL may write the other one."""
    server_mode.push("others", range(3))
    server_mode.edit("others", 1, None)

    answer = server_mode.get_slice("others", {"start": 0, "stop": 5, "step": 0})

    assert answer.status_code == 200, answer.text
    assert answer.json()[1] is None
