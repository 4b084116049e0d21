"""Is Celery's result backend Airflow's database? A worker can look into it, and knows no more than that."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest
from airflow.configuration import conf

from exclusive_redis_xcom.cli.doctor import celery_results
from exclusive_redis_xcom.health.finding import Finding
from exclusive_redis_xcom.health.visit import Visit
from tests.unit.cli.doctor.patients import only, sealed_visit, visit

CANARY = "canary-canary"
RESULTS = "AIRFLOW__CELERY__RESULT_BACKEND"
DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


@pytest.fixture(autouse=True)
def celery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")


def found() -> Finding:
    finding = only(celery_results.celery_results(sealed_visit()))
    assert CANARY not in repr(finding)
    return finding


def database(path: Path, *tables: str) -> str:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for table in tables:
            connection.execute(f"CREATE TABLE {table} (id INTEGER)")
        connection.commit()
    return f"db+sqlite:///{path}"


def test_a_database_of_its_own_is_all_right(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(RESULTS, database(tmp_path / "results.db", "celery_taskmeta", "celery_tasksetmeta"))

    assert found() == Finding(
        "Celery results",
        "ok",
        f"{RESULTS}: a database in which this login may use no table of Airflow",
        "The doctor cannot know what else this login may reach. Make sure that it has no rights in Airflow's database, "
        "if that is on the same server.",
    )


def test_airflow_s_database_fails_by_its_tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(RESULTS, database(tmp_path / "a.db", "task_instance", "xcom", "celery_taskmeta"))

    assert found().result == "FAIL"
    assert found().seen == (
        f"{RESULTS}: this login opens Airflow's database: it may use the tables task_instance and xcom"
    )
    assert "any task can pass for another" in found().remedy


def test_airflow_s_database_fails_by_its_address_whatever_the_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATABASE, f"postgresql://airflow:{CANARY}@postgres.example/airflow")
    monkeypatch.setenv(RESULTS, f"db+postgresql+psycopg2://celery:{CANARY}@postgres.example/airflow")

    assert found().result == "FAIL"
    assert found().seen == f"{RESULTS}: this is Airflow's database, as [database] sql_alchemy_conn has it"


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        (f"redis://:{CANARY}@broker/1", "redis://, which is not Airflow's database"),
        ("rpc://", "rpc://, which is not Airflow's database"),
        (f"{CANARY}@broker:6379", "a backend by name (not shown), which is not Airflow's database"),
        (f"//u.{CANARY}:x@broker", "a backend by name (not shown), which is not Airflow's database"),
        (f"{CANARY}!://broker", "a backend by name (not shown), which is not Airflow's database"),
    ],
)
def test_what_is_no_database_is_all_right_and_no_password_is_shown(
    monkeypatch: pytest.MonkeyPatch, url: str, seen: str
) -> None:
    monkeypatch.setenv(RESULTS, url)

    assert (found().result, found().seen, found().remedy) == ("ok", f"{RESULTS}: {seen}", "")


def test_celery_s_other_name_for_a_database_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    url = database(tmp_path / "a.db", "task_instance", "xcom")
    monkeypatch.setenv(RESULTS, url.replace("db+", "database+", 1))

    assert found().result == "FAIL"


def test_one_of_airflow_s_tables_alone_is_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(RESULTS, database(tmp_path / "a.db", "task_instance", "celery_taskmeta"))

    assert found() == Finding(
        "Celery results",
        "warning",
        f"{RESULTS}: a database in which this login may use a table task_instance, as Airflow's is named",
        "Make sure that this is not Airflow's table. Whoever may change Airflow's table task_instance can pass for any "
        "task, and have every sealed value opened.",
    )


def test_a_database_file_by_uri_is_not_taken_for_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    database(tmp_path / "a.db", "task_instance", "xcom")
    monkeypatch.setenv(RESULTS, f"db+sqlite:///file:{tmp_path}/a.db?uri=true")

    assert found().result == "warning"
    assert found().seen == f"{RESULTS}: its database could not be looked at (a file by URI)"


@pytest.mark.parametrize("url", [f"db+postgresql://a:{CANARY}@127.0.0.1:1/x", f"db+nothing://{CANARY}", "db+"])
def test_a_database_that_cannot_be_looked_at_is_a_warning_and_says_what_is_not_known(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv(RESULTS, url)

    assert found().result == "warning"
    assert "could not be looked at" in found().seen
    assert found().remedy.startswith("Make sure that this is not Airflow's database")


@pytest.mark.parametrize(("suffix", "value"), [("_CMD", f"sh -c 'echo {CANARY} >&2; exit 1'"), ("_SECRET", CANARY)])
def test_what_a_command_does_not_tell_is_a_warning(monkeypatch: pytest.MonkeyPatch, suffix: str, value: str) -> None:
    monkeypatch.setenv(RESULTS + suffix, value)

    assert found().result == "warning"


def test_what_a_command_tells_is_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Airflow runs commands for options that the Celery provider calls sensitive. It is not installed here.
    sensitive = conf.sensitive_config_values | {("celery", "result_backend")}
    monkeypatch.setattr(conf, "sensitive_config_values", sensitive)
    url = database(tmp_path / "a.db", "task_instance", "xcom")
    monkeypatch.setenv(f"{RESULTS}_CMD", f"echo {url}")

    assert found().result == "FAIL"


def test_the_result_backend_of_a_team_is_looked_at_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(RESULTS, database(tmp_path / "results.db", "celery_taskmeta"))
    monkeypatch.setenv("AIRFLOW__SALES___CELERY__RESULT_BACKEND", database(tmp_path / "a.db", "task_instance", "xcom"))

    both = list(celery_results.celery_results(sealed_visit()))

    assert {finding.seen.partition(":")[0]: finding.result for finding in both} == {
        RESULTS: "ok",
        "AIRFLOW__SALES___CELERY__RESULT_BACKEND": "FAIL",
    }


def test_a_database_file_that_is_not_there_is_not_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(RESULTS, f"db+sqlite:///{tmp_path}/none.db")

    assert found().result == "ok"
    assert not (tmp_path / "none.db").exists()


def test_without_a_result_backend_celery_takes_airflow_s_database(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found().result == "warning"
    assert found().seen == "[celery] result_backend is not set, so Celery takes [database] sql_alchemy_conn"

    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "KubernetesExecutor")
    assert found().result == "ok"


def test_under_the_local_executor_alone_it_is_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    monkeypatch.setenv(RESULTS, database(tmp_path / "a.db", "task_instance", "xcom"))

    assert found().result == "warning"


def test_nothing_is_asked_where_it_does_not_matter() -> None:
    for asked in (visit(), Visit("worker", None)):
        assert only(celery_results.celery_results(asked)).result == "skipped"
    assert list(celery_results.celery_results(sealed_visit("api-server"))) == []
