"""A client of Airflow's public REST API (3.1 to 3.3), as far as tests, the demo and `make up` need it.

It waits by asking again, and never sleeps for a guessed time.
"""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")

FINAL_STATES = frozenset({"success", "failed"})
#: How many seconds `trigger` tries again while Airflow's database fails.
_DATABASE_BUSY_SECONDS = 30.0
COMPONENTS_WITH_HEARTBEAT = {"scheduler": "scheduler", "dag-processor": "dag_processor", "triggerer": "triggerer"}


class ApiError(RuntimeError):
    """The API answered with an error. `status` and `body` hold the answer."""

    def __init__(self, method: str, path: str, status: int, body: str) -> None:
        super().__init__(f"{method} {path}: HTTP {status}: {body[:2000]}")
        self.status = status
        self.body = body

    @property
    def is_of_database(self) -> bool:
        """Whether the API server could not use its database, for example because SQLite was locked."""
        return self.status == 500 and "Database error" in self.body


class AirflowApi:
    """A client of one API server.

    Args:
        url: Where the API server is.
        login: The name and the password of a user. Without one, the API server must take everybody for an
            administrator (SimpleAuthManager, all admins).
    """

    def __init__(self, url: str, login: tuple[str, str] | None = None) -> None:
        self.url = url
        self._login = login
        self._client = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self._token: str | None = None

    def log_in(self, name: str, password: str) -> None:
        """Send all further requests as this user."""
        self._login, self._token = (name, password), None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def request(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """Send a request with a token and return whatever comes back. `path` begins after `/api/v2`."""
        if self._token is None:
            self._token = self._new_token()
        headers = {"Authorization": f"Bearer {self._token}", **kwargs.pop("headers", {})}
        return self._client.request(method, f"/api/v2{path}", headers=headers, **kwargs)

    def _new_token(self) -> str:
        if self._login is None:
            answer = self._client.get("/auth/token")
        else:
            name, password = self._login
            answer = self._client.post("/auth/token", json={"username": name, "password": password})
        return str(answer.raise_for_status().json()["access_token"])

    def api(self, method: str, path: str, json: Any = None, params: dict[str, Any] | None = None) -> Any:
        """Send a request and return the decoded JSON of the answer.

        Raises:
            ApiError: The status is 400 or above.
        """
        response = self.request(method, path, json=json, params=params)
        if response.is_error:
            raise ApiError(method, path, response.status_code, response.text)
        return response.json() if response.content else None

    def pages(self, path: str, field: str, **params: Any) -> list[dict[str, Any]]:
        """Return all entries of a paged list."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.api("GET", path, params={**params, "limit": 100, "offset": len(found)})
            found += page[field]
            if len(found) >= page["total_entries"] or not page[field]:
                return found

    def unhealthy(self, components: Iterable[str]) -> list[str]:
        """Return those of the components that do not report as healthy yet."""
        try:
            answer = self._client.get("/api/v2/monitor/health", timeout=5)
        except httpx.HTTPError:
            return list(components)
        if answer.is_error:
            return list(components)
        health = answer.json()
        watched = {name: COMPONENTS_WITH_HEARTBEAT.get(name, "metadatabase") for name in components}
        return [name for name, key in watched.items() if (health.get(key) or {}).get("status") != "healthy"]

    def execution_api_answers(self) -> bool:
        """Tell whether the API that tasks talk to is there. The first request makes the server build it."""
        try:
            return self._client.get("/execution/health").is_success
        except httpx.HTTPError:
            return False

    def import_errors(self) -> dict[str, str]:
        """Return the DAG files that do not import: file name -> stack trace."""
        return {entry["filename"]: entry["stack_trace"] for entry in self.pages("/importErrors", "import_errors")}

    def wait_dag(self, dag_id: str, timeout: float = 60) -> dict[str, Any]:
        """Wait until Airflow knows the DAG, and return what it knows.

        Raises:
            TimeoutError: The DAG does not appear. The text has the import errors.
        """

        def known() -> dict[str, Any] | None:
            response = self.request("GET", f"/dags/{dag_id}")
            return response.json() if response.is_success else None

        return wait_until(known, timeout, lambda: f"no DAG {dag_id!r}; import errors: {self.import_errors()}")

    def trigger(
        self,
        dag_id: str,
        conf: dict[str, Any] | None = None,
        run_id: str | None = None,
        logical_date: str | None = None,
        *,
        timeout: float = 60,
    ) -> str:
        """Trigger a run, when the DAG has been parsed, and return its run_id.

        Raises:
            ApiError: Airflow refused, for instance because of the conf.
            TimeoutError: Airflow does not know the DAG, or its database went on failing.
        """
        self.wait_dag(dag_id, timeout)
        # Airflow makes ids of this form, too. An id that is known here shows whether a request that failed made a run.
        run_id = run_id or f"manual__{datetime.now(timezone.utc).isoformat()}"
        body = {"logical_date": logical_date, "conf": conf or {}, "dag_run_id": run_id}
        return self._make_run(dag_id, run_id, body)

    def _make_run(self, dag_id: str, run_id: str, body: dict[str, Any]) -> str:
        """Make a run, also on a busy machine: there SQLite stays locked for longer than Airflow waits for it."""
        failed: ApiError | None = None

        def made() -> str | None:
            nonlocal failed
            if failed is not None:
                # The run may have been made before the database failed. It must not be made twice.
                found = self.request("GET", _run(dag_id, run_id))
                if found.status_code != 404:
                    return run_id if found.is_success else None
            try:
                return str(self.api("POST", f"/dags/{dag_id}/dagRuns", json=body)["dag_run_id"])
            except ApiError as error:
                if not error.is_of_database:
                    raise
                failed = error
                return None

        return wait_until(made, _DATABASE_BUSY_SECONDS, lambda: str(failed))

    def backfill(self, body: dict[str, Any], *, timeout: float = 60) -> dict[str, Any]:
        """Make a backfill, also while SQLite is locked, and return Airflow's answer.

        Args:
            body: The body of Airflow's route `POST /backfills`.
            timeout: Seconds until this gives up.

        Raises:
            ApiError: Airflow refused.
            TimeoutError: Airflow's database went on failing.
        """
        failed: ApiError | None = None

        def made() -> dict[str, Any] | None:
            nonlocal failed
            try:
                answer: dict[str, Any] = self.api("POST", "/backfills", json=body)
            except ApiError as error:
                if error.status != 503 and not error.is_of_database:  # in these cases, nothing was made
                    raise
                failed = error
                return None
            return answer

        return wait_until(made, timeout, lambda: str(failed))

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run."""
        return str(self.api("GET", _run(dag_id, run_id))["state"])

    def wait_run(self, dag_id: str, run_id: str, timeout: float = 120) -> str:
        """Wait until the run is over, and return its state: `success` or `failed`.

        Raises:
            TimeoutError: The run is not over in time. The text has the states of its tasks.
        """

        def final() -> str | None:
            state = self.run_state(dag_id, run_id)
            return state if state in FINAL_STATES else None

        return wait_until(
            final, timeout, lambda: f"run {run_id!r} of {dag_id!r} is not over: {self.task_states(dag_id, run_id)}"
        )

    def task_states(self, dag_id: str, run_id: str) -> dict[tuple[str, int], str | None]:
        """Return `(task_id, map_index) -> state` of a run."""
        instances = self.pages(f"{_run(dag_id, run_id)}/taskInstances", "task_instances")
        return {(entry["task_id"], entry["map_index"]): entry["state"] for entry in instances}

    def clear(
        self, dag_id: str, run_id: str, task_ids: Iterable[str | tuple[str, int]] | None = None, **options: bool
    ) -> list[str]:
        """Clear tasks of a run so that they run again, all tasks by default. Return their ids.

        `options` are those of Airflow's route, e.g. `include_downstream=True`.
        """
        body: dict[str, Any] = {"dry_run": False, "dag_run_id": run_id, "only_failed": False, **options}
        if task_ids is not None:
            body["task_ids"] = [list(task) if isinstance(task, tuple) else task for task in task_ids]
        cleared = self.api("POST", f"/dags/{dag_id}/clearTaskInstances", json=body)
        return [entry["task_id"] for entry in cleared["task_instances"]]

    def task_log(self, dag_id: str, run_id: str, task_id: str, try_number: int = 1, map_index: int = -1) -> str:
        """Return a task's log as the UI shows it, one message a line, exceptions included."""
        answer = self.api(
            "GET",
            f"{_run(dag_id, run_id)}/taskInstances/{task_id}/logs/{try_number}",
            params={"map_index": map_index, "full_content": "true"},
        )
        content = answer["content"]
        return content if isinstance(content, str) else "\n".join(_line(message) for message in content)


def wait_until(ask: Callable[[], T | None], timeout: float, explain: Callable[[], str], pause: float = 0.2) -> T:
    """Ask again and again until the answer is neither None nor empty.

    Raises:
        TimeoutError: It stays so for `timeout` seconds. The text is what `explain` returns.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {timeout:.0f} s: {explain()}")
        time.sleep(pause)


def _run(dag_id: str, run_id: str) -> str:
    return f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"


def _line(message: str | dict[str, Any]) -> str:
    if isinstance(message, str):
        return message
    fields = dict(message)
    errors = fields.pop("error_detail", None) or []
    line = f"{fields.pop('timestamp', '') or ''} {fields.pop('event', '')}".strip()
    line += "".join(f" {name}={value}" for name, value in fields.items())
    return "\n".join([line, *(f"{error['exc_type']}: {error['exc_value']}" for error in errors)])
