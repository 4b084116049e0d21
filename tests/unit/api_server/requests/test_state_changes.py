"""Every route of Airflow that changes anything, and whether it changes states of task instances.

A route that is in neither list fails the test: then somebody must find out what it changes. The lists hold the routes
of all supported Airflows, as their own routers have them.
"""

from __future__ import annotations

import re

import pytest

from exclusive_redis_xcom.api_server.requests import rest_routes
from exclusive_redis_xcom.api_server.requests.rest_routes import CLEARS, Effect
from exclusive_redis_xcom.api_server.requests.routes import EXECUTION, SAFE_METHODS, may_change_states

_API = "/api/v2"
_DAG = _API + "/dags/{dag_id}"
_RUN = _DAG + "/dagRuns/{dag_run_id}"
_TASK = _RUN + "/taskInstances/{task_id}"

#: They let the scheduler start tasks anew, and so the next tries purge their XComs.
CLEARING = {
    "POST /execution/dag-runs/{dag_id}/{run_id}/clear",
    f"POST {_API}/backfills",
    f"POST {_DAG}/clearDagRuns",
    f"POST {_DAG}/clearPartitions",
    f"POST {_DAG}/clearTaskInstances",
    f"POST {_RUN}/clear",
}
#: They start, end, skip, fail or delete task instances.
CHANGING = {
    "PATCH /execution/task-instances/{task_instance_id}/run",
    "PATCH /execution/task-instances/{task_instance_id}/skip-downstream",
    "PATCH /execution/task-instances/{task_instance_id}/state",
    f"DELETE {_DAG}",
    f"DELETE {_RUN}",
    f"DELETE {_TASK}",
    f"PATCH {_DAG}/dagRuns",
    f"PATCH {_RUN}",
    f"PATCH {_RUN}/taskGroupInstances/{{group_id}}",
    f"PATCH {_RUN}/taskInstances",
    f"PATCH {_TASK}",
    f"PATCH {_TASK}/{{map_index}}",
    f"PATCH {_TASK}/{{map_index}}/hitlDetails",
    f"PUT {_API}/backfills/{{backfill_id}}/cancel",
}
#: They change something else, or only ask.
OTHERS = {
    "DELETE /execution/store/asset/by-name/clear",
    "DELETE /execution/store/asset/by-name/value",
    "DELETE /execution/store/asset/by-uri/clear",
    "DELETE /execution/store/asset/by-uri/value",
    "DELETE /execution/store/ti/{task_instance_id}",
    "DELETE /execution/store/ti/{task_instance_id}/{key:path}",
    "DELETE /execution/variables/{variable_key:path}",
    "DELETE /execution/xcoms/{dag_id}/{run_id}/{task_id}/{key:path}",
    "PATCH /execution/connection-tests/{connection_test_id}",
    "PATCH /execution/hitlDetails/{task_instance_id}",
    "PATCH /execution/task-instances/{task_instance_id}/rendered-map-index",
    "POST /execution/dag-runs/{dag_id}/{run_id}",
    "POST /execution/hitlDetails/{task_instance_id}",
    "POST /execution/xcoms/{dag_id}/{run_id}/{task_id}/{key:path}",
    "PUT /execution/store/asset/by-name/value",
    "PUT /execution/store/asset/by-uri/value",
    "PUT /execution/store/ti/{task_instance_id}/{key:path}",
    "PUT /execution/task-instances/{task_instance_id}/heartbeat",
    "PUT /execution/task-instances/{task_instance_id}/rtif",
    "PUT /execution/variables/{variable_key:path}",
    f"DELETE {_API}/assets/{{asset_id}}/queuedEvents",
    f"DELETE {_API}/assets/{{asset_id}}/state-store",
    f"DELETE {_API}/assets/{{asset_id}}/state-store/{{key:path}}",
    f"DELETE {_API}/connections/{{connection_id}}",
    f"DELETE {_API}/pools/{{pool_name:path}}",
    f"DELETE {_API}/variables/{{variable_key:path}}",
    f"DELETE {_DAG}/assets/queuedEvents",
    f"DELETE {_DAG}/assets/{{asset_id}}/queuedEvents",
    f"DELETE {_TASK}/state-store",
    f"DELETE {_TASK}/state-store/{{key:path}}",
    f"DELETE {_TASK}/xcomEntries/{{xcom_key:path}}",
    f"PATCH {_API}/connections",
    f"PATCH {_API}/connections/{{connection_id}}",
    f"PATCH {_API}/dags",
    f"PATCH {_API}/pools",
    f"PATCH {_API}/pools/{{pool_name:path}}",
    f"PATCH {_API}/variables",
    f"PATCH {_API}/variables/{{variable_key:path}}",
    f"PATCH {_DAG}",
    f"PATCH {_RUN}/taskGroupInstances/{{group_id}}/dry_run",
    f"PATCH {_TASK}/dry_run",
    f"PATCH {_TASK}/state-store/{{key:path}}",
    f"PATCH {_TASK}/xcomEntries/{{xcom_key:path}}",
    f"PATCH {_TASK}/{{map_index}}/dry_run",
    f"POST {_API}/assets/events",
    f"POST {_API}/assets/{{asset_id}}/materialize",
    f"POST {_API}/backfills/dry_run",
    f"POST {_API}/connections",
    f"POST {_API}/connections/defaults",
    f"POST {_API}/connections/enqueue-test",
    f"POST {_API}/connections/test",
    f"POST {_API}/pools",
    f"POST {_API}/variables",
    f"POST {_DAG}/dagRuns",
    f"POST {_DAG}/dagRuns/list",
    f"POST {_DAG}/favorite",
    f"POST {_DAG}/unfavorite",
    f"POST {_RUN}/taskInstances/list",
    f"POST {_TASK}/xcomEntries",
    f"PUT {_API}/assets/{{asset_id}}/state-store/{{key:path}}",
    f"PUT {_API}/backfills/{{backfill_id}}/pause",
    f"PUT {_API}/backfills/{{backfill_id}}/unpause",
    f"PUT {_API}/parseDagFile/{{file_token}}",
    f"PUT {_TASK}/state-store/{{key:path}}",
    "POST /ui/auth/token",
}


