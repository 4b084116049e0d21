"""The contenders: three backends as classes in one task, Airflow's bare API call, and redis-py alone.

This code runs inside a task. It imports Airflow when it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import redis

API, DEFAULT, OBJECT, OURS, FLOOR = "api", "default", "object", "ours", "floor"

#: A value as large as one of our references. Its push and pull show what Airflow's own call costs.
LIKE_A_REFERENCE: dict[str, Any] = {
    "v": 1,
    "coordinate": {"dag_id": "d" * 20, "run_id": "r" * 40, "task_id": "t" * 10, "map_index": -1, "key": "k" * 10},
    "version": "0" * 32,
    "rule": "x" * 200,
    "pushed_at": "2026-01-01T00:00:00.000000+00:00",
    "expires_at": "2026-01-08T00:00:00.000000+00:00",
}


class Address(NamedTuple):
    """The task instance that pushes values."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int | None = -1


class Backend:
    """One of Airflow's backend classes. It has XCom keys of its own."""

    def __init__(self, name: str, backend: Any) -> None:
        self.name = name
        self._backend = backend

    def push(self, at: Address, label: str, value: Any) -> None:
        """Push as a task instance."""
        self._backend.set(key=self.key(label), value=value, **at._asdict())

    def pull(self, at: Address, label: str) -> Any:
        """Pull one value."""
        return self._backend.get_one(key=self.key(label), **at._asdict())

    def pull_all(self, at: Address, label: str) -> list[Any] | None:
        """Pull the values of all map indexes."""
        found: list[Any] | None = self._backend.get_all(
            key=self.key(label), dag_id=at.dag_id, run_id=at.run_id, task_id=at.task_id
        )
        return found

    def iterate(self, at: Address, label: str, running: Any) -> list[Any]:
        """Iterate over the results of a mapped task as Airflow hands them to a task, with this as Airflow's backend."""
        from airflow.sdk.definitions.xcom_arg import PlainXComArg
        from airflow.sdk.execution_time import xcom
        from airflow.sdk.execution_time.lazy_sequence import LazyXComSequence

        producer = PlainXComArg(operator=running.task.dag.get_task(at.task_id), key=self.key(label))
        configured, xcom.XCom = xcom.XCom, self._backend
        try:
            return [x for x in LazyXComSequence(xcom_arg=producer, ti=running)]  # noqa: C416 - list() asks for the length
        finally:
            xcom.XCom = configured

    def row(self, at: Address, label: str, value: Any) -> Any:
        """Store a value as a push does, and return what the push would send to the API server, as JSON."""
        return self._backend.serialize_value(value, key=self.key(label), **at._asdict())

    def key(self, label: str) -> str:
        """Return the XCom key of a value."""
        return f"{self.name} {label}"


class BareCall(Backend):
    """Airflow's API call with a value as small as a reference."""

    def __init__(self) -> None:
        from airflow.sdk.bases.xcom import BaseXCom

        super().__init__(API, BaseXCom)

    def push(self, at: Address, label: str, value: Any) -> None:  # noqa: ARG002 - the value is always the same
        """Push a value as large as a reference."""
        super().push(at, label, LIKE_A_REFERENCE)


class Floor:
    """The floor: redis-py's SET and GET of the encoded bytes, and nothing else."""

    name = FLOOR

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def push(self, at: Address, label: str, value: bytes) -> None:
        """SET the value, with a TTL as our values have."""
        self._client.set(self._key(at, label), value, ex=3600)

    def pull(self, at: Address, label: str) -> Any:
        """GET the value."""
        return self._client.get(self._key(at, label))

    def pull_all(self, at: Address, label: str) -> list[Any]:
        """HGETALL the hash that `push_field` filled."""
        found: Any = self._client.hgetall(self._key(at, label))
        return list(found.values())

    def push_field(self, at: Address, label: str, value: bytes) -> None:
        """HSET one mapped result."""
        name = self._key(at, label)
        self._client.hset(name, str(at.map_index), value)
        self._client.expire(name, 3600)

    def _key(self, at: Address, label: str) -> str:
        return f"{self._prefix}:floor:{at.run_id}:{at.task_id}:{label}"


def backends(names: Iterable[str]) -> dict[str, Backend]:
    """Return the backends of these names."""
    found: dict[str, Callable[[], Backend]] = {
        API: BareCall,
        DEFAULT: _default,
        OBJECT: _object_storage,
        OURS: _ours,
    }
    return {name: found[name]() for name in names if name in found}


def _default() -> Backend:
    from airflow.sdk.bases.xcom import BaseXCom

    return Backend(DEFAULT, BaseXCom)


def _object_storage() -> Backend:
    from airflow.providers.common.io.xcom.backend import XComObjectStorageBackend

    return Backend(OBJECT, XComObjectStorageBackend)


def _ours() -> Backend:
    from exclusive_redis_xcom import ExclusiveRedisXCom

    return Backend(OURS, ExclusiveRedisXCom)
