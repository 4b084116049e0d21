"""The routes of the DAG's page."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from exclusive_redis_xcom.pages.access.changes import changes
from exclusive_redis_xcom.pages.access.known import known
from exclusive_redis_xcom.pages.access.matrix import drawn
from exclusive_redis_xcom.pages.access.pulls import pulls_of_others
from exclusive_redis_xcom.pages.access.question import Asked, answered
from exclusive_redis_xcom.pages.access.record import DAYS, MOST_ROWS, record
from exclusive_redis_xcom.pages.access.summary import summary
from exclusive_redis_xcom.pages.ids import DagId
from exclusive_redis_xcom.pages.rendering import airflow_path, page
from exclusive_redis_xcom.pages.threads import in_own_thread
from exclusive_redis_xcom.pages.user import GetUserDep, may_see_xcoms, readable

router = APIRouter()

_Consumer = Annotated[str, Query(max_length=501)]
_Task = Annotated[str, Query(max_length=250)]
#: Airflow's table takes longer keys on no database.
_Key = Annotated[str, Query(max_length=512)]
_Number = Annotated[int | None, Query(ge=1, le=10**9)]


@router.get("/dags/{dag_id}", dependencies=[may_see_xcoms])
@in_own_thread
def of_dag(
    request: Request,
    dag_id: DagId,
    user: GetUserDep,
    consumer: _Consumer = "",
    task: _Task = "",
    key: _Key = "",
    since: _Number = None,
    picture: bool = False,
) -> HTMLResponse:
    """Show who may read the XComs of a DAG."""
    airflow = airflow_path(request)
    shown = known(dag_id, readable(user))
    access = drawn(shown, airflow, whole=picture)
    asked = Asked(consumer.strip(), task.strip(), key)
    return page(
        request,
        "access.html.j2",
        dag_id=dag_id,
        address=f"{request.scope.get('root_path', '')}/dags/{quote(dag_id)}",
        summary=summary(access),
        drawn=access,
        asked=asked,
        answered=answered(shown, asked),
        pulls=pulls_of_others(shown),
        changes=changes(shown, since),
        record=record(shown),
        days=DAYS,
        most_rows=MOST_ROWS,
    )
