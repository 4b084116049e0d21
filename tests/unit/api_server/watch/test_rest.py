"""People edit, delete and clear over REST, with Airflow's own tables and auth manager: which marks are left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from exclusive_redis_xcom.api_server.requests import rest_body
from exclusive_redis_xcom.api_server.watch import touched
from exclusive_redis_xcom.model import Coordinate
from tests.unit.api_server.rested import AT, REFERENCE, RUN, TASK, XCOMS, Airflow
from tests.unit.api_server.watched import Answer, Memory, WatchedApp

OTHER_TASK = replace(AT, task_id="load")
OTHER_KEY = replace(AT, key="other")
OTHER_RUN = replace(AT, run_id="run-2")
OTHER_DAG = replace(AT, dag_id="stock")
PARTS = [replace(AT, map_index=index) for index in range(3)]

DAG = "/api/v2/dags/sales"


class Clerk:
    """People's requests to Airflow's tables, with the watch around them."""

    def __init__(self, airflow: Airflow, memory: Memory, tokens: dict[str, str]) -> None:
        self.airflow = airflow
        self.memory = memory
        self.watched = WatchedApp(self._serve, memory)
        self.meanwhile: Callable[[], Any] = lambda: None
        self.seen: list[Any] = []
        self._tokens = tokens

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append(self.meanwhile())
        await self.airflow(scope, receive, send)

    def have(self, *coordinates: Coordinate) -> None:
        for at in coordinates:
            self.airflow.put(at, REFERENCE)
            self.memory.mark(at)

    def marked(self, *coordinates: Coordinate) -> list[Coordinate]:
        return [at for at in coordinates if self.memory.marked(at)]

    def __call__(self, method: str, path: str, body: Any = b"", *, who: str | None = "admin", **kwargs: Any) -> Answer:
        return self.watched.ask(method, path, body, token=who and self._tokens[who], **kwargs)


@pytest.fixture
def clerk(airflow: Airflow, tokens: dict[str, str]) -> Iterator[Clerk]:
    made = Clerk(airflow, Memory(), tokens)
    yield made
    made.watched.close()


def deleting(*entities: Any) -> dict[str, Any]:
    return {"actions": [{"action": "delete", "entities": list(entities)}]}


class TestOneXCom:
    @pytest.mark.parametrize(
        ("method", "path", "body", "query"),
        [
            ("PATCH", f"{XCOMS}/token", {"value": 1}, b""),
            ("PATCH", f"{XCOMS}/token", {"value": 1, "map_index": -1}, b""),
            ("POST", XCOMS, {"key": "token", "value": 1}, b""),
            ("DELETE", f"{XCOMS}/token", b"", b""),
            ("DELETE", f"{XCOMS}/token", b"", b"map_index=-1"),
        ],
    )
    def test_loses_its_mark_before_and_again_after_and_no_other_does(
        self, clerk: Clerk, method: str, path: str, body: Any, query: bytes
    ) -> None:
        clerk.have(AT, PARTS[0], OTHER_KEY)

        def pushed_meanwhile() -> list[Coordinate]:
            marked_then = clerk.marked(AT)
            clerk.memory.mark(AT)
            return marked_then

        clerk.meanwhile = pushed_meanwhile
        answer = clerk(method, path, body, query=query, on_answer=lambda: clerk.marked(AT))

        assert (clerk.seen, answer.seen, answer.status, answer.body) == ([[]], [], 200, b"airflow")
        assert clerk.marked(PARTS[0], OTHER_KEY) == [PARTS[0], OTHER_KEY]

    @pytest.mark.parametrize(
        ("method", "path", "body", "query"),
        [
            ("PATCH", f"{XCOMS}/token", {"value": 1, "map_index": 1}, b""),
            ("POST", XCOMS, {"key": "token", "map_index": 1}, b""),
            ("DELETE", f"{XCOMS}/token", b"", b"map_index=1"),
        ],
    )
    def test_is_that_of_the_map_index_named(
        self, clerk: Clerk, method: str, path: str, body: Any, query: bytes
    ) -> None:
        clerk.have(AT, *PARTS)

        clerk(method, path, body, query=query)

        assert clerk.marked(AT, *PARTS) == [AT, PARTS[0], PARTS[2]]

    @pytest.mark.parametrize(
        ("method", "path", "body", "query"),
        [
            ("PATCH", f"{XCOMS}/token", {"value": 1, "map_index": "1"}, b""),
            ("PATCH", f"{XCOMS}/token", {"value": 1, "map_index": True}, b""),
            ("PATCH", f"{XCOMS}/token", b"x" * (rest_body.MOST_PEEKED + 1), b""),
            ("POST", XCOMS, {"key": 5}, b""),
            ("POST", XCOMS, b"[]", b""),
            ("DELETE", f"{XCOMS}/token", b"", b"map_index=1&map_index=2"),
            ("PUT", f"{XCOMS}/token", {"value": 1}, b""),
            ("DELETE", "/api/v2/xcomEntries/token", b"", b""),
        ],
    )
    def test_that_is_not_told_for_certain_leaves_no_mark_that_counts(
        self, clerk: Clerk, method: str, path: str, body: Any, query: bytes
    ) -> None:
        with clerk.watched.moved() as moved:
            clerk.seen.clear()
            clerk.meanwhile = lambda: clerk.memory.epoch() > 1
            clerk(method, path, body, query=query)

        assert (clerk.seen, moved) == ([True], [True])

    @pytest.mark.parametrize("status", [401, 403, 404, 409, 422])
    def test_keeps_its_mark_where_it_was_not_changed(self, clerk: Clerk, airflow: Airflow, status: int) -> None:
        clerk.have(AT)
        airflow.status = status

        clerk("PATCH", f"{XCOMS}/token", {"value": 1}, who=None)

        assert clerk.marked(AT) == [AT]


@pytest.mark.parametrize(
    ("method", "path", "body", "left"),
    [
        ("DELETE", RUN, b"", [OTHER_RUN, OTHER_DAG]),
        ("DELETE", DAG, b"", [OTHER_DAG]),
        ("PATCH", f"{DAG}/dagRuns", deleting("run-1"), [OTHER_RUN, OTHER_DAG]),
        ("PATCH", "/api/v2/dags/~/dagRuns", deleting({"dag_id": "sales", "dag_run_id": "run-2"}), [AT, OTHER_DAG]),
    ],
)
def test_the_marks_of_what_is_deleted_go_before_and_again_after(
    clerk: Clerk, method: str, path: str, body: Any, left: list[Coordinate]
) -> None:
    everything = [AT, *PARTS, OTHER_RUN, OTHER_DAG]
    clerk.have(*everything)

    def pushed_meanwhile() -> list[Coordinate]:
        marked_then = clerk.marked(*everything)
        clerk.memory.mark(*everything)
        return marked_then

    clerk.meanwhile = pushed_meanwhile
    clerk.airflow.sql = "DELETE FROM xcom WHERE run_id = 'run-1'"
    answer = clerk(method, path, body)

    expected = [at for at in everything if at in left or (AT in left and at in PARTS)]
    assert (answer.status, clerk.seen, clerk.marked(*everything)) == (200, [expected], expected)


@pytest.mark.parametrize(
    ("method", "path", "body", "query", "left"),
    [
        ("DELETE", TASK, b"", b"", [*PARTS, OTHER_TASK]),
        ("DELETE", TASK, b"", b"map_index=1", [AT, PARTS[0], PARTS[2], OTHER_TASK]),
        ("PATCH", f"{RUN}/taskInstances", deleting("extract"), b"", [OTHER_TASK]),
    ],
)
def test_of_deleted_task_instances_also_what_they_push_meanwhile_has_no_mark_that_counts(
    clerk: Clerk, method: str, path: str, body: Any, query: bytes, left: list[Coordinate]
) -> None:
    clerk.have(AT, *PARTS, OTHER_TASK)

    with clerk.watched.moved() as moved:
        clerk.meanwhile = clerk.memory.epoch
        clerk.seen.clear()
        clerk(method, path, body, query=query)

    assert (clerk.marked(AT, *PARTS, OTHER_TASK), clerk.seen, moved) == (left, [1], [True])


def test_of_more_rows_than_are_named_one_by_one_all_marks_lose_their_worth(
    clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(touched, "MOST_ROWS", 3)
    clerk.have(AT, *PARTS)

    with clerk.watched.moved() as moved:
        clerk.seen.clear()
        clerk.meanwhile = lambda: clerk.memory.epoch() > 1
        clerk("DELETE", RUN)

    assert (clerk.seen, moved) == ([True], [True])


def test_so_they_do_where_rows_cannot_be_listed_and_the_deletion_goes_on(
    clerk: Clerk, airflow: Airflow, caplog: pytest.LogCaptureFixture
) -> None:
    airflow.run("ALTER TABLE xcom RENAME TO elsewhere")
    try:
        with clerk.watched.moved() as moved:
            answer = clerk("DELETE", RUN)
    finally:
        airflow.run("ALTER TABLE elsewhere RENAME TO xcom")

    assert (answer.status, moved) == (200, [True])
    assert "The XComs that a request changes could not be listed: OperationalError" in caplog.text


@pytest.mark.parametrize("who", [None, "garbage", "expired", "viewer"])
@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", RUN), ("DELETE", DAG), ("DELETE", f"{XCOMS}/token"), ("PATCH", f"{XCOMS}/token")]
)
def test_for_whom_airflow_refuses_neither_redis_nor_the_table_is_asked(
    clerk: Clerk, airflow: Airflow, method: str, path: str, who: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    clerk.have(AT)
    airflow.status = 403
    airflow.run("ALTER TABLE xcom RENAME TO elsewhere")
    clerk.watched.beat()
    clerk.seen.clear()
    asked = clerk.memory.asked
    try:
        answer = clerk(method, path, {"value": 1}, who=who)
    finally:
        airflow.run("ALTER TABLE elsewhere RENAME TO xcom")

    assert (answer.status, clerk.memory.asked, clerk.marked(AT)) == (403, asked, [AT])
    assert [record for record in caplog.records if record.name.startswith("exclusive_redis_xcom")] == []


@pytest.mark.parametrize(("method", "path"), [("DELETE", RUN), ("DELETE", TASK), ("PATCH", f"{DAG}/dagRuns")])
def test_what_airflow_does_for_somebody_unknown_here_leaves_no_mark_that_counts(
    clerk: Clerk, method: str, path: str
) -> None:
    with clerk.watched.moved() as moved:
        clerk(method, path, deleting("run-1"), who=None)

    assert moved == [True]


@pytest.mark.parametrize("body", [{"actions": []}, deleting(), {"actions": [{"action": "update", "entities": ["x"]}]}])
def test_a_bulk_request_that_deletes_nothing_is_passed_on(clerk: Clerk, body: Any) -> None:
    clerk.have(AT)

    with clerk.watched.moved() as moved:
        answer = clerk("PATCH", f"{RUN}/taskInstances", body)

    assert (answer.status, moved, clerk.marked(AT)) == (200, [False], [AT])


RANGE = {"dry_run": False, "start_date": "2026-01-01T00:00:00Z"}


class TestClearing:
    @pytest.mark.parametrize(
        ("path", "body", "left"),
        [
            (f"{DAG}/clearTaskInstances", {"dry_run": False, "dag_run_id": "run-1"}, [OTHER_RUN, OTHER_DAG]),
            (
                f"{DAG}/clearTaskInstances",
                {"dry_run": False, "dag_run_id": "run-1", "include_future": True},
                [OTHER_DAG],
            ),
            (f"{DAG}/clearTaskInstances", RANGE, [OTHER_DAG]),
            (f"{RUN}/clear", {"dry_run": False}, [OTHER_RUN, OTHER_DAG]),
            (f"{DAG}/clearDagRuns", {"dry_run": False, "dag_runs": [{"dag_run_id": "run-1"}]}, [OTHER_DAG]),
            (f"{DAG}/clearPartitions", {"dry_run": False, "partition_key": "k"}, [OTHER_DAG]),
            ("/api/v2/backfills", {"dag_id": "sales", "reprocess_behavior": "completed"}, [OTHER_DAG]),
            ("/execution/dag-runs/sales/run-1/clear", b"", [OTHER_RUN, OTHER_DAG]),
        ],
    )
    def test_takes_the_marks_in_its_reach(self, clerk: Clerk, path: str, body: Any, left: list[Coordinate]) -> None:
        everything = [AT, *PARTS, OTHER_RUN, OTHER_DAG]
        clerk.have(*everything)

        answer = clerk("POST", path, body, on_answer=lambda: clerk.marked(*everything))

        assert (answer.status, answer.seen) == (200, left)

    @pytest.mark.parametrize("path", [f"{DAG}/clearTaskInstances", f"{RUN}/clear"])
    def test_as_a_question_takes_none(self, clerk: Clerk, path: str) -> None:
        clerk.have(AT)

        clerk("POST", path, {"dry_run": True, "dag_run_id": "run-1"})

        assert clerk.marked(AT) == [AT]

    @pytest.mark.parametrize("status", [400, 401, 403, 404])
    def test_that_airflow_refuses_asks_neither_redis_nor_the_table(
        self, clerk: Clerk, airflow: Airflow, status: int
    ) -> None:
        clerk.have(AT)
        airflow.status = status
        airflow.run("ALTER TABLE xcom RENAME TO elsewhere")
        try:
            clerk("POST", f"{RUN}/clear", {"dry_run": False}, who=None)
        finally:
            airflow.run("ALTER TABLE elsewhere RENAME TO xcom")

        assert clerk.marked(AT) == [AT]

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/api/v2/dags/~/clearDagRuns", {"dag_runs": [{"dag_id": "sales", "dag_run_id": "run-1"}]}),
            ("/api/v2/backfills", {}),
            (f"{DAG}/clearTaskInstances", b" " * (rest_body.MOST_PEEKED + 1)),
        ],
    )
    def test_whose_reach_is_not_known_leaves_no_mark_that_counts(self, clerk: Clerk, path: str, body: Any) -> None:
        with clerk.watched.moved() as moved:
            clerk("POST", path, body)

        assert moved == [True]


def test_a_client_that_goes_away_is_airflows_to_notice(clerk: Clerk) -> None:
    received: list[Any] = []

    async def airflow(scope: Any, receive: Any, send: Any) -> None:
        received.append(await receive())

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    watched = WatchedApp(airflow, clerk.memory)
    scope = {
        **{"type": "http", "method": "PATCH", "path": f"{DAG}/dagRuns", "root_path": ""},
        **{"query_string": b"", "headers": [], "state": {}},
    }
    asyncio.run(watched.watch(scope, receive, lambda message: asyncio.sleep(0)))
    watched.close()

    assert received == [{"type": "http.disconnect"}]
