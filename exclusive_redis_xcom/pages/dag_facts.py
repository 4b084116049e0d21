"""What a DAG says about its XComs, read from Airflow's database. The facts of a version never change, so they are kept."""

from __future__ import annotations

import functools

from exclusive_redis_xcom.access import DagFacts
from exclusive_redis_xcom.access.database import facts_of_version, latest_version
from exclusive_redis_xcom.settings import load_settings

_KEPT = 32


def dag_facts(dag_id: str) -> DagFacts:
    """Return what the latest version of a DAG says.

    Raises:
        UndecidedError: Airflow's database has no such DAG, or its form is unknown.
        InvalidAcl: Its rules are wrong.
    """
    return _facts(dag_id, *latest_version(dag_id))


@functools.lru_cache(maxsize=_KEPT)
def _facts(dag_id: str, version_id: str, dag_hash: str) -> DagFacts:
    return facts_of_version(version_id, default_consumers=_settings().default_consumers)


@functools.lru_cache(maxsize=1)
def _settings():
    return load_settings()
