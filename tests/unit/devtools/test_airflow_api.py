"""The client of Airflow's REST API on a busy machine. That it works at all is seen in tests/acceptance."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import pytest

from devtools import airflow_api
from devtools.airflow_api import AirflowApi, ApiError

DAG_ID = "busy"
RUNS_PATH = f"/api/v2/dags/{DAG_ID}/dagRuns"
#: As Airflow answers, `airflow/api_fastapi/common/exceptions.py`.
LOCKED = {"detail": {"reason": "Database error", "statement": "hidden", "orig_error": "hidden"}}


class ApiServer(ThreadingHTTPServer):
    """An API server that knows one DAG. `failures` says what goes wrong with the next requests about runs."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.failures: list[str] = []
        self.runs: list[str] = []
        self.asked: list[str] = []

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if not path.startswith(RUNS_PATH):
            return 200, {"access_token": "token", "dag_id": DAG_ID}
        self.asked.append(method)
        failure = self.failures.pop(0) if self.failures else None
        if method == "POST" and failure in (None, "locked after the run was made"):
            self.runs.append(body["dag_run_id"])
        if failure is not None:
            return 500, LOCKED if failure.startswith("locked") else {"detail": failure}
        if method == "POST":
            return 200, {"dag_run_id": body["dag_run_id"]}
        return (200, {}) if unquote(path.rpartition("/")[2]) in self.runs else (404, {})


class Handler(BaseHTTPRequestHandler):
    server: ApiServer

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def log_message(self, *_: object) -> None: ...

    def _answer(self, body: dict[str, Any]) -> None:
        status, answer = self.server.answer(self.command, self.path, body)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def api(server: ApiServer) -> Iterator[AirflowApi]:
    api = AirflowApi(f"http://127.0.0.1:{server.server_port}")
    yield api
    api.close()


@pytest.mark.parametrize(
    ("failures", "asked"),
    [
        ([], ["POST"]),
        (["locked"], ["POST", "GET", "POST"]),
        (["locked after the run was made"], ["POST", "GET"]),
        (["locked after the run was made", "locked"], ["POST", "GET", "GET"]),
        (["locked", "locked"], ["POST", "GET", "GET", "POST"]),
    ],
)
def test_a_run_is_made_once_however_often_the_database_fails(
    api: AirflowApi, server: ApiServer, failures: list[str], asked: list[str]
) -> None:
    server.failures = failures

    run_id = api.trigger(DAG_ID)

    assert server.runs == [run_id]
    assert server.asked == asked


def test_a_run_gets_the_id_that_was_given(api: AirflowApi, server: ApiServer) -> None:
    server.failures = ["locked"]

    assert api.trigger(DAG_ID, run_id="mine+1") == "mine+1"
    assert server.runs == ["mine+1"]


def test_another_error_is_raised_at_once(api: AirflowApi, server: ApiServer) -> None:
    server.failures = ["no such timetable"]

    with pytest.raises(ApiError, match="no such timetable"):
        api.trigger(DAG_ID)
    assert server.asked == ["POST"]


def test_a_database_that_goes_on_failing_is_named(
    api: AirflowApi, server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(airflow_api, "_DATABASE_BUSY_SECONDS", 0.3)
    server.failures = ["locked"] * 1000

    with pytest.raises(TimeoutError, match="Database error"):
        api.trigger(DAG_ID)
    assert server.runs == []
