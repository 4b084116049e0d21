from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from devtools.airflow_home import airflow_version
from exclusive_redis_xcom.api_server.requests.rest_routes import CLEARS, ROUTES, Effect, map_index, parse

RUN = "/api/v2/dags/sales/dagRuns/run-1"
TASK = RUN + "/taskInstances/extract"

#: Routes below a DAG that delete, or take bulk bodies, but leave XCom rows alone. Read in the sources of 3.1 to 3.3.
HARMLESS = {
    ("DELETE", "/api/v2/dags/{dag_id}/assets/queuedEvents"),
    ("DELETE", "/api/v2/dags/{dag_id}/assets/{asset_id}/queuedEvents"),
    # 3.3: task state is a table of its own.
    ("DELETE", "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/state-store"),
    ("DELETE", "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/state-store/{key:path}"),
    # 3.3: clears, which leave rows to the next try.
    ("POST", "/api/v2/dags/{dag_id}/clearDagRuns"),
    ("POST", "/api/v2/dags/{dag_id}/clearPartitions"),
}

#: Routes that came after the first Airflow that is supported: (major, minor) of the first that has it.
CAME_WITH = {
    ("DELETE", "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/xcomEntries/{xcom_key:path}"): "3.2",
    ("PATCH", "/api/v2/dags/{dag_id}/dagRuns"): "3.3",
    ("POST", "/api/v2/dags/{dag_id}/clearDagRuns"): "3.3",
    ("POST", "/api/v2/dags/{dag_id}/clearPartitions"): "3.3",
}


@pytest.mark.parametrize(
    ("method", "path", "effect", "scope"),
    [
        ("POST", f"{TASK}/xcomEntries", Effect.EDIT, ("sales", "run-1", "extract")),
        ("PATCH", f"{TASK}/xcomEntries/token", Effect.EDIT, ("sales", "run-1", "extract", "token")),
        ("PATCH", f"{TASK}/xcomEntries/a/b", Effect.EDIT, ("sales", "run-1", "extract", "a/b")),
        ("PATCH", f"{TASK}/xcomEntries/", Effect.EDIT, ("sales", "run-1", "extract", "")),
        ("DELETE", f"{TASK}/xcomEntries/token", Effect.REMOVE, ("sales", "run-1", "extract", "token")),
        ("DELETE", TASK, Effect.REMOVE, ("sales", "run-1", "extract")),
        ("DELETE", RUN, Effect.REMOVE, ("sales", "run-1")),
        ("DELETE", "/api/v2/dags/sales", Effect.REMOVE, ("sales",)),
        ("PATCH", f"{RUN}/taskInstances", Effect.BULK_TASKS, ("sales", "run-1")),
        ("PATCH", "/api/v2/dags/~/dagRuns/~/taskInstances", Effect.BULK_TASKS, ("~", "~")),
        ("PATCH", "/api/v2/dags/sales/dagRuns", Effect.BULK_RUNS, ("sales",)),
    ],
)
def test_a_route_that_writes_or_removes_rows_is_known(
    method: str, path: str, effect: Effect, scope: tuple[str, ...]
) -> None:
    call = parse(method, path)

    assert call is not None
    assert (call.effect, call.scope) == (effect, scope)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", f"{TASK}/xcomEntries/token"),
        ("POST", f"{TASK}/xcomEntries/"),
        ("POST", f"{TASK}/xcomEntries/token"),
        ("PATCH", f"{TASK}/xcomEntries"),
        ("DELETE", f"{TASK}/xcomEntries"),
        ("DELETE", f"{TASK}/3/xcomEntries/token"),
        ("PATCH", f"{RUN}/xcomEntries"),
        ("PATCH", "/api/v2/dags/sales/xcomEntries"),
        ("PATCH", "/api/v2/xcomEntries"),
        ("delete", f"{TASK}/xcomEntries/token"),
    ],
)
def test_an_unknown_way_to_write_xcoms_is_not_taken_for_something_else(method: str, path: str) -> None:
    call = parse(method, path)

    assert call is not None
    assert call.effect is Effect.UNKNOWN


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{TASK}/xcomEntries/token"),
        ("HEAD", f"{TASK}/xcomEntries"),
        ("OPTIONS", f"{TASK}/xcomEntries/token"),
        ("PATCH", TASK),
        ("PATCH", RUN),
        ("POST", "/api/v2/dags/sales/dagRuns"),
        ("POST", "/api/v2/dags/sales/clearTaskInstances"),
        ("PATCH", "/api/v2/variables/xcomEntries"),
        ("PATCH", "/api/v2/dags/xcomEntries"),
        ("POST", "/execution/xcoms/sales/run-1/extract/token"),
    ],
)
def test_what_leaves_rows_alone_passes(method: str, path: str) -> None:
    assert parse(method, path) is None


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/api/v2/dags/sales/clearTaskInstances", ("sales",)),
        (f"{RUN}/clear", ("sales", "run-1")),
        ("/api/v2/dags/~/clearDagRuns", ("~",)),
        ("/api/v2/backfills", ()),
        ("/execution/dag-runs/sales/run-1/clear", ("sales", "run-1")),
    ],
)
def test_what_clears_is_known_to_whom_it_concerns(path: str, scope: tuple[str, ...]) -> None:
    call = parse("POST", path, clears=True)

    assert call is not None
    assert (call.effect, call.scope) == (Effect.CLEAR, scope)
    assert parse("POST", path) is None
    assert parse("GET", path, clears=True) is None


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        (TASK, b"", -1),
        (TASK, b"map_index=3", 3),
        (f"{TASK}/xcomEntries/k", b"map_index=-1&x=1", -1),
        (TASK, b"map_index=3&map_index=4", None),
        (TASK, b"map_index=%2B3", None),
        (TASK, b"map_index=", None),
        (RUN, b"map_index=3", None),
    ],
)
def test_a_deletion_reaches_one_map_index_only_where_that_is_unmistakable(
    path: str, query: bytes, expected: int | None
) -> None:
    call = parse("DELETE", path)

    assert call is not None
    assert map_index(call, query) == expected


