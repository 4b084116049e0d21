"""What the ring believes about a task instance ends with any request that may change it; what it says when it fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exclusive_redis_xcom.api_server.ring.middleware import Ring
from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.formats.reference import parse
from tests.unit.api_server.ringed import CONSUMER, XCOM, Airflow, World, settings
from tests.unit.sealed_reference import sealed_reference

SEALED = {"key": "token", "value": sealed_reference().to_json()}


def reason(answer: object) -> str | None:
    seal = parse(answer).seal
    return seal.refused.reason if seal and seal.refused else None


@pytest.mark.parametrize(
    ("method", "path", "believed"),
    [
        ("PATCH", f"/execution/task-instances/{CONSUMER.ti_id}/state", False),
        ("PATCH", "/api/v2/dags/sales/dagRuns/run_1/taskInstances/load", False),
        ("PATCH", "/api/v2/dags/sales/dagRuns/run_1", False),
        ("POST", "/api/v2/dags/sales/clearTaskInstances", False),
        ("DELETE", "/api/v2/dags/sales/dagRuns/run_1", False),
        ("GET", "/api/v2/dags/sales/dagRuns/run_1", True),
        ("GET", "/health", True),
    ],
)
def test_a_task_that_was_ended_through_this_server_reads_nothing_any_more(
    method: str, path: str, believed: bool
) -> None:
    world = World(Airflow(SEALED))

    first = world.ask("GET", XCOM, CONSUMER).json()["value"]
    world.people[CONSUMER.ti_id] = replace(CONSUMER, state="failed")
    answers = world.ask_all([(method, path, None, {}), ("GET", XCOM, CONSUMER, {})])

    assert reason(first) is None
    assert (reason(answers[1].json()["value"]) is None) is believed


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
