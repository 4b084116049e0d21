"""The throw-away Airflow of devtools: which process is given what. That it runs is seen in tests/acceptance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.airflow_stack import AirflowStack

KEY = "AIRFLOW__EXCLUSIVE_REDIS_XCOM__SEAL_PRIVATE_KEYS"


@pytest.fixture
def airflow(tmp_path: Path) -> Iterator[AirflowStack]:
    stack = AirflowStack(tmp_path, tmp_path / "dags", {"SHARED": "1"}, component_env={"api-server": {KEY: "canary"}})
    yield stack
    stack.stop()


def environment_of(airflow: AirflowStack, component: str) -> dict[str, str]:
    pid = airflow.start_component(component).pid
    pairs = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if pair)


def test_what_is_for_one_component_reaches_that_one_only(airflow: AirflowStack) -> None:
    assert environment_of(airflow, "api-server")[KEY] == "canary"
    assert KEY not in environment_of(airflow, "scheduler")
    assert KEY not in airflow.env  # nor the commands that run in this stack's environment


def test_what_is_for_all_reaches_the_component_with_an_environment_of_its_own(airflow: AirflowStack) -> None:
    assert environment_of(airflow, "api-server")["SHARED"] == "1"


def test_urls_begin_with_the_base_path(tmp_path: Path) -> None:
    stack = AirflowStack(tmp_path, tmp_path / "dags", base_path="/airflow")
    stack.close()

    assert stack.url.endswith(f":{stack.port}/airflow")
    assert stack.env["AIRFLOW__API__BASE_URL"] == stack.url
    assert stack.env["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == f"{stack.url}/execution/"
