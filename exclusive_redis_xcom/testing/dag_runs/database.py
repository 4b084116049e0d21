"""Airflow's database: `dag.test()` needs one, and needs the DAG in it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow.sdk import DAG

#: Airflow has this table since its first version.
_TABLE = "dag_run"


def prepare() -> None:
    """Make sure that Airflow has a database. An SQLite file without tables gets its tables here.

    Raises:
        ConfigurationError: Another database has no tables.
    """
    from airflow import settings
    from sqlalchemy import inspect

    engine = settings.engine
    if engine is None:
        settings.configure_orm()
        engine = settings.engine
    if inspect(engine).has_table(_TABLE):
        return
    if engine.dialect.name != "sqlite":
        raise ConfigurationError(
            "Airflow's database has no tables, and dag.test() needs them.\n"
            f"The database is {engine.dialect.name}, as [database] sql_alchemy_conn says.\n"
            "Run `airflow db migrate`. Or leave AIRFLOW_HOME and AIRFLOW__DATABASE__SQL_ALCHEMY_CONN out of the "
            "environment: then tests use a temporary database."
        )
    from airflow.utils.db import initdb

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are about Airflow's own migrations
        initdb()


def register(dag: DAG) -> bool:
    """Write a DAG into the database, as the DAG processor does. `dag.test()` does so only for DAGs in Airflow's folder.

    Returns:
        Whether the database had no such DAG before.

    Raises:
        ValueError: Airflow cannot serialize the DAG.
    """
    from airflow import settings
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.collection import update_dag_parsing_results_in_db
    from airflow.models.dag import DagModel
    from airflow.serialization.serialized_objects import LazyDeserializedDAG

    bundles = DagBundlesManager()
    errors: dict[tuple[str, str], str] = {}
    with settings.Session() as session:
        bundles.sync_bundles_to_db(session=session)
        session.commit()
        is_new = session.get(DagModel, dag.dag_id) is None
        bundle = next(iter(bundles.get_all_dag_bundles()))
        update_dag_parsing_results_in_db(
            bundle.name, bundle.version, [LazyDeserializedDAG.from_dag(dag)], errors, None, set(), session=session
        )
        session.commit()
    if errors:
        raise ValueError(f"Airflow cannot serialize DAG '{dag.dag_id}'.\n{next(iter(errors.values()))}")
    return is_new


def remove_runs(runs: Collection[tuple[str, str]]) -> None:
    """Remove runs, with their task instances and XCom rows.

    Args:
        runs: The DAG's id and the run's id of each.
    """
    from airflow import settings
    from airflow.models.dagrun import DagRun
    from sqlalchemy import select

    with settings.Session() as session:
        for dag_id, run_id in runs:
            for found in session.scalars(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)):
                session.delete(found)
        session.commit()


def remove_dags(dag_ids: Collection[str]) -> None:
    """Remove DAGs, with all that the database has about them."""
    from airflow.api.common.delete_dag import delete_dag

    for dag_id in dag_ids:
        delete_dag(dag_id, keep_records_in_log=False)


def forbid_retries(task_instance: Any) -> None:
    """Let a task instance fail for good when it fails. `dag.test()` would wait for the delay of each retry."""
    from airflow import settings
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import update

    # Airflow's releases keep its id as different types.
    ids = ("dag_id", "run_id", "task_id", "map_index")
    found = [getattr(TaskInstance, name) == getattr(task_instance, name) for name in ids]
    with settings.Session() as session:
        session.execute(update(TaskInstance).where(*found).values(max_tries=0))
        session.commit()
