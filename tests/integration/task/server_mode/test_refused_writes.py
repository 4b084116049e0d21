"""A write that the API server refuses is our own error in the task, and not Airflow's."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from devtools.worlds.rows import Rows
from devtools.worlds.running_task import executing
from exclusive_redis_xcom import ExclusiveRedisXCom, XComAccessDenied
from exclusive_redis_xcom.api_server.ring.answers import forbidden, send_detail, undecided
from tests.integration.task import sales

TEXT = "A try of extract that is over may not push 'token' of extract.\nTry 1, which the token is for, is over."


def address() -> dict[str, Any]:
    return dict(sales.address())


def body(detail: Any) -> Any:
    """What the ring sends for this detail, as a client reads it."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(send_detail(send, 403, detail))
    return json.loads(sent[-1]["body"])


def answered(status: int, detail: Any) -> AirflowRuntimeError:
    """Airflow's error for an answer of the API server (`airflow/sdk/execution_time/supervisor.py`)."""
    answer = {"status_code": status, "message": "Server returned error", "detail": detail}
    return AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail=answer))


def refuse(rows: Rows, error: Exception) -> None:
    def accepted(_address: Any, _value: Any) -> None:
        raise error

    rows.accepted = accepted


def test_a_push_that_the_ring_refuses_has_the_rings_text_and_nothing_else(dag: Any, rows: Rows) -> None:
    refuse(rows, answered(403, body(forbidden(TEXT))))

    with executing(dag.get_task("extract")), pytest.raises(XComAccessDenied) as caught:
        ExclusiveRedisXCom.set("token", 1, **address())

    assert str(caught.value) == TEXT
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_an_asynchronous_push_does_the_same(dag: Any, rows: Rows) -> None:
    from airflow.sdk.bases.xcom import BaseXCom

    if not hasattr(BaseXCom, "aset"):
        pytest.skip("this Airflow has no asynchronous XCom calls (they came with 3.3)")
    refuse(rows, answered(403, body(forbidden(TEXT))))

    with executing(dag.get_task("extract")), pytest.raises(XComAccessDenied) as caught:
        asyncio.run(ExclusiveRedisXCom.aset("token", 1, **address()))

    assert str(caught.value) == TEXT


def test_a_removal_does_the_same(dag: Any, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_message: Any) -> None:
        raise answered(403, body(forbidden(TEXT)))

    monkeypatch.setattr(rows, "_DeleteXCom", refused)

    with executing(dag.get_task("extract")), pytest.raises(XComAccessDenied) as caught:
        ExclusiveRedisXCom.delete("token", **address())

    assert str(caught.value) == TEXT


@pytest.mark.parametrize(
    ("status", "detail"),
    [
        (503, body(undecided("The decision could not be written."))),
        (403, {"detail": {"reason": "access_denied"}}),
        (403, {"detail": {"reason": "access_denied", "message": 5}}),
        (403, {"detail": "Not authorised"}),
        (403, None),
        (404, "no such run"),
    ],
)
def test_every_other_error_of_airflow_stays_airflows(dag: Any, rows: Rows, status: int, detail: Any) -> None:
    error = answered(status, detail)
    refuse(rows, error)

    with executing(dag.get_task("extract")), pytest.raises(AirflowRuntimeError) as caught:
        ExclusiveRedisXCom.set("token", 1, **address())

    assert caught.value is error