@pytest.fixture(scope="module")
def installed() -> set[str]:
    """Method and path of each route of the installed Airflow that may change anything."""
    from airflow.api_fastapi.core_api.routes.public import public_router
    from airflow.api_fastapi.core_api.routes.ui import ui_router
    from airflow.api_fastapi.execution_api.routes import execution_api_router

    found = set()
    for prefix, router in ((EXECUTION, execution_api_router), ("", public_router), ("", ui_router)):
        for route in router.routes:
            methods = set(getattr(route, "methods", None) or ()) - SAFE_METHODS
            found |= {f"{method} {prefix}{route.path}" for method in methods}
    return found


def test_each_route_of_the_installed_airflow_is_classified(installed: set[str]) -> None:
    assert installed - CLEARING - CHANGING - OTHERS == set()
    assert len(installed) > 50  # the routers were found


@pytest.mark.parametrize("route", sorted(CLEARING | CHANGING))
def test_what_changes_states_is_answered_after_the_commit(route: str) -> None:
    assert may_change_states(*_request(route))


@pytest.mark.parametrize("route", sorted(CLEARING))
def test_what_clears_is_told_to_redis(route: str) -> None:
    call = rest_routes.parse(*_request(route), clears=True)

    assert call is not None
    assert call.effect is Effect.CLEAR


def test_nothing_else_is_taken_for_a_clear() -> None:
    taken = {
        route
        for route in CHANGING | OTHERS
        if (call := rest_routes.parse(*_request(route), clears=True)) is not None and call.effect is Effect.CLEAR
    }

    assert taken == set()
    assert len(CLEARS) == len(CLEARING)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/v2/dags"), ("HEAD", "/execution/xcoms/d/r/t/k"), ("POST", "/api/v2x"), ("PUT", "/")],
)
def test_what_changes_no_state(method: str, path: str) -> None:
    assert not may_change_states(method, path)


def _request(route: str) -> tuple[str, str]:
    method, template = route.split(" ")
    return method, re.sub(r"{[^}]+}", "x", template)
