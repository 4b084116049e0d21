"""The XCom backend class. It translates `BaseXCom`'s contract into calls of `task`.

`airflow/sdk/bases/xcom.py` describes the contract. docs/explanation/a-push.md and a-pull.md describe what happens here,
and docs/reference/known-limits.md the traps. `RedisFirst` asks Redis alone if Redis can prove that it has what the
database refers to. Else Airflow's own methods fetch the rows, and `_Rows` leaves their values as they are. Then all
references among these rows are resolved together. The results of a whole mapped task come in slices (`all_rows`), and
each slice costs few Redis round trips.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.bases.xcom import BaseXCom

from exclusive_redis_xcom.airflow import absent, all_rows, instances, nobody, sequences, server_refusals, unanswered
from exclusive_redis_xcom.airflow.asking import asking as current_asking
from exclusive_redis_xcom.airflow.coroutine_threads import in_thread
from exclusive_redis_xcom.airflow.failures import counted_pull, counted_push
from exclusive_redis_xcom.airflow.redis_first import RedisFirst
from exclusive_redis_xcom.airflow.rows import Asked, OfThisRun, resolve
from exclusive_redis_xcom.airflow.settling import asettled, settled
from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.model import AIRFLOW_KEYS, NOT_MAPPED, Coordinate
from exclusive_redis_xcom.task.access import current_access
from exclusive_redis_xcom.task.ownership import require_owner
from exclusive_redis_xcom.task.purge import purge
from exclusive_redis_xcom.task.push import push
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exclusive_redis_xcom.airflow.instances import XComCoordinate

#: Airflow wraps the rows of a lazy sequence in this class. `get_all` has another wrapper.
_LAZY_ITEM = "_XComWrapper"


class _Rows(BaseXCom):
    """Airflow's own XCom calls. They leave the values of rows as they are in the database."""

    @staticmethod
    def serialize_value(value: Any, **_coordinate: Any) -> Any:
        return value

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        return result.value


