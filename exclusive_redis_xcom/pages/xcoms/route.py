"""The routes of a run's XComs, of a task instance's, and of Reveal. All of them block."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.errors import ExclusiveXComError
from exclusive_redis_xcom.model import NOT_MAPPED
from exclusive_redis_xcom.pages import csrf, here
from exclusive_redis_xcom.pages.dag_facts import dag_facts
from exclusive_redis_xcom.pages.forms import Form
from exclusive_redis_xcom.pages.ids import DagId, MapIndex, RunId, TaskId
from exclusive_redis_xcom.pages.rendering import page
from exclusive_redis_xcom.pages.threads import in_own_thread
from exclusive_redis_xcom.pages.user import GetUserDep, may_read_audit_log, may_see_xcoms, readable
from exclusive_redis_xcom.pages.xcoms import redis_facts
from exclusive_redis_xcom.pages.xcoms.claim_times import claim_times
from exclusive_redis_xcom.pages.xcoms.entries import Viewer, entries
from exclusive_redis_xcom.pages.xcoms.revealing import NotRevealed, Server, revealed, turn
from exclusive_redis_xcom.pages.xcoms.rows import PAGE, Selection, rows

if TYPE_CHECKING:
    from exclusive_redis_xcom.access import DagFacts

router = APIRouter()

Start = Annotated[int, Query(ge=0, le=10_000_000)]
Part = Annotated[str, Query(max_length=250)]

_OF_RUN = "/dags/{dag_id}/runs/{run_id}"
_OF_TASK_INSTANCE = _OF_RUN + "/tasks/{task_id}/{map_index}"


@router.get(_OF_RUN, dependencies=[may_see_xcoms])
@in_own_thread
def of_run(
    request: Request, dag_id: DagId, run_id: RunId, user: GetUserDep, start: Start = 0, task: Part = "", key: Part = ""
) -> HTMLResponse:
    """List the XComs of a run, a page at a time."""
    found, total = rows(Selection(dag_id, run_id, in_task=task, in_key=key), start=start)
    facts = redis_facts.ask(dag_id, found, here.store, with_record=False)
    return page(
        request,
        "xcoms_of_run.html.j2",
        dag_id=dag_id,
        run_id=run_id,
        entries=entries(found, facts, _viewer(dag_id, user)),
        problem=facts.problem,
        paging=_paging(start, total),
        task=task,
        key=key,
    )


@router.get(_OF_TASK_INSTANCE, dependencies=[may_see_xcoms])
@in_own_thread
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
    found, total = rows(Selection(dag_id, run_id, task_id, map_index), start=start)
    others = 0
    if not total and map_index == NOT_MAPPED:
        _, others = rows(Selection(dag_id, run_id, task_id))
    facts = redis_facts.ask(dag_id, found, here.store, with_record=True)
    viewer = _viewer(dag_id, user)
    if any(each.claimer for each in facts.known.values()) and may_read_audit_log(user, dag_id):
        viewer = replace(viewer, claim_times=claim_times(Selection(dag_id, run_id, task_id, map_index)))
    return page(
        request,
        "xcoms_of_task.html.j2",
        **_where(dag_id, run_id, task_id, map_index),
        entries=entries(found, facts, viewer),
        problem=facts.problem,
        paging=_paging(start, total),
        others=others,
        csrf=csrf.token(user),
    )


@router.post(_OF_TASK_INSTANCE + "/reveal", dependencies=[may_see_xcoms])
@in_own_thread
def reveal(
    request: Request, dag_id: DagId, run_id: RunId, task_id: TaskId, map_index: MapIndex, user: GetUserDep, form: Form
) -> HTMLResponse:
    """Show one value, if it may be revealed. What is shown is on record before."""
    csrf.check(form.get("csrf", ""), user)
    where = _where(dag_id, run_id, task_id, map_index)
    found, _ = rows(Selection(dag_id, run_id, task_id, map_index, form.get("key", ""))) if form.get("key") else ([], 0)
    if not found:
        sentence = "Airflow has no such XCom any more. The task was cleared, or is running again."
        return page(request, "revealed.html.j2", 404, **where, entry=None, shown=None, sentence=sentence)
    facts = redis_facts.ask(dag_id, found, here.store, with_record=True)
    viewer = _viewer(dag_id, user)
    (entry,) = entries(found, facts, viewer)
    shown, sentence, status = None, "", 200
    try:
        with turn():
            server = Server(here.store(), here.settings())
            shown = revealed(found[0], facts.known.get(found[0].at), entry.state, viewer, user, server)
    except NotRevealed as no:
        sentence, status = no.sentence, no.status
    return page(request, "revealed.html.j2", status, **where, entry=entry, shown=shown, sentence=sentence)


def _viewer(dag_id: str, user: Any) -> Viewer:
    return Viewer(readable(user), here.settings().ui_reveal, _declared(dag_id))


def _declared(dag_id: str) -> DagFacts | None:
    try:
        return dag_facts(dag_id)
    except (UndecidedError, ExclusiveXComError):
        return None


def _where(dag_id: str, run_id: str, task_id: str, map_index: int) -> dict[str, Any]:
    return {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index}


def _paging(start: int, total: int) -> dict[str, int | None]:
    return {
        "start": start,
        "total": total,
        "end": min(start + PAGE, total),
        "before": max(0, start - PAGE) if start else None,
        "after": start + PAGE if start + PAGE < total else None,
    }
