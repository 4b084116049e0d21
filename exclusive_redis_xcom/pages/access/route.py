"""The routes of the DAG's page."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from exclusive_redis_xcom.pages.access.matrix import shown
from exclusive_redis_xcom.pages.dag_facts import dag_facts
from exclusive_redis_xcom.pages.ids import DagId
from exclusive_redis_xcom.pages.rendering import page
from exclusive_redis_xcom.pages.user import GetUserDep, may_see_xcoms, readable

router = APIRouter()


@router.get("/dags/{dag_id}", dependencies=[may_see_xcoms])
def of_dag(request: Request, dag_id: DagId, user: GetUserDep) -> HTMLResponse:
    """Show who may read the XComs of a DAG. It blocks, so FastAPI calls it in a thread."""
    facts = dag_facts(dag_id)
    return page(request, "access.html.j2", dag_id=dag_id, shown=shown(facts, readable(user)))
