"""Pages that wait take no thread of Airflow's own routes."""

from __future__ import annotations

import asyncio
import threading

import httpx
from fastapi import FastAPI

from exclusive_redis_xcom.pages.ids import MapIndex
from exclusive_redis_xcom.pages.threads import MOST_AT_ONCE, in_own_thread

#: Starlette has so many threads for all routes of a process.
_SHARED = 40


def test_airflows_routes_answer_while_many_pages_wait() -> None:
    app, may_end = FastAPI(), threading.Event()
    at_once = threading.Semaphore(0)

    @app.get("/page/{map_index}")
    @in_own_thread
    def page(map_index: MapIndex, start: int = 0) -> int:
        at_once.release()
        may_end.wait(20)
        return map_index + start

    @app.get("/heartbeat")
    def heartbeat() -> str:
        return "ok"

    async def ask() -> tuple[str, int, list[int]]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            waiting = [asyncio.create_task(client.get(f"/page/{n}?start=1")) for n in range(2 * _SHARED)]
            await asyncio.sleep(0.5)
            try:
                beat = (await asyncio.wait_for(client.get("/heartbeat"), 10)).json()
            finally:
                began = sum(at_once.acquire(blocking=False) for _ in waiting)
                may_end.set()
            return beat, began, [(await each).json() for each in waiting]

    beat, began, answers = asyncio.run(ask())

    assert beat == "ok"
    assert began == MOST_AT_ONCE
    assert answers == [n + 1 for n in range(2 * _SHARED)]