def _routes(routes: Any, prefix: str = "") -> Iterator[tuple[str, str, Any]]:
    for route in routes:
        path = prefix + getattr(route, "path", "")
        for method in getattr(route, "methods", None) or ():
            yield method, path, route
        yield from _routes(getattr(route, "routes", None) or (), path)


def _installed() -> list[tuple[str, str, Any]]:
    from airflow.api_fastapi.core_api.routes.public import public_router
    from airflow.api_fastapi.core_api.routes.ui import ui_router

    found = [*_routes(public_router.routes), *_routes(ui_router.routes)]
    assert len(found) > 100
    return [(method, path, route) for method, path, route in found if method not in {"GET", "HEAD", "OPTIONS"}]


def test_every_way_of_the_installed_airflow_to_write_xcoms_is_known() -> None:
    known = {(route.method, route.template) for route in ROUTES}

    unknown = {(method, path) for method, path, _ in _installed() if "xcom" in path.lower()} - known

    assert unknown == set()


def test_every_way_of_the_installed_airflow_to_delete_below_a_dag_is_known() -> None:
    known = {(route.method, route.template) for route in ROUTES} | HARMLESS

    deleting = {
        (method, path)
        for method, path, route in _installed()
        if path.startswith("/api/v2/dags") and (method == "DELETE" or "Bulk" in str(route.endpoint.__annotations__))
    }

    assert deleting - known == set()


def test_every_way_of_the_installed_airflow_to_clear_is_known() -> None:
    known = {(route.method, route.template) for route in CLEARS}
    clearing = {
        entry for entry in {*_public(), *_execution()} if "clear" in entry[1].lower() and "store" not in entry[1]
    }

    assert clearing - known == set()


def _public() -> set[tuple[str, str]]:
    return {(method, path) for method, path, _ in _installed()}


def _execution() -> set[tuple[str, str]]:
    from airflow.api_fastapi.execution_api.routes import execution_api_router

    # The table has the public API's names for the same ids.
    found = {(method, f"/execution{path}") for method, path, _ in _routes(execution_api_router.routes)}
    return {(method, path.replace("{run_id}", "{dag_run_id}")) for method, path in found}


def test_every_known_route_is_a_route_of_the_installed_airflow() -> None:
    installed = _public() | _execution()
    expected = {(route.method, route.template) for route in (*ROUTES, *CLEARS)}
    expected -= {entry for entry, version in CAME_WITH.items() if version > airflow_version()}

    assert expected - installed == set()
