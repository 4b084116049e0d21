"""Airflow's database for the DAG's page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import sessionmaker

from exclusive_redis_xcom.access import parsed
from exclusive_redis_xcom.access.parsing_process import dag_bag
from exclusive_redis_xcom.pages import here
from exclusive_redis_xcom.pages.access.known import Known, known
from exclusive_redis_xcom.pages.user import Readable
from tests.unit.access.stored import create_tables, store

_FILE = """
from airflow.sdk import DAG, task

with DAG("{dag_id}", schedule=None, params={{"xcom_acl": {rules!r}}}):
    @task
    def each():
        return 1

    before = []
    for name in {tasks!r}:
        this = each.override(task_id=name)()
        before >> this
        before = [this]
"""


class Database:
    """Airflow's database, and a user who may read some of its DAGs."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self._folder = engine, folder

    def write(self, dag_id: str, rules: dict[str, Any], tasks: tuple[str, ...] = ("extract", "load", "report")) -> None:
        """Write a new version of a DAG, as Airflow does it. Its tasks run one after the other."""
        file = self._folder / f"{dag_id}.py"
        file.write_text(_FILE.format(dag_id=dag_id, rules=rules, tasks=tasks))
        dag = dag_bag(str(file)).dags[dag_id]
        parsed.facts_of(dag, default_consumers="same_dag")  # it freezes the rules, as Airflow does
        store(self.engine, dag)

    def known(self, dag_id: str, *, reads: tuple[str, ...] | None = None) -> Known:
        """What a user may know who reads these DAGs besides; None for a user who reads all."""
        with self.engine.connect() as connection:
            all_dags = [row[0] for row in connection.exec_driver_sql("SELECT dag_id FROM dag")]
        return known(dag_id, Readable(all_dags if reads is None else (dag_id, *reads), all_dags))


@pytest.fixture(scope="package")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    found = create_engine(f"sqlite:///{tmp_path_factory.mktemp('database')}/airflow.db")
    create_tables(found)
    yield found
    found.dispose()


@pytest.fixture
def database(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Airflow's database without a DAG."""
    from airflow import settings

    monkeypatch.setattr(settings, "NonScopedSession", sessionmaker(engine))
    monkeypatch.setenv("AIRFLOW__EXCLUSIVE_REDIS_XCOM__REDIS_URL", "redis://127.0.0.1:1/0")
    here.settings.cache_clear()
    yield Database(engine, tmp_path)
    here.settings.cache_clear()
    with engine.begin() as connection:
        for table in ("dag_code", "serialized_dag", "dag_version", "dag", "dag_bundle"):
            connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - constants
