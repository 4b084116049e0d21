"""The routes of a run's XComs and of a task instance's."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from exclusive_redis_xcom.pages import csrf
from exclusive_redis_xcom.pages.ids import DagId, MapIndex, RunId, TaskId
from exclusive_redis_xcom.pages.rendering import page
from exclusive_redis_xcom.pages.user import GetUserDep, may_see_xcoms
from exclusive_redis_xcom.pages.xcoms.rows import PAGE, rows

router = APIRouter()

Start = Annotated[int, Query(ge=0, le=10_000_000)]


@router.get("/dags/{dag_id}/runs/{run_id}", dependencies=[may_see_xcoms])
def of_run(request: Request, dag_id: DagId, run_id: RunId, user: GetUserDep, start: Start = 0) -> HTMLResponse:
    """List the XComs of a run, a page at a time."""
    found, total = rows(dag_id, run_id, start=start)
    return page(
        request, "xcoms.html.j2", rows=found, total=total, start=start, size=PAGE, of_run=True, csrf=csrf.token(user)
    )


@router.get("/dags/{dag_id}/runs/{run_id}/tasks/{task_id}/{map_index}", dependencies=[may_see_xcoms])
def of_task_instance(
    request: Request,
    dag_id: DagId,
    run_id: RunId,
    task_id: TaskId,
    map_index: MapIndex,
    user: GetUserDep,
    start: Start = 0,
) -> HTMLResponse:
    """List the XComs of a task instance."""
    found, total = rows(dag_id, run_id, task_id, map_index, start=start)
    return page(
        request, "xcoms.html.j2", rows=found, total=total, start=start, size=PAGE, of_run=False, csrf=csrf.token(user)
    )
