"""Answers of Airflow's API server that did not come, as the error of a pull."""

from __future__ import annotations

from typing import Any

import pytest

from exclusive_redis_xcom import StoreUnavailable
from exclusive_redis_xcom.airflow import unanswered
from exclusive_redis_xcom.airflow.rows import Asked

ASKED = Asked("sales", "parts", "return_value", "run-1")
FIRST = "'return_value' of parts was not pulled: Airflow's API server did not answer."
REMEDY = "Look at the API server's log and load. Then run the task again."
WHERE = "XCom 'return_value' of task 'parts' in DAG 'sales', run 'run-1'."


def raised(detail: Any) -> BaseException:
    """What a pull raises if Airflow's supervisor reports this (`airflow/sdk/execution_time/supervisor.py`)."""
    from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
    from airflow.sdk.execution_time.comms import ErrorResponse

    with pytest.raises(Exception) as caught, unanswered.typed(ASKED):  # noqa: PT011 - its type is asked for below
        raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail=detail))
    return caught.value


@pytest.mark.parametrize("name", ["ReadTimeout", "ConnectError", "RemoteProtocolError"])
def test_a_client_that_gave_up(name: str) -> None:
    error = raised({"status_code": None, "message": "canary", "exception_type": name})

    assert type(error) is StoreUnavailable
    assert str(error).splitlines() == [
        FIRST,
        f"Airflow's client gave up with {name}. [workers] execution_api_timeout and execution_api_retries say how long "
        "it waits.",
        REMEDY,
        WHERE,
    ]
    assert error.__cause__ is None


def test_a_server_that_could_not_decide_says_so() -> None:
    answer = {"detail": {"reason": "cannot_decide", "message": "The answer is longer than 5 bytes."}}

    error = raised({"status_code": 503, "message": "canary", "detail": answer})

    assert str(error).splitlines() == [FIRST, "It answered 503. The answer is longer than 5 bytes.", REMEDY, WHERE]


@pytest.mark.parametrize("answer", [None, "canary", {"detail": "canary"}, {"detail": {"message": "canary"}}])
def test_another_text_of_the_server_is_not_repeated(answer: Any) -> None:
    error = raised({"status_code": 500, "message": "canary", "detail": answer})

    assert str(error).splitlines() == [FIRST, "It answered 500. Its log has the cause.", REMEDY, WHERE]


@pytest.mark.parametrize(
    "detail",
    [
        None,
        {"status_code": 403, "message": "no", "detail": {}},
        {"status_code": None, "message": "x", "exception_type": "ValidationError"},
        {"status_code": None, "message": "x", "exception_type": "Client"},
    ],
)
def test_every_other_error_stays_airflow_s(detail: Any) -> None:
    assert type(raised(detail)).__name__ == "AirflowRuntimeError"


def test_what_is_no_error_of_airflow_s_passes() -> None:
    with pytest.raises(KeyError), unanswered.typed(ASKED):
        raise KeyError
