"""Pulls that ask Redis alone first. They ask Airflow only if Redis cannot answer.

From Airflow 3.4 on, only the API server knows which task instance's XCom a pull gets. So there, all pulls ask Airflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.bases.xcom import BaseXCom

from exclusive_redis_xcom.airflow.coroutine_threads import in_thread
from exclusive_redis_xcom.airflow.instances import AIRFLOW_NAMES_INSTANCES
from exclusive_redis_xcom.task import direct_pull
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from collections.abc import Mapping


class RedisFirst(BaseXCom):
    """The four pulls of `BaseXCom`. Redis alone answers them if it can; else the next class does."""

    @classmethod
    @errors_without_locals
    def get_one(cls, **request: Any) -> Any | None:
        """Pull one value. The result is None if Airflow has no row, or if the pushed value was None."""
        found = _directly(request)
        return super().get_one(**request) if found is direct_pull.MISS else found[0]

    @classmethod
    @errors_without_locals
    async def aget_one(cls, **request: Any) -> Any | None:
        """Do what `get_one` does, for coroutines of Airflow 3.3 and later. A thread waits for Redis."""
        found = await _directly_in_thread(request)
        return await super().aget_one(**request) if found is direct_pull.MISS else found[0]

    @classmethod
    @errors_without_locals
    def get_all(cls, **request: Any) -> list[Any] | None:
        """Pull the values of all map indexes, in Airflow's order. The result is None if Airflow has no row."""
        found: list[Any] | None = _directly(request, everything=True)
        if found is direct_pull.MISS:
            found = super().get_all(**request)
        return found

    @classmethod
    @errors_without_locals
    async def aget_all(cls, **request: Any) -> list[Any] | None:
        """Do what `get_all` does, for coroutines of Airflow 3.3 and later. A thread waits for Redis."""
        found: list[Any] | None = await _directly_in_thread(request, everything=True)
        if found is direct_pull.MISS:
            found = await super().aget_all(**request)
        return found


def _directly(request: Mapping[str, Any], *, everything: bool = False) -> Any:
    if AIRFLOW_NAMES_INSTANCES:
        return direct_pull.MISS
    eligible = direct_pull.eligible_pull(request, everything=everything)
    return direct_pull.MISS if eligible is None else direct_pull.pull(eligible)


async def _directly_in_thread(request: Mapping[str, Any], *, everything: bool = False) -> Any:
    if AIRFLOW_NAMES_INSTANCES:
        return direct_pull.MISS
    eligible = direct_pull.eligible_pull(request, everything=everything)
    return direct_pull.MISS if eligible is None else await in_thread(direct_pull.pull, eligible)
