"""Pulls that ask Redis alone first. They ask Airflow only if Redis cannot answer.

From Airflow 3.4 on, only the API server knows which task instance's XCom a pull gets. So there, all pulls ask Airflow.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from airflow.sdk.bases.xcom import BaseXCom

from exclusive_redis_xcom.airflow.coroutine_threads import in_thread
from exclusive_redis_xcom.airflow.instances import AIRFLOW_NAMES_INSTANCES
from exclusive_redis_xcom.task import direct_pull, observing
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class RedisFirst(BaseXCom):
    """The four pulls of `BaseXCom`. Redis alone answers them if it can; else the next class does."""

    @classmethod
    @errors_without_locals
    def get_one(cls, **request: Any) -> Any | None:
        """Pull one value. The result is None if Airflow has no row, or if the pushed value was None."""
        found = _directly(request)
        if not isinstance(found, direct_pull.Miss):
            return found[0]
        if found.observed is None:
            return super().get_one(**request)
        with _one_pull(found.observed):
            return super().get_one(**request)

    @classmethod
    @errors_without_locals
    async def aget_one(cls, **request: Any) -> Any | None:
        """Do what `get_one` does, for coroutines of Airflow 3.3 and later. A thread waits for Redis."""
        found = await _directly_in_thread(request)
        if not isinstance(found, direct_pull.Miss):
            return found[0]
        if found.observed is None:
            return await super().aget_one(**request)
        with _one_pull(found.observed):
            return await super().aget_one(**request)

    @classmethod
    @errors_without_locals
    def get_all(cls, **request: Any) -> list[Any] | None:
        """Pull the values of all map indexes, in Airflow's order. The result is None if Airflow has no row."""
        found: list[Any] | direct_pull.Miss | None = _directly(request, everything=True)
        if not isinstance(found, direct_pull.Miss):
            return found
        if found.observed is None:
            values: list[Any] | None = super().get_all(**request)
            return values
        with _one_pull(found.observed):
            values = super().get_all(**request)
        return values

    @classmethod
    @errors_without_locals
    async def aget_all(cls, **request: Any) -> list[Any] | None:
        """Do what `get_all` does, for coroutines of Airflow 3.3 and later. A thread waits for Redis."""
        found: list[Any] | direct_pull.Miss | None = await _directly_in_thread(request, everything=True)
        if not isinstance(found, direct_pull.Miss):
            return found
        if found.observed is None:
            values: list[Any] | None = await super().aget_all(**request)
            return values
        with _one_pull(found.observed):
            values = await super().aget_all(**request)
        return values


@contextlib.contextmanager
def _one_pull(pull: observing.OnePull) -> Iterator[None]:
    """Count what the direct pull and Airflow's own path read as one pull."""
    begun = observing.begin(pull)
    try:
        yield
    finally:
        if begun is not None:
            observing.end(begun)


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
