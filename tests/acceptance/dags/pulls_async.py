"""The asynchronous forms, Airflow 3.3 and later. See pulls.py for what is expected of whom."""

from __future__ import annotations

import asyncio
from typing import Any

from airflow.sdk import DAG, get_current_context, task

VALUE = {"pair": (1, 2), "raw": b"\x00\xff"}


def expect(found: Any, expected: Any) -> None:
    assert type(found) is type(expected), f"got a {type(found).__name__}"
    assert found == expected, "got another value"


with DAG("pulls_async", schedule=None, catchup=False):

    @task
    async def push() -> Any:
        await get_current_context()["ti"].axcom_push("side", VALUE)
        return VALUE

    @task
    async def each(number: int) -> Any:
        return (number,)

    @task
    async def pull() -> None:
        ti = get_current_context()["ti"]
        expect(await ti.axcom_pull(task_ids="push"), VALUE)
        expect(await ti.axcom_pull(task_ids="push", key="side", map_indexes=-1), VALUE)
        expect(await ti.axcom_pull(task_ids=["push", "each"]), [VALUE, *[(i,) for i in range(3)]])
        several = await asyncio.gather(*(ti.axcom_pull(task_ids="each", map_indexes=i) for i in range(3)))
        expect(several, [(i,) for i in range(3)])

    [push(), each.expand(number=[0, 1, 2])] >> pull()
