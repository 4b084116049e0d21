"""What leaves the ring and what it asks for, message by message: headers, counters, look-ups, Redis."""

from __future__ import annotations

from typing import Any

import pytest

from exclusive_redis_xcom.api_server.requests.store_source import StoreSource
from exclusive_redis_xcom.api_server.ring import answers, audit
from exclusive_redis_xcom.errors import ConfigurationError, StoreUnavailable
from tests.unit.api_server.rested import REFERENCE, XCOMS
from tests.unit.api_server.ringed import (
    CONSUMER,
    OWNER,
    STRANGER,
    XCOM,
    Airflow,
    World,
    messages_of,
    scope_of,
    settings,
)
from tests.unit.sealed_reference import AT, sealed_reference

SEALED = {"key": "token", "value": sealed_reference().to_json()}


def test_an_opened_answer_keeps_airflows_headers_but_for_the_length() -> None:
    headers = [(b"authorization", f"Bearer {CONSUMER.ti_id}".encode())]

    start, body = messages_of(World(Airflow(SEALED)).app, scope_of(XCOM, headers=headers))

    length = str(len(body["body"])).encode()
    assert start["headers"][:2] == [(b"content-type", b"application/json"), (b"content-length", length)]


def test_an_answer_of_an_unknown_form_is_explained() -> None:
    answer = World(Airflow([SEALED])).ask("GET", XCOM, CONSUMER)

    assert answer.json()["detail"]["message"] == (
        "Airflow's answer has a form that this release of exclusive-redis-xcom does not know."
    )


def test_without_a_token_no_task_instance_is_looked_up() -> None:
    world = World(Airflow(SEALED))

    world.ask("GET", XCOM)

    assert world.looked_up == []


def test_redis_is_not_asked_about_what_may_be_read_twice() -> None:
    assert World(Airflow(SEALED), store=pytest.fail).ask("GET", XCOM, CONSUMER).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", XCOM),
        ("PATCH", f"/execution/task-instances/{OWNER.ti_id}/state"),
        ("POST", "/api/v2/variables"),
        ("POST", "/ui/backfills"),
    ],
)
def test_airflow_reads_the_body_of_what_passes(method: str, path: str) -> None:
    bodies = []

    async def airflow(scope: Any, receive: Any, send: Any) -> None:
        bodies.append((await receive())["body"])
        await Airflow()(scope, receive, send)

    World(airflow).ask(method, path, OWNER, content=b'"body"')  # type: ignore[arg-type]

    assert bodies == [b'"body"']


def test_what_is_refused_unread_says_why() -> None:
    answer = World(Airflow()).ask("PATCH", XCOM, OWNER)

    assert answer.json()["detail"]["message"].startswith("Refused by exclusive-redis-xcom: ")
    assert len(answer.json()["detail"]["message"]) > len("Refused by exclusive-redis-xcom: .")


def test_edits_over_the_public_api_meet_the_rings_guard(tokens: dict[str, str]) -> None:
    world = World(Airflow({}))
    headers = {"Authorization": f"Bearer {tokens['admin']}"}

    refused = world.ask("POST", XCOMS, headers=headers, json={"key": "new", "value": REFERENCE})
    passed = world.ask("POST", XCOMS, headers=headers, json={"key": "new", "value": "plain"})

    assert (refused.status_code, passed.status_code, world.airflow.calls) == (403, 200, 1)


class TestCounters:
    @pytest.fixture
    def counted(self, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        """What Airflow's own Stats are given."""
        counted: list[Any] = []

        def incr(name: str, count: int = 1, rate: float = 1, *, tags: Any = None) -> None:
            counted.append((name, count, tags))

        monkeypatch.setattr(audit._server_stats(), "incr", incr, raising=False)
        return counted

    def test_values_are_counted_under_their_producer(self, counted: list[Any]) -> None:
        slice_of_two = [SEALED["value"]] * 2

        World(Airflow(slice_of_two)).ask("GET", f"{XCOM}/slice", CONSUMER)
        World(Airflow(SEALED)).ask("GET", XCOM, STRANGER)
        World(Airflow()).ask("POST", XCOM, STRANGER)

        tags = {"dag_id": "sales", "task_id": "extract"}
        assert counted == [
            ("exclusive_redis_xcom.ring.released", 2, tags),
            ("exclusive_redis_xcom.ring.refused", 1, tags),
            ("exclusive_redis_xcom.ring.write_refused", 1, {}),  # whose ids the caller made up
        ]

    def test_what_has_no_coordinate_has_no_tags_and_other_events_no_counter(self, counted: list[Any]) -> None:
        audit.tally([audit.Record(audit.DENIED, None, "x"), audit.Record(audit.REMOVED, AT, "x")])

        assert counted == [("exclusive_redis_xcom.ring.refused", 1, {})]

    @pytest.mark.parametrize(
        ("error", "tag"),
        [
            (StoreUnavailable("Redis is down."), "StoreUnavailable"),
            (ConfigurationError("redis_url is wrong."), "ConfigurationError"),
            (audit.AuditFailed(), "AuditFailed"),
            (answers.CannotDecide("an unknown form"), "CannotDecide"),
            (LookupError("of a driver, whose text says too much"), "other"),
        ],
    )
    def test_what_could_not_be_decided_is_counted_by_the_type_of_the_error(
        self, counted: list[Any], error: Exception, tag: str
    ) -> None:
        world = World(Airflow(SEALED))
        world.look_up_error = error

        assert world.ask("GET", XCOM, CONSUMER).status_code == 503
        assert world.ask("POST", XCOM, CONSUMER).status_code == 503
        assert counted == [("exclusive_redis_xcom.ring.failed", 1, {"error": tag})] * 2

    def test_a_backend_that_fails_is_logged_without_its_text(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def incr(*_: Any, **__: Any) -> None:
            raise ConnectionError("statsd://user:hunter2@host is down")

        monkeypatch.setattr(audit._server_stats(), "incr", incr, raising=False)

        assert World(Airflow(SEALED)).ask("GET", XCOM, CONSUMER).status_code == 200
        assert caplog.messages == ["XCom metrics could not be sent: ConnectionError"]


def test_the_store_is_made_once_from_the_settings_and_gives_up_soon() -> None:
    source = StoreSource(settings(redis_url="redis://127.0.0.1:1", key_prefix="mine"))

    assert source() is source()
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1"):
        source().claim([(AT, "0" * 32)], "[]")
