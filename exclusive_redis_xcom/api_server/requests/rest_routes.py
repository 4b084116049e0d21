"""Which routes of Airflow's public REST API write or remove XCom rows (`airflow/api_fastapi/core_api/routes/public`).

Paths are matched as Airflow's own router matches them: with the pattern compiled from the same template, against the
same decoded path. So both take the same part of a path for the task id.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from exclusive_redis_xcom.api_server.requests.routes import EXECUTION, SAFE_METHODS, map_index_of

if TYPE_CHECKING:
    from starlette.types import Scope

API = "/api/v2/"

_DAG = API + "dags/{dag_id}"
_RUNS = _DAG + "/dagRuns"
_TASKS = _RUNS + "/{dag_run_id}/taskInstances"
_XCOMS = _TASKS + "/{task_id}/xcomEntries"

#: Path parameters, in the order of the columns that they address.
_PARAMETERS = ("dag_id", "dag_run_id", "task_id", "xcom_key")

# So many ids name a task instance, without its map_index.
_ONE_TASK_INSTANCE = 3

# Any path with an XCom collection below a DAG, a run, a task or a mapped task, or below nothing.
_XCOM_LIKE = re.compile(
    r"/api/v2/(dags/[^/]+/(dagRuns/[^/]+/(taskInstances/[^/]+/([^/]+/)?)?)?)?xcomEntries(/.*)?", re.DOTALL
)


class Effect(Enum):
    """What a route does to the rows of table `xcom`."""

    EDIT = "writes one"
    REMOVE = "removes those of what it removes"
    BULK_TASKS = "removes those of the task instances that its body says to delete"
    BULK_RUNS = "removes those of the runs that its body says to delete"
    CLEAR = "none, but the next tries of what it clears will"
    UNKNOWN = "looks like an XCom route, but none of the supported Airflows has it"


@dataclass(frozen=True, slots=True)
class Route:
    """One route. `access` is what Airflow asks its auth manager for: (method, name of the DagAccessEntity)."""

    method: str
    template: str
    effect: Effect
    access: tuple[str, str | None] | None = None


@dataclass(frozen=True, slots=True)
class RestCall:
    """A request to one of the routes.

    `scope` holds the ids that the path has of (dag_id, run_id, task_id, key).
    """

    route: Route
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def effect(self) -> Effect:
        """What the request does to rows."""
        return self.route.effect

    @property
    def scope(self) -> tuple[str, ...]:
        """The ids of the path."""
        return tuple(self.parameters[name] for name in _PARAMETERS if name in self.parameters)


ROUTES = (
    Route("POST", _XCOMS, Effect.EDIT, ("POST", "XCOM")),
    Route("PATCH", _XCOMS + "/{xcom_key:path}", Effect.EDIT, ("PUT", "XCOM")),
    Route("DELETE", _XCOMS + "/{xcom_key:path}", Effect.REMOVE, ("DELETE", "XCOM")),
    Route("DELETE", _TASKS + "/{task_id}", Effect.REMOVE, ("DELETE", "TASK_INSTANCE")),
    Route("DELETE", _RUNS + "/{dag_run_id}", Effect.REMOVE, ("DELETE", "RUN")),
    Route("DELETE", _DAG, Effect.REMOVE, ("DELETE", None)),
    # Here Airflow checks the access to each entity of the body. What it did not delete is found out afterwards.
    Route("PATCH", _TASKS, Effect.BULK_TASKS),
    Route("PATCH", _RUNS, Effect.BULK_RUNS),
)

#: Routes that clear runs or task instances. The last is of the Execution API, for tasks that trigger a run again.
CLEARS = (
    Route("POST", _DAG + "/clearTaskInstances", Effect.CLEAR),
    Route("POST", _RUNS + "/{dag_run_id}/clear", Effect.CLEAR),
    Route("POST", _DAG + "/clearDagRuns", Effect.CLEAR),
    Route("POST", _DAG + "/clearPartitions", Effect.CLEAR),
    Route("POST", API + "backfills", Effect.CLEAR),
    Route("POST", EXECUTION + "/dag-runs/{dag_id}/{dag_run_id}/clear", Effect.CLEAR),
)

_UNKNOWN = Route("*", "", Effect.UNKNOWN)


def parse(method: str, path: str, *, clears: bool = False) -> RestCall | None:
    """Return the route that a request is for; None where the request concerns no XCom, or only reads.

    Args:
        method: The method as in the request, in upper case.
        path: The decoded path, without the path at which the server is mounted.
        clears: Whether a request that clears concerns XComs, too.
    """
    if method in SAFE_METHODS:
        return None
    for route, pattern in _patterns(clears):
        if route.method == method and (found := pattern.match(path)):
            return RestCall(route, found.groupdict())
    return RestCall(_UNKNOWN) if _XCOM_LIKE.fullmatch(path) else None


def rest_call(scope: Scope) -> RestCall | None:
    """Return the route of the public REST API that a connection asks for; None as for `parse`."""
    from starlette._utils import get_route_path

    if scope["type"] != "http":
        return None
    path = get_route_path(scope)
    return parse(scope["method"], path) if path.startswith(API) else None


def map_index(call: RestCall, query: bytes) -> int | None:
    """Return the only map_index that a deletion reaches; None where it may reach others, or where that is unclear.

    Args:
        call: The request.
        query: The raw query string.
    """
    if len(call.scope) < _ONE_TASK_INSTANCE or call.effect is not Effect.REMOVE:
        return None
    return map_index_of(query)


@functools.cache
def _patterns(clears: bool) -> tuple[tuple[Route, re.Pattern[str]], ...]:
    from starlette.routing import compile_path

    routes = (*ROUTES, *CLEARS) if clears else ROUTES
    return tuple((route, compile_path(route.template)[0]) for route in routes)
