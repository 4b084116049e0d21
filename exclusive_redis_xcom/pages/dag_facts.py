"""What a DAG says about its XComs, read from Airflow's database. The facts of one version are read once."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.database import facts_of_version, latest_version
from exclusive_redis_xcom.pages import here

if TYPE_CHECKING:
    from exclusive_redis_xcom.access import DagFacts

_KEPT = 32


def dag_facts(dag_id: str) -> DagFacts:
    """Return what the latest version of a DAG says.

    Raises:
        UndecidedError: Airflow's database has no such DAG, or its form is unknown.
        InvalidAcl: Its rules are wrong.
    """
    return _facts(dag_id, *latest_version(dag_id))


@functools.lru_cache(maxsize=_KEPT)
def _facts(_dag_id: str, version_id: str, _dag_hash: str) -> DagFacts:
    """Read a version. Airflow may write a version again, with another hash, as long as it has no run."""
    return facts_of_version(version_id, default_consumers=here.settings().default_consumers)
