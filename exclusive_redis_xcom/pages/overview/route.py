"""The route of the overview."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from exclusive_redis_xcom.health.own_chain import chain_of
from exclusive_redis_xcom.pages import here
from exclusive_redis_xcom.pages.overview import health, record, sections
from exclusive_redis_xcom.pages.overview.chart import today
from exclusive_redis_xcom.pages.overview.dags import MOST_DAGS, DagReader
from exclusive_redis_xcom.pages.overview.memory import MOST_XCOMS, MemoryReader
from exclusive_redis_xcom.pages.overview.renewed import Renewed
from exclusive_redis_xcom.pages.rendering import page
from exclusive_redis_xcom.pages.threads import in_own_thread
from exclusive_redis_xcom.pages.user import GetUserDep, may_see_health, may_see_overview, readable

if TYPE_CHECKING:
    from exclusive_redis_xcom.health.finding import Finding
    from exclusive_redis_xcom.pages.overview.dags import DagsRead
    from exclusive_redis_xcom.pages.overview.memory import MemoryRead
    from exclusive_redis_xcom.pages.overview.record import RecordRead

#: A page waits so long for what is being found out. Then it shows what is known.
_WAIT_SECONDS = 0.8

router = APIRouter()


@dataclass(frozen=True, slots=True)
class _Sources:
    dags: Renewed[DagsRead]
    record: Renewed[RecordRead]
    memory: Renewed[MemoryRead]
    findings: Renewed[list[Finding]]
    checks: health.HealthReader


@functools.lru_cache(maxsize=1)
def _sources() -> _Sources:
    checks = health.HealthReader()
    return _Sources(
        Renewed("rules of DAGs", DagReader().states),
        Renewed("record of refusals", record.states),
        Renewed("memory", MemoryReader().states),
        Renewed("health", checks.states),
        checks,
    )


@router.get("/overview", dependencies=[may_see_overview])
@in_own_thread
def overview(request: Request, user: GetUserDep) -> HTMLResponse:
    """Show what is known, after a short wait."""
    until = time.monotonic() + _WAIT_SECONDS
    sources, allowed, settings = _sources(), readable(user), here.settings()
    sources.checks.chain = chain_of(request.scope.get("exclusive_redis_xcom.host")) or None
    sees_health = may_see_health(user)
    for start in (sources.dags.start, sources.record.start, sources.memory.start):
        start()
    checked = sources.findings.latest(until) if sees_health else None
    dags, found, memory = sources.dags.latest(until), sources.record.latest(until), sources.memory.latest(until)
    findings = None
    if checked is not None and checked.state is not None:
        findings = health.in_order([*checked.state, health.of_ttls(settings, memory.state)])
    return page(
        request,
        "overview.html.j2",
        hidden=allowed.hidden,
        dags=dags,
        rules=None if dags.state is None else sections.rules(dags.state, allowed),
        most_dags=MOST_DAGS,
        default_consumers=settings.default_consumers,
        observe=settings.records,
        record=found,
        refusals=None if found.state is None else sections.refusals(found.state, allowed, today()),
        memory=memory,
        held=None if memory.state is None else sections.memory(memory.state, allowed),
        most_xcoms=MOST_XCOMS,
        checked=checked,
        findings=findings,
        words=health.WORDS,
    )
