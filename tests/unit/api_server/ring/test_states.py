"""What the ring knows of a task's state, when it answers a change of states, and what it says when it fails."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from exclusive_redis_xcom.api_server.ring.middleware import Ring
from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.formats.reference import parse
from tests.unit.api_server.ringed import CONSUMER, XCOM, Airflow, World, collector, nothing, scope_of, settings
from tests.unit.sealed_reference import sealed_reference

SEALED = {"key": "token", "value": sealed_reference().to_json()}


def reason(answer: object) -> str | None:
    seal = parse(answer).seal
    return seal.refused.reason if seal and seal.refused else None


def test_a_task_that_was_ended_reads_nothing_any_more_however_it_was_ended() -> None:
    world = World(Airflow(SEALED))

    first = world.ask("GET", XCOM, CONSUMER).json()["value"]
    world.people[CONSUMER.ti_id] = replace(CONSUMER, state="failed")  # by the scheduler, or another API server
    second = world.ask("GET", XCOM, CONSUMER).json()["value"]

    assert (reason(first), reason(second)) == (None, "not_running")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", f"/execution/task-instances/{CONSUMER.ti_id}/state"),
        ("PATCH", f"/execution/task-instances/{CONSUMER.ti_id}/run"),
        ("POST", "/execution/dag-runs/sales/run_1/clear"),
        ("PATCH", "/api/v2/dags/sales/dagRuns/run_1"),
        ("POST", "/api/v2/dags/sales/clearTaskInstances"),
    ],
)
class TestAnswersToChanges:
    """Older FastAPIs commit after the answer is sent. Who has the answer must find the new state in the database."""

    def test_the_answer_is_sent_when_the_change_is_committed(self, method: str, path: str) -> None:
        committed_at_each_message: list[bool] = []
        committed = False

        async def airflow(scope: Any, receive: Any, send: Any) -> None:
            nonlocal committed
            await Airflow({"done": True}, chunks=2)(scope, receive, send)
            committed = True

        async def send(message: Any) -> None:
            committed_at_each_message.append(committed)

        app = World(airflow).app  # type: ignore[arg-type]
        asyncio.run(app(scope_of(path, method=method), nothing, send))

        assert committed_at_each_message == [True] * 3

    def test_it_is_not_sent_where_the_commit_fails(self, method: str, path: str) -> None:
        sent: list[Any] = []

        async def airflow(scope: Any, receive: Any, send: Any) -> None:
            await Airflow({"done": True})(scope, receive, send)
            raise OSError("the database is gone")

        app = World(airflow).app  # type: ignore[arg-type]
        with pytest.raises(OSError, match="gone"):
            asyncio.run(app(scope_of(path, method=method), nothing, collector(sent)))

        assert sent == []


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/v2/dags"), ("POST", "/other/chat"), ("POST", "/api/v2x")])
def test_an_answer_to_anything_else_is_sent_as_it_comes(method: str, path: str) -> None:
    sent: list[Any] = []
    seen: list[int] = []

    async def airflow(scope: Any, receive: Any, send: Any) -> None:
        await Airflow({"done": True}, chunks=2)(scope, receive, send)
        seen.append(len(sent))

    app = World(airflow).app  # type: ignore[arg-type]
    asyncio.run(app(scope_of(path, method=method), nothing, collector(sent)))

    assert seen == [3]


@pytest.mark.parametrize("url", ["nonsense", "http://redis", "redis://host:port"])
def test_a_redis_url_that_cannot_be_one_keeps_the_server_from_starting_and_the_log_says_so(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ConfigurationError):
        Ring(Airflow(), settings=settings(redis_url=url))

    assert "answers 500 to everything: " in caplog.text


def test_the_log_says_why_nothing_could_be_decided_and_the_caller_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    def unavailable() -> None:
        raise ConfigurationError("[exclusive_redis_xcom] redis_conn_id: there is no Airflow connection 'x'.")

    once = sealed_reference({"consumers": ["load"], "once": True}).to_json()
    world = World(Airflow({"key": "token", "value": once}), store=unavailable)

    answer = world.ask("GET", XCOM, CONSUMER)

    assert answer.status_code == 503
    assert "there is no Airflow connection" in caplog.text
    assert "connection" not in answer.text


def test_of_errors_of_others_the_log_has_the_type_alone(caplog: pytest.LogCaptureFixture) -> None:
    world = World(Airflow(SEALED))
    world.look_up_error = RuntimeError("postgresql://user:canary@host")

    assert world.ask("GET", XCOM, CONSUMER).status_code == 503
    assert "RuntimeError" in caplog.text
    assert "canary" not in caplog.text