class _ByRow(BaseXCom):
    """Pushes and pulls by way of a row in Airflow's database."""

    @staticmethod
    @errors_without_locals
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
        with counted_push(dag_id, task_id):
            coordinate, access = _coordinate(key, task_id, dag_id, run_id, map_index), current_access()
            if coordinate.key in AIRFLOW_KEYS:
                require_owner(coordinate, "push")
                return BaseXCom.serialize_value(value)
            return push(access, coordinate, value).to_json()

    @classmethod
    @errors_without_locals
    def store_value(cls, coordinate: XComCoordinate, key: str, value: Any) -> Any:
        """Push the value of one task instance, and return the JSON that Airflow's database gets.

        Airflow 3.4 calls this instead of `serialize_value`. Each iteration of a task in a loop keeps its own value: the
        hash in Redis is that of `dag/run/task/ti-<id>/<key>`. It was run on betas of 3.4 alone, as
        docs/explanation/testing.md says.

        Args:
            coordinate: Airflow's `XComCoordinate` of the task instance.
            key: The XCom's key.
            value: The value.

        Raises:
            XComAccessDenied: Another task instance writes than the one whose coordinate it is.
            ExclusiveXComError: As for every push.
        """
        with counted_push(coordinate.dag_id, coordinate.task_id):
            at = instances.own_coordinate(coordinate, key)
            if at.key in AIRFLOW_KEYS:
                return BaseXCom.serialize_value(value)
            return push(current_access(), at, value).to_json()

    @staticmethod
    @errors_without_locals
    def deserialize_value(result: Any) -> Any:
        """Turn one row (anything with `.value`) into its value. Airflow's own code reads rows that are not ours."""
        is_item = type(result).__name__ == _LAZY_ITEM
        asking = current_asking() if is_item else None
        if asking is not None and asking.rows:
            return result.value
        asked = asking.asked if asking is not None else OfThisRun() if is_item else None
        with counted_pull.of(asked):
            return resolve([result.value], asked)[0]

    # The four pulls take the arguments of BaseXCom: key, dag_id, task_id, run_id, map_index, include_prior_dates.

    @classmethod
    def get_one(cls, **request: Any) -> Any | None:
        """Pull one value. The result is None if Airflow has no row, or if the pushed value was None."""
        asked = _asked_for_one(request)
        with counted_pull.of(asked):
            nobody.refuse(asked)

            def pulled() -> Any | None:
                with unanswered.typed(asked):
                    row = _Rows.get_one(**request)
                if row is None:
                    absent.note(asked)
                    return None
                return resolve([row], asked)[0]

            return settled(pulled)

    @classmethod
    async def aget_one(cls, **request: Any) -> Any | None:
        """Do what `get_one` does, for coroutines of Airflow 3.3 and later. A thread waits for Redis."""
        asked = _asked_for_one(request)
        with counted_pull.of(asked):
            nobody.refuse(asked)

            async def pulled() -> Any | None:
                with unanswered.typed(asked):
                    row = await _Rows.aget_one(**request)
                return None if row is None else (await in_thread(resolve, [row], asked))[0]

            return await asettled(pulled)

    @classmethod
    def get_all(cls, **request: Any) -> list[Any] | None:
        """Pull the values of all map indexes, in Airflow's order. The result is None if Airflow has no row."""
        asked = _asked_for_all(request)
        with counted_pull.of(asked):
            nobody.refuse(asked)
            found = all_rows.pull(request, asked)
            if found is None:
                absent.note(asked)
            return found

    @classmethod
    async def aget_all(cls, **request: Any) -> list[Any] | None:
        """Do what `get_all` does, for coroutines of Airflow 3.3 and later. A thread waits for Redis."""
        asked = _asked_for_all(request)
        with counted_pull.of(asked):
            nobody.refuse(asked)
            return await all_rows.apull(request, asked)

    @classmethod
    @errors_without_locals
    def set(cls, *arguments: Any, **options: Any) -> None:
        """Push a value. The arguments are those of `BaseXCom.set`."""
        with counted_push(options.get("dag_id"), options.get("task_id")), server_refusals.ours():
            super().set(*arguments, **options)

    @classmethod
    @errors_without_locals
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
        """Do what `set` does, for coroutines of Airflow 3.3 and later. A thread waits for Redis."""
        address: dict[str, Any] = {
            "key": key,
            "dag_id": dag_id,
            "task_id": task_id,
            "run_id": run_id,
            "map_index": map_index,
        }
        if instances.AIRFLOW_NAMES_INSTANCES:  # it calls `store_value`, in a thread
            with server_refusals.ours():
                await super().aset(value=value, **address, **options)
            return
        with counted_push(dag_id, task_id), server_refusals.ours():
            row = await in_thread(lambda: cls.serialize_value(value, **address))
            await _Rows.aset(value=row, **address, **options)

    @classmethod
    @errors_without_locals
    def delete(cls, key: str, task_id: str, dag_id: str, run_id: str, map_index: int | None = None) -> None:
        """Remove one XCom of the running task: its value, then its row.

        The value at the task's own coordinate is removed, whatever the row says. A row that somebody edited must not
        direct the removal elsewhere, and it must not keep a task from retrying.
        """
        purge(current_access(), instances.of_running(_coordinate(key, task_id, dag_id, run_id, map_index)))
        with server_refusals.ours():
            _Rows.delete(key=key, task_id=task_id, dag_id=dag_id, run_id=run_id, map_index=map_index)

    @classmethod
    @errors_without_locals
    def purge(cls, xcom: Any, *_args: Any) -> None:
        """Remove the value that a row refers to. A row that is not ours refers to none."""
        if references.is_reference(xcom.value):
            purge(current_access(), references.parse(xcom.value).coordinate)


class ExclusiveRedisXCom(RedisFirst, _ByRow):
    """The class for `[core] xcom_backend`: Redis has the values, Airflow's database has references to them.

    An access list decides about each pull. Every error of this class is an `ExclusiveXComError`.
    """


def _asked_for_one(request: Mapping[str, Any]) -> Asked:
    return _asked(request, _index(request.get("map_index")))


def _asked_for_all(request: Mapping[str, Any]) -> Asked:
    return _asked(request, None)


def _asked(request: Mapping[str, Any], map_index: int | None) -> Asked:
    prior_dates = bool(request.get("include_prior_dates"))
    return Asked(request["dag_id"], request["task_id"], request["key"], request["run_id"], map_index, prior_dates)


def _coordinate(
    key: str | None, task_id: str | None, dag_id: str | None, run_id: str | None, map_index: int | None
) -> Coordinate:
    if not (key and task_id and dag_id and run_id):
        given = {"key": key, "task_id": task_id, "dag_id": dag_id, "run_id": run_id}
        missing = next(name for name, text in given.items() if not text)
        raise InvalidReference(
            f"An XCom needs a {missing}, and this one has none.\n"
            "Neither its key nor its dag_id, run_id and task_id may be empty."
        )
    return Coordinate(dag_id=dag_id, run_id=run_id, task_id=task_id, key=key, map_index=_index(map_index))


def _index(map_index: int | None) -> int:
    # Airflow's API reads an absent map_index as "not mapped" (execution_api/routes/xcoms.py).
    return NOT_MAPPED if map_index is None else map_index


sequences.batch(ExclusiveRedisXCom)
