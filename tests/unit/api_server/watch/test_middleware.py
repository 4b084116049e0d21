"""Tasks write and remove XComs: what Redis knows of it, and when."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from exclusive_redis_xcom.api_server.requests import rest_body
from exclusive_redis_xcom.api_server.watch.middleware import Watch
from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store import Store
from tests.unit.api_server.ringed import OWNER
from tests.unit.api_server.watched import AT, FIRST, PREFIX, SECOND, Airflow, Memory, WatchedApp, reference_to, settings

XCOM = "/execution/xcoms/sales/run-1/extract/token"
MAPPED = replace(AT, map_index=3)
TASK = OWNER.ti_id


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def airflow() -> Airflow:
    return Airflow(status=201)


@pytest.fixture
def watched(airflow: Airflow, memory: Memory) -> Iterator[WatchedApp]:
    made = WatchedApp(airflow, memory)
    yield made
    made.close()


class TestAPush:
    def test_is_marked_when_airflow_has_taken_it_and_before_the_task_hears_of_it(
        self, watched: WatchedApp, memory: Memory, airflow: Airflow
    ) -> None:
        memory.push()
        airflow.meanwhile = memory.marked

        answer = watched.ask("POST", XCOM, reference_to(), on_answer=memory.marked)

        assert (airflow.seen, answer.seen, answer.status, answer.body) == ([False], True, 201, b"airflow")

    def test_of_a_mapped_task_is_marked_at_its_map_index(self, watched: WatchedApp, memory: Memory) -> None:
        memory.push(MAPPED)
        memory.push(replace(AT, map_index=2))

        watched.ask("POST", XCOM, reference_to(MAPPED), query=b"map_index=3&mapped_length=2")

        assert [memory.marked(replace(AT, map_index=index)) for index in (2, 3)] == [False, True]

    def test_that_airflow_refuses_is_not_marked(self, watched: WatchedApp, memory: Memory, airflow: Airflow) -> None:
        memory.push()
        airflow.status = 403

        watched.ask("POST", XCOM, reference_to())

        assert not memory.marked()

    def test_of_an_older_version_than_redis_has_takes_the_mark_away(self, watched: WatchedApp, memory: Memory) -> None:
        memory.push(version=SECOND)
        memory.store.commit(AT, SECOND)

        watched.ask("POST", XCOM, reference_to(version=FIRST))

        assert not memory.marked(version=SECOND)

    def test_that_airflow_takes_long_for_is_marked(self, watched: WatchedApp, memory: Memory, airflow: Airflow) -> None:
        watched.beat()
        memory.fake.hset(redis_names.servers_name(PREFIX), redis_names.EPOCH_FIELD, 0)
        memory.push()
        airflow.meanwhile = lambda: time.sleep(1.2)

        watched.ask("POST", XCOM, reference_to())

        assert memory.marked()
        assert memory.store.fetch_current(AT) is not None

    def test_while_all_marks_lose_their_worth_does_not_count(
        self, watched: WatchedApp, memory: Memory, airflow: Airflow
    ) -> None:
        """What it stored may have been deleted since, with all the rows of its task instance."""
        watched.beat()
        memory.fake.hset(redis_names.servers_name(PREFIX), redis_names.EPOCH_FIELD, 0)
        memory.push()

        def distrusted_for_long() -> None:
            memory.store.distrust()
            time.sleep(1.2)

        airflow.meanwhile = distrusted_for_long

        watched.ask("POST", XCOM, reference_to())

        assert memory.store.fetch_current(AT) is None

    def test_that_was_overtaken_by_a_deletion_stays_unmarked(
        self, watched: WatchedApp, memory: Memory, airflow: Airflow
    ) -> None:
        memory.push()
        airflow.meanwhile = lambda: memory.store.uncommit([AT])  # of a deletion, on another server

        watched.ask("POST", XCOM, reference_to())

        assert not memory.marked()


_FORGED = reference_to()
_FORGED["exclusive_redis_xcom"]["extra"] = 1


class TestAnythingElseInTheRow:
    @pytest.mark.parametrize(
        "body",
        [
            "a plain value",
            b"",
            b"{",
            b"[" * 5000,
            _FORGED,
            {"exclusive_redis_xcom": {}},
            reference_to(replace(AT, run_id="run-2")),
            reference_to(MAPPED),
            [reference_to()],
        ],
        ids=["plain", "nothing", "half", "deep", "forged", "empty", "of another run", "of another index", "in a list"],
    )
    def test_has_no_mark_from_before_airflow_answers(
        self, watched: WatchedApp, memory: Memory, airflow: Airflow, body: Any
    ) -> None:
        memory.mark()
        airflow.meanwhile = memory.marked

        watched.ask("POST", XCOM, body, token=TASK)

        assert (airflow.seen, memory.marked()) == ([False], False)

    @pytest.mark.parametrize("headers", [(), [(b"content-type", b"text/plain")]], ids=["no type", "text"])
    def test_a_reference_that_is_not_sent_as_json_is_something_else(
        self, watched: WatchedApp, memory: Memory, headers: Any
    ) -> None:
        memory.mark()

        watched.ask("POST", XCOM, reference_to(), headers=headers)

        assert not memory.marked()

    def test_a_body_longer_than_any_reference_is_passed_on_as_it_comes(
        self, watched: WatchedApp, memory: Memory, airflow: Airflow
    ) -> None:
        memory.mark()
        chunks = [b"x" * rest_body.MOST_PEEKED] * 5
        airflow.asks_for_body = False
        airflow.meanwhile = lambda: len(chunks)

        watched.ask("POST", XCOM, chunks=chunks)

        assert (airflow.seen, memory.marked()) == ([3], False)

    def test_airflow_reads_every_byte_of_it(self, watched: WatchedApp, airflow: Airflow) -> None:
        parts = [b"a" * 40_000, b"b" * 40_000, b"c", b""]

        watched.ask("POST", XCOM, chunks=list(parts))

        assert airflow.bodies == [b"".join(parts)]


class TestADeletion:
    def test_takes_the_mark_before_and_again_after(self, watched: WatchedApp, memory: Memory, airflow: Airflow) -> None:
        memory.mark()

        def pushed_meanwhile() -> bool:
            marked_then = memory.marked()
            memory.mark()  # a push that another server was at
            return marked_then

        airflow.meanwhile = pushed_meanwhile
        answer = watched.ask("DELETE", XCOM, token=TASK, on_answer=memory.marked)

        assert (airflow.seen, answer.seen) == ([False], False)

    def test_of_another_map_index_leaves_it(self, watched: WatchedApp, memory: Memory) -> None:
        memory.mark(MAPPED)

        watched.ask("DELETE", XCOM, query=b"map_index=4", token=TASK)

        assert memory.marked(MAPPED)


@pytest.mark.parametrize("status", [307, 400, 401, 403, 404, 409, 422])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_what_airflow_did_not_do_leaves_the_mark_and_does_not_ask_redis(
    watched: WatchedApp, memory: Memory, airflow: Airflow, method: str, status: int
) -> None:
    memory.mark()
    watched.beat()
    asked = memory.asked
    airflow.status = status

    answer = watched.ask(method, XCOM, "plain", token="nonsense")

    assert (answer.status, memory.marked(), memory.asked) == (status, True, asked)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_where_airflow_fails_in_the_middle_the_mark_goes_and_the_answer_is_airflows(
    watched: WatchedApp, memory: Memory, airflow: Airflow, method: str
) -> None:
    memory.push()
    memory.store.commit(AT, FIRST)
    airflow.status = 503

    answer = watched.ask(method, XCOM, reference_to())

    assert (answer.status, answer.body, memory.marked()) == (503, b"airflow", False)


def test_so_it_does_where_airflow_raises(watched: WatchedApp, memory: Memory, airflow: Airflow) -> None:
    memory.mark()
    airflow.raises = RuntimeError("of Airflow")

    with pytest.raises(RuntimeError, match="of Airflow"):
        watched.ask("POST", XCOM, reference_to())

    assert not memory.marked()


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("PUT", XCOM, b""),
        ("post", XCOM, b""),
        ("DELETE", "/execution/xcoms/sales", b""),
        ("POST", XCOM, b"map_index=1&map_index=2"),
        ("POST", XCOM, b"map_index=%2B1"),
        ("DELETE", f"/execution/xcoms/sales/run-1/{'x' * 1001}/token", b""),
    ],
)
def test_after_a_write_that_is_not_understood_no_mark_counts(
    watched: WatchedApp, memory: Memory, method: str, path: str, query: bytes
) -> None:
    with watched.moved() as moved:
        watched.ask(method, path, reference_to(), query=query)

    assert moved == [True]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", XCOM),
        ("HEAD", XCOM),
        ("OPTIONS", XCOM),
        ("GET", "/api/v2/dags/sales/dagRuns/run-1/taskInstances/extract/xcomEntries/token"),
        ("PATCH", "/execution/task-instances/1/state"),
        ("PUT", "/execution/variables/x"),
        ("POST", "/api/v2/dags/sales/dagRuns"),
        ("POST", "/execution/xcomsy/a/b/c/d"),
    ],
)
def test_everything_else_is_passed_on_as_it_is(memory: Memory, method: str, path: str) -> None:
    passed: list[Any] = []

    async def airflow(scope: Any, receive: Any, send: Any) -> None:
        passed.append((scope, receive, send))

    async def receive() -> Any:
        raise AssertionError

    async def send(message: Any) -> None:
        raise AssertionError

    watched = WatchedApp(airflow, memory)
    scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
    asyncio.run(watched.watch(scope, receive, send))
    watched.close()

    assert passed == [(scope, receive, send)]


class TestItDoesNothing:
    @pytest.mark.parametrize("changes", [{"enforcement": "server"}, {"direct_pulls": "off"}])
    def test_where_no_task_pulls_directly(self, memory: Memory, airflow: Airflow, changes: dict[str, Any]) -> None:
        watched = WatchedApp(airflow, memory, **changes)
        memory.mark()
        asked = memory.asked

        watched.ask("POST", XCOM, "plain", token=TASK)

        assert (memory.asked, memory.marked(), memory.servers()) == (asked, True, b"")

    def test_where_there_is_no_redis_and_says_so_once(self, airflow: Airflow, caplog: pytest.LogCaptureFixture) -> None:
        def no_redis() -> Store:
            raise ConfigurationError("[exclusive_redis_xcom] redis_conn_id: there is no such connection.")

        made = Watch(airflow, settings=settings(redis_url=None), store=no_redis)
        watched = WatchedApp(airflow, Memory())
        watched.watch = made

        answers = [watched.ask("POST", XCOM, reference_to()) for _ in range(3)]

        assert [answer.status for answer in answers] == [201, 201, 201]
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        assert "there is no such connection" in caplog.text

    def test_where_the_url_is_none_of_a_redis(self, airflow: Airflow, caplog: pytest.LogCaptureFixture) -> None:
        made = Watch(airflow, settings=settings(redis_url="http://canary@host"))

        assert made._inert
        assert (
            "XCom rows are not watched, so each pull asks an API server (direct_pulls has no effect): " in caplog.text
        )
        assert "canary" not in caplog.text


def test_a_server_that_ends_takes_leave_when_airflow_has_ended(memory: Memory) -> None:
    heard: list[Any] = []

    async def airflow(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(2):
            await send({"type": (await receive())["type"] + ".complete"})

    watched = WatchedApp(airflow, memory)

    async def run() -> None:
        messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

        async def receive() -> Any:
            return messages.pop(0)

        async def send(message: Any) -> None:
            while not heard and not memory.servers():  # the first beat, in a thread
                await asyncio.to_thread(time.sleep, 0.01)
            heard.append((message["type"], memory.servers() != b""))

        await watched.watch({"type": "lifespan"}, receive, send)

    asyncio.run(run())

    assert heard == [("lifespan.startup.complete", True), ("lifespan.shutdown.complete", False)]


def test_a_value_is_never_logged(
    watched: WatchedApp, memory: Memory, caplog: pytest.LogCaptureFixture, airflow: Airflow
) -> None:
    watched.beat()
    memory.up = False
    watched.watch._heart._misses._believed_until = 0.0  # as after 6 seconds

    with caplog.at_level(logging.DEBUG, "exclusive_redis_xcom"):
        watched.ask("POST", XCOM, "canary", token=TASK)

    assert "Redis could not be told" in caplog.text
    assert "canary" not in caplog.text


def test_coordinates_are_those_that_airflows_router_reads(watched: WatchedApp, memory: Memory) -> None:
    at = Coordinate("sales", "run-1", "extract", "a/b c/slice")
    memory.push(at)

    watched.ask("POST", "/execution/xcoms/sales/run-1/extract/a/b c/slice", reference_to(at))

    assert memory.marked(at)
