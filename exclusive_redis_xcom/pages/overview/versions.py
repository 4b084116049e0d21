"""Which version of each DAG is the latest, in Airflow's database. No DAG is read for that."""

from __future__ import annotations

from exclusive_redis_xcom.access.database import of_latest_versions


def latest_of_all(most: int) -> dict[str, str]:
    """Return the DAGs whose files still exist, sorted, each with the hash of its latest version.

    Args:
        most: How many are wanted.
    """
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    query = of_latest_versions(select(SerializedDagModel.dag_id, SerializedDagModel.dag_hash))
    query = query.order_by(SerializedDagModel.dag_id).limit(most)
    with create_session(scoped=False) as session:
        return {row.dag_id: row.dag_hash for row in session.execute(query)}
