"""What a DAG says about its XComs, read from Airflow's database. The facts of one version are read once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access.database import facts_of_version, latest_versions
from exclusive_redis_xcom.pages import here
from exclusive_redis_xcom.pages.kept import Kept

if TYPE_CHECKING:
    from collections.abc import Hashable

    from exclusive_redis_xcom.access import DagFacts
    from exclusive_redis_xcom.access.database import Version

_facts: Final[Kept[DagFacts]] = Kept(32)


def dag_facts(dag_id: str) -> DagFacts:
    """Return what the latest version of a DAG says.

    Raises:
        NoSuchDagError: Airflow's database has no such DAG.
        UndecidedError: Its form is unknown.
        InvalidAcl: Its rules are wrong.
    """
    return facts_of(latest_versions(dag_id, most=1)[0])


def facts_of(version: Version) -> DagFacts:
    """Return what a version of a DAG says, under this API server's `default_consumers`.

    Raises:
        UndecidedError: The version is gone, or its form is unknown.
        InvalidAcl: Its rules are wrong.
    """
    word = here.settings().default_consumers
    return _facts.get(identity(version), lambda: facts_of_version(version.identifier, default_consumers=word))


def identity(version: Version) -> Hashable:
    """Return what tells a version's facts from others. Airflow may write a version again, with another hash."""
    return version.identifier, version.dag_hash, here.settings().default_consumers
