"""GETs whose answer the ring does not open: it is Airflow's own matter, or the ring cannot decide and answers 503."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from exclusive_redis_xcom.api_server.ring import rewritable_answer
from tests.unit.api_server.ringed import (
    CONSUMER,
    STRANGER,
    XCOM,
    Airflow,
    World,
    collector,
    nothing,
    scope_of,
    value,
)
from tests.unit.sealed_reference import sealed_reference

SEALED = sealed_reference().to_json()


class TestWhatIsNotForTheRing:
    @pytest.mark.parametrize("status", [401, 403, 404, 422, 500])
    def test_an_answer_other_than_200_passes(self, status: int) -> None:
        world = World(Airflow({"detail": SEALED}, status=status))

        answer = world.ask("GET", XCOM, CONSUMER)

        assert (answer.status_code, answer.json()) == (status, {"detail": SEALED})
        assert world.looked_up == []

    def test_an_answer_other_than_json_passes_as_it_comes(self) -> None:
        body = b'{"exclusive_redis_xcom"' * 10
        answer = World(Airflow(body, content_type="text/html", chunks=3)).ask("GET", XCOM, CONSUMER)

        assert answer.content == body

    def test_counting_is_airflows(self) -> None:
        world = World(Airflow(b""))

        assert world.ask("HEAD", XCOM, STRANGER).status_code == 200
        assert world.airflow.calls == 1

    def test_what_airflow_raises_is_raised(self) -> None:
        with pytest.raises(KeyError, match="airflow's own"):
            World(Airflow(raises=KeyError("airflow's own"))).ask("GET", XCOM, CONSUMER)


class TestWhereItCannotDecide:
    @pytest.mark.parametrize(
        ("route", "body"),
        [
            ("", [SEALED]),
            ("", {"no value": SEALED}),
            ("/slice", value(SEALED)),
            ("", b'{"value": "exclusive_redis_xcom'),
            ("", b"[" * 100_000 + b'"exclusive_redis_xcom"'),
        ],
    )
    def test_an_answer_of_another_form_is_kept_back(self, route: str, body: Any) -> None:
        answer = World(Airflow(body)).ask("GET", XCOM + route, CONSUMER)

        assert answer.status_code == 503
        assert answer.json()["detail"]["reason"] == "cannot_decide"

    def test_a_database_that_fails_is_not_a_refusal_and_is_not_quoted(self, caplog: pytest.LogCaptureFixture) -> None:
        world = World(Airflow(value(SEALED)))
        world.look_up_error = RuntimeError("password=hunter2")

        answer = world.ask("GET", XCOM, CONSUMER)

        assert answer.status_code == 503
        assert "hunter2" not in answer.text + caplog.text
        assert "RuntimeError" in caplog.text

    def test_an_answer_that_is_too_long_is_kept_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rewritable_answer, "MAX_ANSWER_BYTES", 1000)

        answer = World(Airflow([SEALED] * 9, chunks=9)).ask("GET", XCOM + "/slice", CONSUMER)

        assert answer.status_code == 503
        assert "1000 bytes" in answer.json()["detail"]["message"]


START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
BODY = {"type": "http.response.body", "body": json.dumps(value(SEALED)).encode()}
ERROR = {**START, "status": 500}


class TestStrangeAnswers:
    @pytest.mark.parametrize(
        "messages",
        [
            [],
            [START],
            [START, {**BODY, "more_body": True}],
            [BODY],
            [START, BODY, BODY],
            [START, ERROR, BODY],
            [START, {"type": "http.response.pathsend", "path": "/etc/passwd"}],
            [{"type": "http.response.debug"}, START, BODY],
        ],
    )
    def test_an_answer_that_is_none_is_kept_back_whole(self, messages: list[dict[str, Any]]) -> None:
        async def airflow(scope: Any, receive: Any, send: Any) -> None:
            for message in messages:
                await send(message)

        answer = World(airflow).ask("GET", XCOM, CONSUMER)  # type: ignore[arg-type]

        assert answer.status_code == 503
        assert "data_key" not in answer.text

    def test_what_airflow_raises_after_its_answer_began_sends_nothing_of_it(self) -> None:
        async def airflow(scope: Any, receive: Any, send: Any) -> None:
            await send(START)
            raise KeyError("airflow's own")

        sent: list[Any] = []
        with pytest.raises(KeyError):
            asyncio.run(World(airflow).app(scope_of(XCOM), nothing, collector(sent)))  # type: ignore[arg-type]
        assert sent == []
