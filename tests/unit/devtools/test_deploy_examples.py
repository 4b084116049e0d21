"""The files below examples/deploy: which variable and which secret reaches which component."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from devtools import components, rendered_pods
from exclusive_redis_xcom.settings import OPTIONS
from tests.unit.devtools import helm_chart

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "examples" / "deploy"
HELM = DEPLOY / "helm"
PAGES = ROOT / "docs" / "how-to" / "installing"
OURS = components.OURS
EXECUTORS = ("CeleryExecutor", "KubernetesExecutor")
RUN_DAG_CODE = set(rendered_pods.FORBIDDEN)


def loaded(*names: str) -> dict[str, Any]:
    """Values, merged as Helm merges them: maps key by key, and lists as a whole."""
    values: dict[str, Any] = {}
    for name in names:
        merge(values, yaml.safe_load((HELM / name).read_text()))
    return values


def merge(values: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict):
            merge(values[key], value)
        else:
            values[key] = value


def rendered(executor: str, *names: str) -> list[rendered_pods.Container]:
    return rendered_pods.containers(helm_chart.manifests(loaded(*names), executor))


def variables(executor: str, component: str, *names: str) -> dict[str, str]:
    (found,) = [each for each in rendered(executor, *names) if each.name == component]
    return found.variables


WORKER_MODE = ("values.yaml",)
SERVER_MODE = ("values.yaml", "values-server-mode.yaml")


@pytest.mark.parametrize("executor", EXECUTORS)
def test_in_server_mode_no_component_that_runs_dag_code_gets_what_makes_tokens_or_opens_values(executor: str) -> None:
    found = rendered(executor, *SERVER_MODE)

    assert {each.component for each in found} >= RUN_DAG_CODE
    assert list(rendered_pods.faults(found)) == []


@pytest.mark.parametrize("executor", EXECUTORS)
def test_the_charts_own_values_break_that_rule_so_the_check_can_fail(executor: str) -> None:
    faults = set(rendered_pods.faults(rendered(executor, *WORKER_MODE)))

    assert faults >= {
        "worker/worker gets AIRFLOW__API_AUTH__JWT_SECRET",
        "worker/worker gets AIRFLOW__CORE__FERNET_KEY",
        "worker/worker gets AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
        "worker/worker gets AIRFLOW_CONN_AIRFLOW_DB",
        "worker/worker gets a token for the API of Kubernetes",
        "triggerer/triggerer gets AIRFLOW__API_AUTH__JWT_SECRET",
    }


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("component", sorted(helm_chart.COMPONENTS.values()))
def test_in_worker_mode_every_component_gets_the_url_of_redis_from_a_secret(executor: str, component: str) -> None:
    found = variables(executor, component, *WORKER_MODE)

    assert found[f"{OURS}REDIS_URL"] == "secret exclusive-redis-xcom"


@pytest.mark.parametrize("executor", EXECUTORS)
def test_in_server_mode_api_servers_alone_have_the_private_keys_and_their_own_redis_user(executor: str) -> None:
    found = {name: variables(executor, name, *SERVER_MODE) for name in helm_chart.COMPONENTS.values()}

    assert [name for name, has in found.items() if f"{OURS}SEAL_PRIVATE_KEYS" in has] == ["api-server"]
    assert {name: has[f"{OURS}REDIS_URL"] for name, has in found.items()} == {
        "api-server": "secret exclusive-redis-xcom-api",
        "scheduler": "secret exclusive-redis-xcom",
        "dag-processor": "secret exclusive-redis-xcom",
        "triggerer": "secret exclusive-redis-xcom",
        "worker": "secret exclusive-redis-xcom",
    }


def test_in_server_mode_each_server_still_has_what_airflow_needs() -> None:
    needed = {
        "api-server": {"DATABASE__SQL_ALCHEMY_CONN", "CORE__FERNET_KEY", "API__SECRET_KEY", "API_AUTH__JWT_SECRET"},
        "scheduler": {"DATABASE__SQL_ALCHEMY_CONN", "CORE__FERNET_KEY", "API_AUTH__JWT_SECRET"},
        "dag-processor": {"DATABASE__SQL_ALCHEMY_CONN", "CORE__FERNET_KEY"},
        "triggerer": {"DATABASE__SQL_ALCHEMY_CONN", "CORE__FERNET_KEY", "API__SECRET_KEY"},
    }

    for component, names in needed.items():
        has = set(variables("CeleryExecutor", component, *SERVER_MODE))
        assert {f"AIRFLOW__{name}" for name in names} - has == set(), component


def test_what_waits_for_migrations_has_the_database() -> None:
    waiting = [each for each in rendered("CeleryExecutor", *SERVER_MODE) if each.name == "wait"]

    assert {each.component for each in waiting} == {"api-server", "scheduler", "dag-processor", "triggerer"}
    assert all("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" in each.variables for each in waiting)


def test_celerys_results_have_a_secret_of_their_own() -> None:
    data = loaded(*SERVER_MODE)["data"]

    assert data["resultBackendSecretName"] not in ("", data["metadataSecretName"])


@pytest.mark.parametrize("names", [WORKER_MODE, SERVER_MODE], ids=["worker", "server"])
def test_the_airflow_cfg_of_all_components_names_options_that_exist_and_holds_no_secret(names: tuple[str, ...]) -> None:
    config = loaded(*names)["config"]
    sensitive = {option.name for option in OPTIONS if option.sensitive}

    assert config["core"] == {"xcom_backend": components.BACKEND}
    ours = set(config.get("exclusive_redis_xcom", {}))
    assert ours <= {option.name for option in OPTIONS} - sensitive


def test_helm_and_the_image_use_the_airflow_that_the_tests_use() -> None:
    base = (ROOT / "docker" / "Dockerfile").read_text().split("FROM apache/airflow:")[1].split()[0]
    values = loaded(*WORKER_MODE)

    assert {values["airflowVersion"], values["defaultAirflowTag"], values["images"]["airflow"]["tag"]} == {base}
    assert values["images"]["pod_template"] == values["images"]["airflow"]


def test_the_pod_template_for_kubernetes_keeps_the_same_rule() -> None:
    template = yaml.safe_load((DEPLOY / "kubernetes" / "pod-template.yaml").read_text())
    found = rendered_pods.containers([template])

    # Airflow looks for the container `base`.
    assert [(each.component, each.name, each.token) for each in found] == [("worker", "base", False)]
    assert list(rendered_pods.faults(found)) == []
    assert found[0].variables[f"{OURS}REDIS_URL"] == "secret exclusive-redis-xcom"


@pytest.mark.parametrize("file", sorted(DEPLOY.rglob("*.yaml")), ids=lambda file: file.name)
def test_a_page_shows_each_file_as_it_is(file: Path) -> None:
    block = f"```yaml\n{file.read_text()}```\n"

    assert [page.name for page in sorted(PAGES.glob("*.md")) if block in page.read_text()] != []


def test_the_program_tells_the_faults_of_manifests_on_its_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = helm_chart.manifests(loaded(*WORKER_MODE), "CeleryExecutor")
    monkeypatch.setattr("sys.stdin", io.StringIO(yaml.safe_dump_all(bad)))

    assert rendered_pods.main() == 1
    assert "FAULT: worker/worker gets AIRFLOW_CONN_AIRFLOW_DB\n" in capsys.readouterr().out


def test_manifests_without_a_worker_prove_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    assert rendered_pods.main() == 1
    assert capsys.readouterr().out == "FAULT: there is no pod of a worker\n"


@pytest.mark.parametrize("form", ["", "_CMD", "_SECRET"])
def test_a_private_key_is_found_in_every_form_and_in_the_charts_second_copy(form: str) -> None:
    name = f"AIRFLOW__KUBERNETES_ENVIRONMENT_VARIABLES__{OURS}SEAL_PRIVATE_KEYS{form}"
    container = rendered_pods.Container("worker", "base", {name: "secret keys"})

    assert list(rendered_pods.faults([container])) == [f"worker/base gets {name}"]


def test_a_pod_template_in_a_config_map_and_the_pods_of_jobs_are_looked_at() -> None:
    pod = {
        "kind": "Pod",
        "metadata": {"labels": {"component": "worker"}},
        "spec": {"containers": [{"name": "base"}]},
    }
    documents = [
        {"kind": "ConfigMap", "data": {"pod_template_file.yaml": yaml.safe_dump(pod), "airflow.cfg": "[core]"}},
        {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": pod}}}},
        {"kind": "Deployment", "spec": {"template": pod}},
        None,
    ]

    assert [(each.component, each.name) for each in rendered_pods.containers(documents)] == [("worker", "base")] * 3


def test_no_page_puts_a_secret_into_a_command_line() -> None:
    literals = re.findall(r"--from-literal=([a-z-]+)", "".join(page.read_text() for page in PAGES.glob("*.md")))

    assert literals == ["seal-public-key"]


def test_in_server_mode_the_chart_makes_no_administrator_with_a_known_password() -> None:
    assert loaded(*SERVER_MODE)["webserver"] == {"defaultUser": {"enabled": False}}
