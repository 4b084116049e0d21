"""Answers of API servers to a task of the DAG `sales`: one server has our ring, others do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from devtools.worlds.rows import Rows
from devtools.worlds.running_task import RUN_ID
from exclusive_redis_xcom.crypto import SealPrivateKeys, generate_seal_keys
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.formats.reference import Reference
from exclusive_redis_xcom.process import identity
from exclusive_redis_xcom.task.access import current_access
from tests.unit.api_server.ringed import OWNER, Airflow, Person, World

PUBLIC_TEXT, PRIVATE_TEXT = generate_seal_keys()
PRIVATE = SealPrivateKeys.parse(PRIVATE_TEXT)


def ring(values: list[Any], query: str = "", task_id: str = "extract") -> list[Any]:
    """Return what the API server's ring makes of an answer for the task that runs now."""
    principal = identity.current_principal()
    assert principal is not None
    access = current_access()
    world = World(Airflow(values), seal_private_keys=PRIVATE, store=lambda: access.store)
    world.people[OWNER.ti_id] = Person(principal, OWNER.number)
    url = f"/execution/xcoms/sales/{quote(RUN_ID)}/{task_id}/any/slice{query}"
    answer: list[Any] = world.ask("GET", url, OWNER).json()
    return answer


def ring_of(rows: Rows, task_id: str = "parts") -> Callable[[list[Any]], list[Any]]:
    """Return an API server with the ring, which sees whether a slice is read ahead."""

    def answer(values: list[Any]) -> list[Any]:
        step = getattr(rows.latest, "step", None)
        return ring(values, "" if step is None else f"?step={step}", task_id)

    return answer


def looking_back(values: list[Any]) -> list[Any]:
    """Return what the ring makes of an answer that may hold values of earlier runs."""
    return ring(values, "?include_prior_dates=true")


def each(change: Callable[[Reference], Any]) -> Callable[[list[Any]], list[Any]]:
    """Return an API server that changes each reference in its own way."""

    def answer(values: list[Any]) -> list[Any]:
        return [change(references.parse(value)) for value in values]

    return answer


def no_ring(values: list[Any]) -> list[Any]:
    return values
