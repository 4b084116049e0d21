"""Airflow's database, with DAGs as Airflow's DAG processor writes them there."""

from __future__ import annotations

import warnings
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import sessionmaker


def create_tables(engine: Engine) -> None:
    """Create all of Airflow's tables."""
    from airflow.models import import_all_models
    from airflow.models.base import Base
    from sqlalchemy.orm import configure_mappers

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Airflow's models on a newer SQLAlchemy
        import_all_models()
        configure_mappers()
    Base.metadata.create_all(engine)


def store(engine: Engine, dag: Any, *, stale: bool = False) -> None:
    """Write a new version of a DAG, as Airflow does it."""
    from airflow.models.dag import DagModel
    from airflow.models.dag_version import DagVersion
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.dagcode import DagCode
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.serialization.serialized_objects import LazyDeserializedDAG

    with sessionmaker(engine)() as session:
        if session.get(DagBundleModel, "bundle") is None:
            session.add(DagBundleModel(name="bundle"))
            session.flush()
        if session.get(DagModel, dag.dag_id) is None:
            session.add(DagModel(dag_id=dag.dag_id, bundle_name="bundle", fileloc=dag.fileloc, is_stale=stale))
            session.flush()
        version = DagVersion.write_dag(dag_id=dag.dag_id, bundle_name="bundle", session=session)
        row = SerializedDagModel(LazyDeserializedDAG.from_dag(dag))
        row.dag_version = version
        session.add(row)
        DagCode.write_code(version, dag.fileloc, session=session)
        session.commit()
