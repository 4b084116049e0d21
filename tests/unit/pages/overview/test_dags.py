"""DAGs are read from Airflow's database some at a time, and each version once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import sessionmaker

from exclusive_redis_xcom.access.parsing_process import dag_bag
from exclusive_redis_xcom.pages.overview import dags
from exclusive_redis_xcom.pages.overview.dags import DagReader, DagsRead
from exclusive_redis_xcom.pages.overview.versions import latest_of_all
from tests.unit.access.stored import create_tables, store

_FILE = """
from airflow.sdk import DAG, task

for n in range({count}):
    with DAG(f"dag{{n}}", schedule=None, params={{"xcom_acl": {{"extract": {{"token": {consumers!r}}}}}}}) as dag:
        @task
        def extract(ti):
            ti.xcom_push(key="token", value=1)

        extract()
    globals()[f"dag{{n}}"] = dag
"""

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Database:
    """Airflow's database. `read` has the number of DAGs that were read as JSON."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self._folder = engine, folder
        self.read = 0
        event.listen(engine, "before_cursor_execute", self._count)

    def _count(self, _connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "serialized_dag.data" in statement and statement.startswith("SELECT"):
            self.read += len(parameters)

    def write(self, count: int, consumers: object) -> None:
        """Write new versions of DAGs, as Airflow does it."""
        file = self._folder / "dags.py"
        file.write_text(_FILE.format(count=count, consumers=consumers))
        for dag in dag_bag(str(file)).dags.values():
            store(self.engine, dag)
        self.read = 0

    def execute(self, statement: str, *values: object) -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql(statement, tuple(values))
        self.read = 0


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database with Airflow's tables. To make them takes longer than any of these tests."""
    made = create_engine(f"sqlite:///{tmp_path_factory.mktemp('database')}/airflow.db")
    create_tables(made)
    yield made
    made.dispose()


@pytest.fixture
def database(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    from airflow import settings

    monkeypatch.setattr(settings, "NonScopedSession", sessionmaker(engine))
    found = Database(engine, tmp_path)
    yield found
    event.remove(engine, "before_cursor_execute", found._count)
    with engine.begin() as connection:
        for table in ("dag_code", "serialized_dag", "dag_version", "dag", "dag_bundle"):
            connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - constants


def last(reader: DagReader) -> DagsRead:
    *_, found = reader.states()
    return found


def test_a_version_is_read_once_and_a_new_one_again(database: Database) -> None:
    database.write(3, ["bi/load"])
    reader = DagReader()

    first = last(reader)
    assert (list(first.dag_ids), sorted(first.summaries)) == (["dag0", "dag1", "dag2"], ["dag0", "dag1", "dag2"])
    assert (first.summaries["dag0"].xcoms, first.summaries["dag0"].wide, database.read) == (1, (), 3)

    assert last(reader) == first
    assert database.read == 3

    database.write(2, "anyone")
    second = last(reader)
    assert [len(each.wide) for _, each in sorted(second.summaries.items())] == [1, 1, 0]
    assert database.read == 2


def test_they_are_read_some_at_a_time_and_what_is_known_is_told(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dags, "_STEP", 2)
    monkeypatch.setattr(dags, "_TOLD_SECONDS", 0.0)
    database.write(5, ["bi/load"])

    states = list(DagReader().states())

    assert [len(state.summaries) for state in states] == [2, 4, 5, 5]
    assert {len(state.dag_ids) for state in states} == {5}


def test_a_dag_that_cannot_be_read_hides_no_other_and_is_not_read_again(database: Database) -> None:
    database.write(3, ["bi/load"])
    broken = json.dumps({"__version": 99})
    database.execute("UPDATE serialized_dag SET data = ?, dag_hash = 'x' WHERE dag_id = 'dag1'", broken)
    reader = DagReader()

    found = last(reader).summaries
    once = database.read
    last(reader)

    assert [found[name].is_unreadable for name in ("dag0", "dag1", "dag2")] == [False, True, False]
    assert database.read == once


def test_a_dag_whose_file_is_gone_is_forgotten(database: Database) -> None:
    database.write(2, ["bi/load"])
    reader = DagReader()
    assert len(last(reader).summaries) == 2

    database.execute("UPDATE dag SET is_stale = 1 WHERE dag_id = ?", "dag0")

    assert (list(last(reader).dag_ids), list(last(reader).summaries)) == (["dag1"], ["dag1"])


def test_no_more_dags_are_read_than_the_most(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dags, "MOST_DAGS", 2)
    database.write(4, ["bi/load"])

    found = last(DagReader())

    assert (list(found.dag_ids), len(found.summaries), found.is_cut) == (["dag0", "dag1"], 2, True)
    assert database.read == 2


def test_the_hash_is_that_of_the_latest_version(database: Database) -> None:
    database.write(1, ["bi/load"])
    old = latest_of_all(10)
    database.write(1, "anyone")
    new = latest_of_all(10)

    assert list(old) == list(new) == ["dag0"]
    assert old != new


def test_a_database_without_dags(database: Database) -> None:
    assert last(DagReader()) == DagsRead([], {})


def test_a_dag_that_is_nested_too_deeply_hides_no_other(database: Database) -> None:
    database.write(3, ["bi/load"])
    deep = "[" * 100_000 + "]" * 100_000
    database.execute("UPDATE serialized_dag SET data = ? WHERE dag_id = 'dag1'", deep)

    found = last(DagReader())

    assert [each.is_unreadable for _, each in sorted(found.summaries.items())] == [False, True, False]
