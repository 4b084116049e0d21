"""Airflow's side: the XCom backend class, a translation of ``BaseXCom``'s contract into :mod:`exchange`.

Contract and traps: ``airflow/sdk/bases/xcom.py`` and docs/how-it-works.md. How a pull is split: Airflow's own methods
fetch the rows (:class:`_Rows` leaves their values as they are), then all references among them are resolved
together, so that the results of a whole mapped task cost a bounded number of Redis round trips.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow.sdk.bases.xcom import BaseXCom

from exclusive_redis_xcom import identity
from exclusive_redis_xcom import reference as references
from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.exchange import current_exchange
from exclusive_redis_xcom.model import LINK_PREFIX, NOT_MAPPED, Coordinate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exclusive_redis_xcom.reference import Reference

#: Keys that Airflow's scheduler reads straight from the database row and must find there as plain values
#: (``ti_deps/deps/not_previously_skipped_dep.py``, ``ti_deps/dep_context.py``).
AIRFLOW_KEYS = frozenset({"skipmixin_key", "past_depends_met"})

#: How Airflow wraps the rows of a lazy sequence; ``get_all`` has another wrapper.
_LAZY_ITEM = "_XComWrapper"


class _Rows(BaseXCom):
    """Airflow's own XCom calls, with the rows' values left as they are in the database."""

    @staticmethod
    def serialize_value(value: Any, **_coordinate: Any) -> Any:
        return value

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        return result.value


class ExclusiveRedisXCom(BaseXCom):
    """``[core] xcom_backend``: values in Redis, references in Airflow's database, each pull decided by ACL.

    Errors, all of them :class:`~exclusive_redis_xcom.errors.ExclusiveXComError`: XComAccessDenied, XComExpired,
    XComTooLarge, XComNotSerializable, InvalidReference, CorruptValue, StoreUnavailable, ConfigurationError.
    """

    @staticmethod
    def serialize_value(
        value: Any,
        *,
        key: str | None = None,
        task_id: str | None = None,
        dag_id: str | None = None,
        run_id: str | None = None,
        map_index: int | None = None,
    ) -> Any:
        """Push the value and return the JSON that Airflow's database gets."""
        coordinate = _coordinate(key, task_id, dag_id, run_id, map_index)
        if coordinate.key in AIRFLOW_KEYS:
            current_exchange().require_owner(coordinate, "push")
            return BaseXCom.serialize_value(value)
        return current_exchange().push(coordinate, value).to_json()

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        """Turn one row (anything with ``.value``) into its value; a row that is not ours as Airflow would."""
        asked = _OfThisRun() if type(result).__name__ == _LAZY_ITEM else None
        return _resolve([result.value], asked)[0]

    # The four pulls take what BaseXCom's take: key, dag_id, task_id, run_id, map_index, include_prior_dates.

    @classmethod
    def get_one(cls, **request: Any) -> Any | None:
        """Pull one value; None where Airflow has no row, or the pushed value was None."""
        row = _Rows.get_one(**request)
        return None if row is None else _resolve([row], _asked_for_one(request))[0]

    @classmethod
    async def aget_one(cls, **request: Any) -> Any | None:
        """:meth:`get_one` for coroutines; Redis is waited for in a thread. Airflow 3.3 and later."""
        row = await _Rows.aget_one(**request)
        return None if row is None else (await asyncio.to_thread(_resolve, [row], _asked_for_one(request)))[0]

    @classmethod
    def get_all(cls, **request: Any) -> list[Any] | None:
        """Pull the values of all map indexes, in Airflow's order; None where Airflow has no row."""
        rows = _Rows.get_all(**request)
        return None if rows is None else _resolve(rows, _asked_for_all(request))

    @classmethod
    async def aget_all(cls, **request: Any) -> list[Any] | None:
        """:meth:`get_all` for coroutines; Redis is waited for in a thread. Airflow 3.3 and later."""
        rows = await _Rows.aget_all(**request)
        return None if rows is None else await asyncio.to_thread(_resolve, rows, _asked_for_all(request))

    @classmethod
    async def aset(
        cls,
        key: str,
        value: Any,
        *,
        dag_id: str,
        task_id: str,
        run_id: str,
        map_index: int = NOT_MAPPED,
        **options: Any,
    ) -> None:
        """``set`` for coroutines; Redis is waited for in a thread. Airflow 3.3 and later."""
        address: dict[str, Any] = {
            "key": key,
            "dag_id": dag_id,
            "task_id": task_id,
            "run_id": run_id,
            "map_index": map_index,
        }
        row = await asyncio.to_thread(lambda: cls.serialize_value(value, **address))
        await _Rows.aset(value=row, **address, **options)

    @classmethod
    def delete(cls, key: str, task_id: str, dag_id: str, run_id: str, map_index: int | None = None) -> None:
        """Remove one XCom of the running task: its value, then its row.

        The value removed is the one at the task's own coordinate, whatever the row says: a row that somebody
        edited must neither direct the removal elsewhere nor keep a task from retrying.
        """
        current_exchange().purge(_coordinate(key, task_id, dag_id, run_id, map_index))
        _Rows.delete(key=key, task_id=task_id, dag_id=dag_id, run_id=run_id, map_index=map_index)

    @classmethod
    def purge(cls, xcom: Any, *_args: Any) -> None:
        """Remove the value that a row refers to; a row that is not ours has none."""
        if references.is_reference(xcom.value):
            current_exchange().purge(references.parse(xcom.value).coordinate)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a pull asked for. ``run_id`` or ``map_index`` None: any (prior runs; a whole mapped task)."""

    dag_id: str
    task_id: str
    key: str
    run_id: str | None
    map_index: int | None

    def __str__(self) -> str:
        return f"XCom '{self.key}' of task '{self.task_id}' in DAG '{self.dag_id}'"

    def require(self, reference: Reference) -> None:
        """Refuse a reference that lies in a row it does not belong to (copied there by hand or by a task)."""
        found = reference.coordinate
        same_task = (found.dag_id, found.task_id, found.key) == (self.dag_id, self.task_id, self.key)
        same_run = self.run_id in (None, found.run_id)
        if not (same_task and same_run and self.map_index in (None, found.map_index)):
            raise InvalidReference(
                f"The row of XCom '{self.key}' of task '{self.task_id}' in DAG '{self.dag_id}' holds a reference "
                f"to another XCom ({found}): it was copied there. Clear task '{self.task_id}' of that run."
            )


class _OfThisRun:
    """What an item of a lazy sequence is known to be: a result of a mapped task of the same run.

    Airflow tells no more than the row's value (``sdk/execution_time/lazy_sequence.py``).
    """

    def require(self, reference: Reference) -> None:
        """Refuse a reference to an XCom of another DAG or run, or of a task that is not mapped."""
        found, principal = reference.coordinate, identity.current_principal()
        here = principal is not None and (found.dag_id, found.run_id) == (principal.dag_id, principal.run_id)
        if not here or found.map_index == NOT_MAPPED:
            raise InvalidReference(
                f"A row of a mapped task's results holds a reference to another XCom ({found}): it was copied there. "
                "Clear the mapped task."
            )


def _resolve(rows: Sequence[Any], asked: _Asked | _OfThisRun | None = None) -> list[Any]:
    """Values for rows: our references through the exchange, all at once; other rows as Airflow reads them."""
    if any(isinstance(row, list) and any(map(references.is_reference, row)) for row in rows):
        # Keys like "name/slice" lead Airflow's client to its other routes (execution_api/routes/xcoms.py).
        raise InvalidReference("This XCom row is a list of references. Keys must not end in '/slice' or '/item/N'.")
    found = {i: references.parse(row) for i, row in enumerate(rows) if references.is_reference(row)}
    if len(found) < len(rows) and not (isinstance(asked, _Asked) and _is_airflows(asked.key)):
        current_exchange().require_plain_rows_allowed(str(asked) if isinstance(asked, _Asked) else "an XCom")
    if asked is not None:
        for reference in found.values():
            asked.require(reference)
    pulled = dict(zip(found, current_exchange().pull(list(found.values())), strict=True)) if found else {}
    return [pulled[i] if i in found else _as_airflow_would(row) for i, row in enumerate(rows)]


def _asked_for_one(request: Mapping[str, Any]) -> _Asked:
    return replace(_asked_for_all(request), map_index=_index(request.get("map_index")))


def _asked_for_all(request: Mapping[str, Any]) -> _Asked:
    run_id = None if request.get("include_prior_dates") else request["run_id"]
    return _Asked(request["dag_id"], request["task_id"], request["key"], run_id, map_index=None)


def _is_airflows(key: str) -> bool:
    return key in AIRFLOW_KEYS or key.startswith(LINK_PREFIX)


def _as_airflow_would(row: Any) -> Any:
    return BaseXCom.deserialize_value(_Row(row))


class _Row(NamedTuple):
    """The shape that ``BaseXCom.deserialize_value`` takes."""

    value: Any


def _coordinate(
    key: str | None, task_id: str | None, dag_id: str | None, run_id: str | None, map_index: int | None
) -> Coordinate:
    if not (key and task_id and dag_id and run_id):
        raise InvalidReference("An XCom can be stored only under a full coordinate: dag_id, run_id, task_id and key.")
    return Coordinate(dag_id=dag_id, run_id=run_id, task_id=task_id, key=key, map_index=_index(map_index))


def _index(map_index: int | None) -> int:
    # Airflow's API takes an absent map_index as "not mapped" (execution_api/routes/xcoms.py).
    return NOT_MAPPED if map_index is None else map_index
