"""The error of a question that cannot be answered. Commands end with exit code 2 then."""

from __future__ import annotations

from exclusive_redis_xcom.errors import ExclusiveXComError


class UndecidedError(ExclusiveXComError):
    """A question about access has no answer: a name is wrong, or something that it needs cannot be read."""


class NoSuchDagError(UndecidedError):
    """Airflow's database has no such DAG, or not in its serialized form."""
