"""Whether tasks on a worker may ask the API of Kubernetes."""

from __future__ import annotations

from pathlib import Path

import pytest

from exclusive_redis_xcom.cli.doctor.kubernetes_token import TOKEN, kubernetes_token
from exclusive_redis_xcom.health.finding import Finding
from tests.unit.cli.doctor.patients import only, sealed_visit, visit

CANARY = "canary-token"


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(CANARY)
    return path


@pytest.fixture(autouse=True)
def _executor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "KubernetesExecutor")


def test_a_worker_with_the_token_is_warned_and_the_token_is_not_shown(token: Path) -> None:
    found = only(kubernetes_token(sealed_visit(), token))

    assert found == Finding(
        "Kubernetes token",
        "warning",
        f"tasks can read {token}",
        "Give the pods of tasks no such token: set automountServiceAccountToken: false for their service account. The "
        "official chart lets workers run commands in API servers. If this account may neither read pods nor run "
        "commands in them, accept the finding.",
    )
    assert CANARY not in repr(found)


def test_a_worker_without_it_is_ok(tmp_path: Path) -> None:
    found = only(kubernetes_token(sealed_visit(), tmp_path / "none"))

    assert found == Finding("Kubernetes token", "ok", "none that tasks can read")


def test_api_servers_are_not_asked(token: Path) -> None:
    assert list(kubernetes_token(sealed_visit("api-server"), token)) == []


def test_worker_mode_promises_nothing_here(token: Path) -> None:
    assert only(kubernetes_token(visit(), token)).result == "skipped"


def test_local_executor_is_another_check_s_matter(token: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")

    assert only(kubernetes_token(sealed_visit(), token)).result == "skipped"


def test_the_place_is_where_kubernetes_puts_it() -> None:
    assert str(TOKEN) == "/var/run/secrets/kubernetes.io/serviceaccount/token"
