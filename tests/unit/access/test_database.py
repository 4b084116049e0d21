"""DAGs from Airflow's database, on SQLite and PostgreSQL, as Airflow's DAG processor writes them there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import sessionmaker

from devtools.postgres_server import PostgresServer, find_postgres
from exclusive_redis_xcom import cli
from exclusive_redis_xcom.access import DagFacts, parsed
from exclusive_redis_xcom.access.database import facts_of_database, facts_of_version, latest_versions
from exclusive_redis_xcom.access.parsing_process import dag_bag
from exclusive_redis_xcom.access.undecided import NoSuchDagError, UndecidedError
from tests.unit.access.stored import create_tables, store

_FILE = """
from airflow.sdk import DAG, task

with DAG("{name}", schedule=None, params={{"xcom_acl": {{"extract": {{"token": ["load"]}}, "*": "linked"}}}}):
    @task
    def extract(ti):
        ti.xcom_push(key="{key}", value=1)
        return [1]

    @task(multiple_outputs=True)
    def load(value, ti):
        ti.xcom_pull(task_ids="extract", key="token")
        return {{"a": 1}}

    load.expand(value=extract())
"""

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Engine]:
    programs = find_postgres()
    if programs is None:
        pytest.skip("there is no PostgreSQL: neither Debian's package nor an initdb on PATH")
    pytest.importorskip("psycopg2", reason="psycopg2 is not installed")
    with PostgresServer(programs) as server:
        engine = create_engine(server.url)
        create_tables(engine)
        yield engine
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Airflow's database. What a test writes to it is removed."""
    from airflow import settings

    if request.param == "postgresql":
        engine: Engine = request.getfixturevalue("postgresql")
    else:
        engine = create_engine(f"sqlite:///{tmp_path}/airflow.db")
        create_tables(engine)
    monkeypatch.setattr(settings, "NonScopedSession", sessionmaker(engine))
    yield engine
    with engine.begin() as connection:
        for table in ("dag_code", "serialized_dag", "dag_version", "dag", "dag_bundle"):
            connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - constants
    if request.param == "sqlite":
        engine.dispose()


def _parsed(folder: Path, name: str, key: str = "token") -> tuple[Any, DagFacts]:
    """Write and parse a DAG file; return its DAG, and what its object says."""
    file = folder / f"{name}.py"
    file.write_text(_FILE.format(name=name, key=key))
    dag = dag_bag(str(file)).dags[name]
    return dag, parsed.facts_of(dag, default_consumers="same_dag")


def test_the_latest_version_of_each_dag_is_read(engine: Engine, tmp_path: Path) -> None:
    store(engine, _parsed(tmp_path, "b")[0])
    store(engine, _parsed(tmp_path, "a", key="old")[0])
    dag, of_a = _parsed(tmp_path, "a", key="new")
    store(engine, dag)
    of_b = _parsed(tmp_path, "b")[1]

    assert facts_of_database(default_consumers="same_dag") == (of_a, of_b)
    assert facts_of_database(default_consumers="same_dag", dag_ids=["b"]) == (of_b,)
    assert of_a.tasks["extract"].keys == {"new"}


def test_versions_of_a_dag_are_read_one_by_one(engine: Engine, tmp_path: Path) -> None:
    written = []
    for key in ("first", "second", "third"):
        dag, of_object = _parsed(tmp_path, "a", key=key)
        store(engine, dag)
        written.append(of_object)
    store(engine, _parsed(tmp_path, "b")[0])

    found = latest_versions("a", most=2)

    assert [version.number for version in found] == [3, 2]
    assert found[0].written_at.tzinfo is not None
    read = [facts_of_version(version.identifier, default_consumers="same_dag") for version in found]
    assert [facts.tasks["extract"].keys for facts in read] == [{"third"}, {"second"}]
    assert read[0] == written[2]


