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
from exclusive_redis_xcom.settings import OPTIONS, SECTION
from tests.unit.cli.doctor.patients import sealed_visit

ROOT = Path(__file__).resolve().parents[3]
COMPOSE = ROOT / "docker-compose.yaml"
AIRFLOW_SERVICES = {"migrate", "worker", *components.COMPONENTS}
OURS = f"AIRFLOW__{SECTION.upper()}__"


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
    assert set(services) == AIRFLOW_SERVICES | {"postgres", "redis", "broker"}


def test_every_airflow_command_is_one_that_the_native_stack_runs(services: dict[str, dict[str, Any]]) -> None:
    commands = {name: tuple(services[name]["command"]) for name in AIRFLOW_SERVICES}

    worker = commands.pop("worker")
    assert commands == {**components.COMPONENTS, "migrate": components.MIGRATE}
    assert worker in components.COMPOSE_ONLY_COMMANDS


def test_every_airflow_setting_is_one_that_the_native_stack_uses(services: dict[str, dict[str, Any]]) -> None:
    native = components.settings(home="/home", dags_folder="/dags", port=1, secret="s")
    known = {*native, *components.COMPOSE_ONLY_SETTINGS, *(OURS + option.name.upper() for option in OPTIONS)}

    for name in AIRFLOW_SERVICES:
        settings = {setting for setting in services[name]["environment"] if setting.startswith("AIRFLOW__")}
        assert settings <= known, name


def test_settings_that_do_not_name_a_host_have_the_native_stacks_value(services: dict[str, dict[str, Any]]) -> None:
    native = components.settings(home="/home", dags_folder="/dags", port=8080, secret="s")
    same = {"AIRFLOW__CORE__LOAD_EXAMPLES", "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"}
    same |= {"AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION", "AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API__PORT"}
    environment = services["scheduler"]["environment"]

    assert {name: environment[name] for name in same} == {name: native[name] for name in same}


@pytest.mark.parametrize("name", sorted(AIRFLOW_SERVICES - {"migrate"}))
def test_every_component_uses_the_backend_and_sees_the_examples(services: dict[str, dict[str, Any]], name: str) -> None:
    service = services[name]

    assert service["environment"]["AIRFLOW__CORE__XCOM_BACKEND"] == components.BACKEND
    assert f"./examples:{service['environment']['AIRFLOW__CORE__DAGS_FOLDER']}:ro" in service["volumes"]


def test_every_service_that_stays_has_a_health_check(services: dict[str, dict[str, Any]]) -> None:
    staying = {name for name, service in services.items() if service["restart"] != "no"}

    assert {name for name in staying if "healthcheck" not in services[name]} == set()
    assert staying == set(services) - {"migrate"}


def test_what_is_waited_for_exists_and_can_become_so(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        for other, wait in service.get("depends_on", {}).items():
            needed = "healthcheck" if wait["condition"] == "service_healthy" else "command"
            assert needed in services[other], f"{name} waits for {other}"


def test_every_host_in_a_url_is_a_service(services: dict[str, dict[str, Any]]) -> None:
    values = {value for name in AIRFLOW_SERVICES for value in services[name]["environment"].values()}
    urls = [re.sub(r"\$\{.*?\}", "secret", value) for value in values if "://" in value]
    hosts = {urlsplit(url).hostname for url in urls}

    assert hosts - {"localhost"} == {"api-server", "broker", "postgres", "redis"}


def test_a_worker_gets_nothing_to_pass_for_another_task_with(
    services: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = services["worker"]["environment"]
    for name in [name for name in os.environ if name.startswith("AIRFLOW__")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    # What signs tokens and sessions, and the login to the database, under whatever name.
    assert [name for name, value in environment.items() if "AIRFLOW_SECRET" in value or "POSTGRES" in value] == []
    found = [finding for check in identity_secrets.CHECKS for finding in check(sealed_visit())]
    assert [finding.result for finding in found] == ["ok", "ok"]


def test_every_other_component_has_what_a_worker_has(services: dict[str, dict[str, Any]]) -> None:
    needed = {name: value for name, value in services["worker"]["environment"].items() if name.startswith("AIRFLOW__")}

    for name in AIRFLOW_SERVICES:
        assert needed.items() <= services[name]["environment"].items(), name


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
