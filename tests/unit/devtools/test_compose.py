"""docker-compose.yaml, checked without an engine: its format, and that it is the native stack's twin."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from devtools import components, local
from exclusive_redis_xcom.cli.doctor import identity_secrets
from exclusive_redis_xcom.settings import SECTION
from tests.unit.cli.doctor.patients import sealed_visit

ROOT = Path(__file__).resolve().parents[3]
COMPOSE = ROOT / "docker-compose.yaml"
API_SERVERS = {"api-server-1", "api-server-2"}
ONE_OFF = {"migrate", "admin"}
SERVERS = {*ONE_OFF, *API_SERVERS, *components.COMPONENTS} - {"api-server"}
AIRFLOW_SERVICES = {"worker", *SERVERS}
FOR_WORKERS = components.for_workers(
    api_url="http://proxy:8080",
    dags_folder="/opt/airflow/dags",
    broker_url="redis://:secret@broker:6379/0",
    results_url="redis://:secret@broker:6379/1",
    redis_url="redis://exclusive_redis_xcom:secret@redis:6379/0",
)
FOR_SERVERS = components.for_servers(
    url="http://localhost:8080",
    host="0.0.0.0",  # noqa: S104 - of a container, whose ports are published to this machine only
    port=8080,
    secret_key="secret",
    jwt_secret="secret",
    fernet_key="secret",
    database_url="postgresql+psycopg2://airflow:secret@postgres/airflow",
)
OURS = f"AIRFLOW__{SECTION.upper()}__"


def shown(environment: dict[str, str]) -> dict[str, str]:
    """A service's settings of Airflow, with one word in the place of each secret."""
    settings = {name: value for name, value in environment.items() if name.startswith("AIRFLOW__")}
    return {name: re.sub(r"\$\{.*?\}", "secret", value) for name, value in settings.items()}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return loaded


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def violations(file: Path) -> str:
    """What the Compose Specification's own JSON schema, as check-jsonschema ships it, has against a file."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_file_follows_the_compose_specification() -> None:
    assert violations(COMPOSE) == ""


def test_a_file_with_an_unknown_service_option_does_not(tmp_path: Path) -> None:
    broken = tmp_path / "docker-compose.yaml"
    broken.write_text(COMPOSE.read_text().replace("    ports:", "    port:"))

    assert "port" in violations(broken)


def test_there_is_every_component_and_what_it_needs(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) == AIRFLOW_SERVICES | {"postgres", "redis", "broker", "proxy"}


def test_every_airflow_command_is_one_that_the_production_tier_runs(services: dict[str, dict[str, Any]]) -> None:
    commands = {name: tuple(services[name]["command"]) for name in AIRFLOW_SERVICES}

    of_api_servers = {name: commands.pop(name) for name in API_SERVERS}
    assert set(of_api_servers.values()) == {components.COMPONENTS["api-server"]}
    *create, password = commands.pop("admin")
    assert (*create,) == (*components.CREATE_ADMIN, "--password")
    assert password.startswith("${AIRFLOW_ADMIN_PASSWORD")
    others = {name: command for name, command in components.COMPONENTS.items() if name != "api-server"}
    assert commands == {**others, "migrate": components.MIGRATE, "worker": components.WORKER}


def test_the_workers_settings_are_those_of_the_production_tier(services: dict[str, dict[str, Any]]) -> None:
    assert shown(services["worker"]["environment"]) == FOR_WORKERS


@pytest.mark.parametrize("name", sorted(SERVERS))
def test_every_other_components_settings_are_those_of_the_production_tier(
    services: dict[str, dict[str, Any]], name: str
) -> None:
    expected = {**FOR_WORKERS, **FOR_SERVERS}
    if name in API_SERVERS:
        expected[f"{OURS}REDIS_URL"] = "redis://exclusive_redis_xcom_api:secret@redis:6379/0"

    assert shown(services[name]["environment"]) == expected


def test_the_proxy_runs_with_the_configuration_of_the_production_tier(services: dict[str, dict[str, Any]]) -> None:
    proxy = services["proxy"]
    configuration = (ROOT / "docker" / "haproxy.cfg").read_text()

    assert set(proxy["environment"]) == set(components.PROXY_ENVIRONMENT)
    assert set(re.findall(r"\$\{(\w+)\}", configuration)) == set(components.PROXY_ENVIRONMENT)
    assert {value.partition(":")[0] for value in proxy["environment"].values()} == {"", *API_SERVERS}
    assert proxy["volumes"] == ["./docker/haproxy.cfg:/usr/local/etc/haproxy/haproxy.cfg:ro"]


def test_the_image_keeps_celery_at_a_release_that_its_provider_can_import() -> None:
    pinned = (ROOT / "requirements" / "production.in").read_text()
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text()

    assert re.search(r"^celery<5\.7  # ", pinned, re.MULTILINE)
    assert ' "celery<5.7" ' in dockerfile


@pytest.mark.parametrize("name", sorted(AIRFLOW_SERVICES - ONE_OFF))
def test_every_component_uses_the_backend_and_sees_the_examples(services: dict[str, dict[str, Any]], name: str) -> None:
    service = services[name]

    assert service["environment"]["AIRFLOW__CORE__XCOM_BACKEND"] == components.BACKEND
    assert f"./examples:{service['environment']['AIRFLOW__CORE__DAGS_FOLDER']}:ro" in service["volumes"]


def test_every_service_that_stays_has_a_health_check(services: dict[str, dict[str, Any]]) -> None:
    staying = {name for name, service in services.items() if service["restart"] != "no"}

    assert {name for name in staying if "healthcheck" not in services[name]} == set()
    assert staying == set(services) - ONE_OFF


def test_what_is_waited_for_exists_and_can_become_so(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        for other, wait in service.get("depends_on", {}).items():
            needed = "healthcheck" if wait["condition"] == "service_healthy" else "command"
            assert needed in services[other], f"{name} waits for {other}"


def test_every_host_in_a_url_is_a_service(services: dict[str, dict[str, Any]]) -> None:
    values = {value for name in AIRFLOW_SERVICES for value in services[name]["environment"].values()}
    urls = [re.sub(r"\$\{.*?\}", "secret", value) for value in values if "://" in value]
    hosts = {urlsplit(url).hostname for url in urls}

    assert hosts - {"localhost"} == {"proxy", "broker", "postgres", "redis"}


def test_a_worker_gets_nothing_to_pass_for_another_task_with(
    services: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = services["worker"]["environment"]
    for name in [name for name in os.environ if name.startswith("AIRFLOW__")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    # What signs and encrypts, and the login to the database, under whatever name.
    others = re.compile("AIRFLOW_|POSTGRES|XCOM_REDIS_API")
    assert [name for name, value in environment.items() if others.search(value)] == []
    found = [finding for check in identity_secrets.CHECKS for finding in check(sealed_visit())]
    assert {finding.check: finding.result for finding in found} == {
        "token signing key": "ok",
        "database login": "ok",
        "Fernet key": "ok",
        "API secret key": "ok",
    }


def test_every_named_volume_is_declared_and_every_mounted_file_exists(
    compose: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    sources = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])}

    files = {source for source in sources if source.startswith("./")}
    assert {file for file in files if not (ROOT / file).exists()} == set()
    assert sources - files == set(compose["volumes"])


def test_passwords_come_from_the_generated_file_only() -> None:
    needed = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text()))

    assert needed == set(local.PASSWORDS)
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()


def test_a_missing_password_stops_compose_instead_of_being_empty() -> None:
    assert re.findall(r"\$\{\w+(?!\w|:\?)", COMPOSE.read_text()) == []


def test_ports_are_published_to_this_machine_only(services: dict[str, dict[str, Any]]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]

    assert ports == ["127.0.0.1:8080:8080"]


def test_the_image_holds_the_airflow_that_the_tests_use() -> None:
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text()
    locked = re.search(r"^apache-airflow==(\S+)", (ROOT / "requirements" / "dev.txt").read_text(), re.MULTILINE)

    assert locked is not None
    assert f"FROM apache/airflow:{locked[1]}\n" in dockerfile


def test_the_image_can_be_built_from_what_its_context_lets_through() -> None:
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text()
    ignored, *allowed = (ROOT / "docker" / "Dockerfile.dockerignore").read_text().split()
    copied = {
        source
        for line in re.findall(r"^COPY (.*)$", dockerfile, re.MULTILINE)
        for source in line.split()[:-1]
        if not source.startswith("--")
    }

    assert ignored == "*"
    assert copied == {pattern.removeprefix("!") for pattern in allowed if pattern.startswith("!")}
    assert all((ROOT / source).exists() for source in copied)


def test_the_redis_script_may_be_executed() -> None:
    assert (ROOT / "docker" / "redis.sh").stat().st_mode & stat.S_IXUSR


def test_the_redis_service_evicts_nothing_and_keeps_all_on_disk(
    services: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    command = services["redis"]["command"]
    assert command == ["sh", "/docker/redis.sh", "/docker/users.acl", "/data"]

    # What the very script starts, with `echo` in the server's place.
    environment = {"PATH": os.environ["PATH"], "XCOM_REDIS_PASSWORD": "canary", "REDIS_SERVER": "echo"}
    script = [ROOT / "docker" / "redis.sh", ROOT / "docs" / "redis-users.acl", tmp_path / "data"]
    options = subprocess.run(["sh", *script], env=environment, check=True, capture_output=True, text=True).stdout

    assert "--maxmemory-policy noeviction " in options
    assert "--appendonly yes " in options
    assert "canary" not in options
