"""The asynchronous forms in server mode, Airflow 3.3 and later. `denied_*` must fail with XComAccessDenied."""

from __future__ import annotations

import asyncio
from typing import Any

from airflow.sdk import DAG, get_current_context, task

VALUE = {"pair": (1, 2), "raw": b"\x00\xff"}


def expect(found: Any, expected: Any) -> None:
    assert type(found) is type(expected), f"got a {type(found).__name__}"
    assert found == expected, "got another value"


with DAG(
    "server_async",
    schedule=None,
    catchup=False,
    params={"xcom_acl": {"push": {"*": ["pull"]}, "each": {"*": ["pull"]}}},
):

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
        expect(await ti.axcom_pull(task_ids="push", key="side", map_indexes=-1), VALUE)
        expect(await ti.axcom_pull(task_ids=["push", "each"]), [VALUE, (0,), (1,)])
        several = await asyncio.gather(*(ti.axcom_pull(task_ids="each", map_indexes=i) for i in range(2)))
        expect(several, [(0,), (1,)])

    @task
    async def denied_pull() -> None:
        await get_current_context()["ti"].axcom_pull(task_ids="each")

    @task
    async def denied_pull_one() -> None:
        await get_current_context()["ti"].axcom_pull(task_ids="push", map_indexes=-1)

    [push(), each.expand(number=[0, 1])] >> pull() >> [denied_pull(), denied_pull_one()]
