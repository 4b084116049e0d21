"""Which version of each DAG is the latest, in Airflow's database. No DAG is read for that."""

from __future__ import annotations

from exclusive_redis_xcom.access.database import latest_numbers


def latest_of_all(most: int) -> dict[str, str]:
    """Return the DAGs whose files still exist, sorted, each with the hash of its latest version.

    Args:
        most: How many are wanted.
    """
    from airflow.models.dag import DagModel
    from airflow.models.dag_version import DagVersion
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    latest = latest_numbers()
    query = (
        select(DagVersion.dag_id, SerializedDagModel.dag_hash)
        .join(SerializedDagModel, SerializedDagModel.dag_version_id == DagVersion.id)
        .join(latest, (DagVersion.dag_id == latest.c.dag_id) & (DagVersion.version_number == latest.c.number))
        .join(DagModel, (DagModel.dag_id == DagVersion.dag_id) & ~DagModel.is_stale)
        .order_by(DagVersion.dag_id)
        .limit(most)
    )
    with create_session(scoped=False) as session:
        return {row.dag_id: row.dag_hash for row in session.execute(query)}