def test_the_lines_of_a_version_are_those_of_its_own_code(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    for lines_before in (0, 7):
        file.write_text("\n" * lines_before + _FILE.format(name="a", key="token"))
        dag = dag_bag(str(file)).dags["a"]
        parsed.facts_of(dag, default_consumers="same_dag")
        store(engine, dag)
    file.unlink()

    found = [
        facts_of_version(version.identifier, default_consumers="same_dag") for version in latest_versions("a", most=2)
    ]

    assert [facts.acl.rules[0].source for facts in found] == [
        "xcom_acl['extract']['token'] at a.py:11",
        "xcom_acl['extract']['token'] at a.py:4",
    ]


def test_a_dag_that_the_database_does_not_have(engine: Engine) -> None:
    with pytest.raises(NoSuchDagError) as caught:
        latest_versions("a", most=2)

    assert str(caught.value) == "Airflow's database has no serialized DAG 'a'."


def test_the_code_comes_from_the_database_where_the_file_is_not_here(engine: Engine, tmp_path: Path) -> None:
    dag, of_object = _parsed(tmp_path, "a")
    store(engine, dag)
    (tmp_path / "a.py").unlink()

    (facts,) = facts_of_database(default_consumers="same_dag")

    assert facts.path is None
    assert (facts.tasks, facts.links) == (of_object.tasks, of_object.links)
    assert [rule.source for rule in facts.acl.rules] == ["xcom_acl['extract']['token']", "xcom_acl['*'] (linked)"]


def test_compressed_dags_are_read(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.models import serialized_dag

    # Airflow's setting. 3.1 has it under another name.
    name = next(name for name in vars(serialized_dag) if name.endswith("COMPRESS_SERIALIZED_DAGS"))
    monkeypatch.setattr(serialized_dag, name, True)
    dag, of_object = _parsed(tmp_path, "a")
    store(engine, dag)

    assert facts_of_database(default_consumers="same_dag") == (of_object,)


def test_a_dag_whose_file_is_gone_is_left_out(engine: Engine, tmp_path: Path) -> None:
    store(engine, _parsed(tmp_path, "gone")[0], stale=True)
    dag, of_object = _parsed(tmp_path, "a")
    store(engine, dag)

    assert facts_of_database(default_consumers="same_dag") == (of_object,)


def test_a_database_without_dags(engine: Engine) -> None:
    with pytest.raises(UndecidedError) as caught:
        facts_of_database(default_consumers="same_dag")

    assert str(caught.value) == (
        "There is no serialized DAG in Airflow's database.\nAirflow's DAG processor writes them. Is it running?"
    )


def test_a_row_that_is_no_dag(engine: Engine, tmp_path: Path) -> None:
    store(engine, _parsed(tmp_path, "a")[0])
    with engine.begin() as connection:
        connection.exec_driver_sql("""UPDATE serialized_dag SET data = '{"__version": 3, "dag": {"dag_id": "a"}}'""")

    with pytest.raises(UndecidedError, match="The serialized form of DAG 'a' cannot be read"):
        facts_of_database(default_consumers="same_dag")


def test_a_database_without_airflows_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow import settings

    monkeypatch.setattr(settings, "NonScopedSession", sessionmaker(create_engine(f"sqlite:///{tmp_path}/empty.db")))

    with pytest.raises(UndecidedError) as caught:
        facts_of_database(default_consumers="same_dag")

    assert str(caught.value) == (
        "Airflow's database cannot be read (OperationalError).\n"
        "Check [database] sql_alchemy_conn with `airflow db check`, or name DAG files."
    )


def test_dags_are_not_all_held_at_once(engine: Engine, tmp_path: Path) -> None:
    dag, _ = _parsed(tmp_path, "a")
    dag.doc_md = "x" * 1_000_000
    store(engine, dag)
    with engine.begin() as connection:
        # The other DAGs need not be written by Airflow: their size is what counts.
        for number in range(60):
            _copy(connection, f"{number:032x}", f"a{number}")
    tracemalloc.start()
    try:
        facts = facts_of_database(default_consumers="same_dag")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(facts) == 61
    assert peak < 45_000_000


def _copy(connection: Any, identifier: str, dag_id: str) -> None:
    """Write the DAG `a` once more under another id."""
    is_sqlite = connection.dialect.name == "sqlite"
    renamed = f'replace(CAST(data AS TEXT), \'"dag_id": "a"\', \'"dag_id": "{dag_id}"\')'
    renamed = renamed if is_sqlite else f"({renamed})::jsonb"
    columns = {
        "dag": {"dag_id": f"'{dag_id}'"},
        "dag_version": {"id": f"'{identifier}'", "dag_id": f"'{dag_id}'"},
        "serialized_dag": {
            "id": f"'{identifier}'",
            "dag_id": f"'{dag_id}'",
            "dag_version_id": f"'{identifier}'",
            "data": renamed,
        },
    }
    from airflow.models.base import Base

    for table, changed in columns.items():
        names = [column.name for column in Base.metadata.tables[table].columns]
        quoted = ", ".join(f'"{name}"' for name in names)
        values = ", ".join(changed.get(name, f'"{name}"') for name in names)
        connection.exec_driver_sql(
            f"INSERT INTO {table} ({quoted}) SELECT {values} FROM {table} WHERE dag_id = 'a'"  # noqa: S608 - constants
        )


def test_airflow_that_cannot_be_loaded_is_no_answer(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "exclusive_redis_xcom.cli", "can-pull", "a/load", "a/extract:token", "--serialized"],
        env={**os.environ, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "no-such-database://secret@host/x"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.returncode) == ("", 2), done.stderr
    assert "secret" not in done.stderr
    assert done.stderr.splitlines()[-1] == "Its configuration is wrong: see `airflow config list`."


def test_the_command_reads_the_database(engine: Engine, tmp_path: Path) -> None:
    store(engine, _parsed(tmp_path, "a")[0])
    url = engine.url.render_as_string(hide_password=False)

    done = subprocess.run(
        [sys.executable, "-m", "exclusive_redis_xcom.cli", "can-pull", "a/load", "a/extract:token", "--serialized"],
        env={
            **os.environ,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
            # Airflow wants a driver for it that is not installed here. The command does not use this connection.
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"sqlite+aiosqlite:///{tmp_path}/unused.db",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.returncode) == ("yes\n", 0), done.stderr


def test_lint_checks_the_dags_of_the_database(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.py"
    file.write_text(_FILE.format(name="a", key="token").replace('["load"]', '["b/c"]'))
    dag = dag_bag(str(file)).dags["a"]
    parsed.facts_of(dag, default_consumers="same_dag")
    store(engine, dag)
    capsys.readouterr()

    status = cli.main(["lint", "--serialized", "--default-consumers", "same_dag", "--format", "json"])
    found = [(each["code"], each["subject"]) for each in json.loads(capsys.readouterr().out)["findings"]]

    assert status == 1
    assert found == [("EX113", "xcom_acl['extract']['token'] -> b/c"), ("EX122", "load pulls a/extract:token")]
    assert cli.main(["lint", str(tmp_path), "--serialized"]) == 2
    assert capsys.readouterr().err.splitlines()[0] == "DAG files and --serialized exclude each other."


def test_diff_compares_files_and_snapshots_with_the_dags_of_the_database(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(engine, _parsed(tmp_path, "a")[0])
    options = ("--serialized", "--default-consumers", "same_dag")
    before = tmp_path / "before.snapshot"
    assert cli.main(["snapshot", *options, "--output-file", str(before)]) == 0
    nothing = "0 gained, 0 maybe gained, 0 revoked, 0 changed; "

    for old in (before, tmp_path / "a.py"):
        capsys.readouterr()
        assert cli.main(["diff", str(old), *options, "--fail-on", "any"]) == 0
        assert capsys.readouterr().out.startswith(nothing)

    file = tmp_path / "a.py"
    file.write_text(_FILE.format(name="a", key="token").replace('["load"]', '"downstream"').replace("linked", "nobody"))
    dag = dag_bag(str(file)).dags["a"]
    parsed.facts_of(dag, default_consumers="same_dag")
    store(engine, dag)

    capsys.readouterr()
    assert cli.main(["diff", str(before), *options, "-o", "json", "--fail-on", "any"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["old"], found["new"], found["gained"]) == (str(before), "serialized DAGs", [])
    (revoked,) = found["revoked"]
    assert revoked["readers"] == [{"consumer": {"dag_id": "a", "task_id": "load"}, "without": [], "tasks": 1}]
    assert revoked["xcoms"] == [{"xcom": {"dag_id": "a", "task_id": "extract", "key": "return_value"}}]
    assert cli.main(["diff", str(before), *options, "--git", "main..HEAD"]) == 2
