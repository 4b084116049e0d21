"""What a worker could use to pass for any task."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from airflow.configuration import conf

from exclusive_redis_xcom.cli.doctor import identity_secrets
from exclusive_redis_xcom.health.visit import Visit
from tests.unit.cli.doctor.patients import only, sealed_visit, visit

CANARY = "canary-canary"
JWT = "AIRFLOW__API_AUTH__JWT_SECRET"
DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
FERNET = "AIRFLOW__CORE__FERNET_KEY"
LOGS = "AIRFLOW__API__SECRET_KEY"
URL = f"postgresql://airflow:{CANARY}@postgres/airflow"

Write = Callable[[str, str, str], None]


@pytest.fixture(autouse=True)
def celery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")


@pytest.fixture
def airflow_cfg() -> Iterator[Write]:
    """Sets an option as if airflow.cfg had it."""
    written: list[tuple[str, str]] = []

    def write(section: str, option: str, value: str) -> None:
        if not conf.has_section(section):
            conf.add_section(section)
        conf.set(section, option, value)
        written.append((section, option))

    yield write
    for section, option in written:
        conf.remove_option(section, option, remove_default=False)


def results() -> list[str]:
    found = [
        *identity_secrets.token_signing_key(sealed_visit()),
        *identity_secrets.database_login(sealed_visit()),
    ]
    assert CANARY not in repr(found)
    return [finding.result for finding in found]


def test_a_worker_with_neither_is_ok() -> None:
    assert results() == ["ok", "ok"]


@pytest.mark.parametrize("suffix", ["", "_CMD", "_SECRET"])
def test_a_worker_that_is_told_of_the_jwt_secret_fails(monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    monkeypatch.setenv(JWT + suffix, CANARY)

    assert results() == ["FAIL", "ok"]
    found = only(identity_secrets.token_signing_key(sealed_visit()))
    assert found.seen == f"set on a worker: {JWT}{suffix}"
    assert "jwt_private_key_path" in found.remedy


@pytest.mark.parametrize(
    "variable",
    [
        DATABASE,
        f"{DATABASE}_CMD",
        f"{DATABASE}_SECRET",
        f"{DATABASE}_ASYNC",
        f"{DATABASE}_ASYNC_CMD",
        "AIRFLOW__CORE__SQL_ALCHEMY_CONN",
    ],
)
def test_a_worker_that_can_log_in_to_the_database_fails(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, URL)

    assert results() == ["ok", "FAIL"]
    found = only(identity_secrets.database_login(sealed_visit()))
    assert found.seen == f"set on a worker: {variable}"
    assert "result_backend" in found.remedy


def test_what_a_team_s_worker_has_counts(monkeypatch: pytest.MonkeyPatch, airflow_cfg: Write) -> None:
    monkeypatch.setenv("AIRFLOW__SALES___DATABASE__SQL_ALCHEMY_CONN", URL)
    airflow_cfg("sales=database", "sql_alchemy_conn_cmd", CANARY)

    found = only(identity_secrets.database_login(sealed_visit()))
    assert found.seen == (
        "set on a worker: AIRFLOW__SALES___DATABASE__SQL_ALCHEMY_CONN, "
        "[sales=database] sql_alchemy_conn_cmd in airflow.cfg"
    )


def test_a_private_key_counts_where_this_user_can_read_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_PRIVATE_KEY_PATH", str(key))
    assert results() == ["ok", "ok"]

    key.write_text(CANARY)
    assert results() == ["FAIL", "ok"]


@pytest.mark.parametrize("suffix", ["", "_cmd", "_secret"])
def test_airflow_cfg_counts_as_the_environment_does(airflow_cfg: Write, suffix: str) -> None:
    airflow_cfg("api_auth", f"jwt_secret{suffix}", CANARY)
    airflow_cfg("database", f"sql_alchemy_conn{suffix}", URL)

    assert results() == ["FAIL", "FAIL"]
    found = only(identity_secrets.token_signing_key(sealed_visit()))
    assert found.seen == f"set on a worker: [api_auth] jwt_secret{suffix} in airflow.cfg"


def test_a_secret_of_the_generated_form_in_a_file_of_somebody_s_own_fails(airflow_cfg: Write) -> None:
    airflow_cfg("api_auth", "jwt_secret", "ua0YGL8FBLSJXZqUlonzgQ==")

    assert results() == ["FAIL", "ok"]


def test_the_airflow_cfg_that_airflow_generates_is_no_finding(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AIRFLOW_HOME": str(tmp_path)}
    environment["AIRFLOW__CORE__EXECUTOR"] = "CeleryExecutor"
    write = "from airflow.configuration import write_default_airflow_configuration_if_needed as write; write()"
    look = (
        "from tests.unit.cli.doctor.test_identity_secrets import identity_secrets, only, sealed_visit\n"
        "for check in identity_secrets.CHECKS: print('found:', only(check(sealed_visit())))"
    )
    subprocess.run([sys.executable, "-c", write], env=environment, check=True, capture_output=True)
    # A process of its own: Airflow reads the file once. No conftest is loaded, which would choose another home.
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", look], env=environment, check=True, capture_output=True, text=True, cwd=root
    )

    assert "jwt_secret = " in (tmp_path / "airflow.cfg").read_text()
    found = [line for line in done.stdout.splitlines() if line.startswith("found: ")]
    assert [line.count("result='ok'") for line in found] == [1, 1, 1, 1]
    assert "seems to have generated" in found[0]
    assert "fernet_key = " in (tmp_path / "airflow.cfg").read_text()


@pytest.mark.parametrize("value", ["airflow-db-not-allowed:///", "", None])
def test_what_is_no_login_is_no_finding(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    default = conf.get_default_value("database", "sql_alchemy_conn")
    monkeypatch.setenv(DATABASE, default if value is None else value)

    assert results() == ["ok", "ok"]


@pytest.mark.parametrize(
    ("executor", "result"),
    [
        ("LocalExecutor", "warning"),
        ("airflow.executors.local_executor.LocalExecutor", "warning"),
        ("LocalExecutor,CeleryExecutor", "FAIL"),
        ("LocalExecutor;sales=KubernetesExecutor", "FAIL"),
        ("airflow.providers.edge3.executors.EdgeExecutor", "FAIL"),
    ],
)
def test_under_the_local_executor_alone_it_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, executor: str, result: str
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    monkeypatch.setenv(JWT, CANARY)
    monkeypatch.setenv(DATABASE, URL)

    assert results() == [result, result]


def test_a_pod_of_a_task_is_remote_whatever_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    monkeypatch.setenv("AIRFLOW_IS_K8S_EXECUTOR_POD", "True")
    monkeypatch.setenv(JWT, CANARY)

    assert results() == ["FAIL", "ok"]


def test_without_enforcement_neither_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(JWT, CANARY)
    monkeypatch.setenv(DATABASE, URL)

    found = [only(check(visit())) for check in identity_secrets.CHECKS]
    assert {(one.result, one.seen) for one in found} == {("skipped", "not checked, because enforcement = worker")}
    assert {only(check(Visit("worker", None))).result for check in identity_secrets.CHECKS} == {"skipped"}


@pytest.mark.parametrize(("secret", "result"), [(CANARY, "warning"), ("another", "ok")])
def test_an_api_server_s_key_must_not_be_the_one_for_logs(
    monkeypatch: pytest.MonkeyPatch, secret: str, result: str
) -> None:
    monkeypatch.setenv(JWT, CANARY)
    monkeypatch.setenv("AIRFLOW__API__SECRET_KEY", secret)

    found = only(identity_secrets.token_signing_key(sealed_visit("api-server")))
    assert found.result == result
    assert CANARY not in repr(found)
    assert list(identity_secrets.database_login(sealed_visit("api-server"))) == []


@pytest.mark.parametrize("suffix", ["", "_CMD", "_SECRET"])
def test_a_fernet_key_on_a_worker_is_a_warning(monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    assert only(identity_secrets.fernet_key(sealed_visit())).result == "ok"
    monkeypatch.setenv(FERNET + suffix, CANARY)

    found = only(identity_secrets.fernet_key(sealed_visit()))

    assert (found.result, found.seen) == ("warning", f"set on a worker: {FERNET}{suffix}")
    assert found.remedy.startswith("Remove it here: workers get connections and variables opened")


def test_a_fernet_key_in_a_file_of_somebody_s_own_is_a_warning(airflow_cfg: Write) -> None:
    airflow_cfg("core", "fernet_key", CANARY)

    assert only(identity_secrets.fernet_key(sealed_visit())).result == "warning"


def test_a_worker_that_serves_logs_may_have_the_api_s_secret_key(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = only(identity_secrets.api_secret_key(sealed_visit())).seen
    assert seen == "none, so this worker serves no logs; remote logs do not need it"
    monkeypatch.setenv(LOGS, CANARY)

    found = only(identity_secrets.api_secret_key(sealed_visit()))

    assert (found.result, found.seen) == ("ok", f"set, for serving logs: {LOGS}")
    assert "any task can read the logs of all workers" in found.remedy


def test_the_api_s_secret_key_is_a_warning_where_it_signs_cookies_of_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__FAB__SESSION_BACKEND", "securecookie")
    assert only(identity_secrets.api_secret_key(sealed_visit())).result == "ok"
    monkeypatch.setenv(LOGS, CANARY)

    found = only(identity_secrets.api_secret_key(sealed_visit()))

    assert (found.result, found.seen) == ("warning", f"set on a worker: {LOGS}")
    assert "any task can pass for any user" in found.remedy
