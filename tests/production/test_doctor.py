"""`exclusive-xcom doctor` in each role, as the component's user and in its environment: every finding is right."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devtools.production.stack import API_SERVERS, Production

pytestmark = pytest.mark.timeout(300, func_only=True)


def findings(airflow: Production, component: str, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Return the exit status, and all findings; no secret is in the output."""
    done = airflow.run_as(component, airflow.python, "-m", "exclusive_redis_xcom.cli", "doctor", "--json", *arguments)
    secrets = airflow.accounts.secrets
    for secret in (*secrets.not_for_workers().values(), secrets.broker, secrets.redis_worker):
        assert secret not in done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout)["findings"]


def of_result(found: list[dict[str, Any]], result: str) -> dict[str, str]:
    return {finding["check"]: finding["seen"] for finding in found if finding["result"] == result}


def test_a_worker_has_no_failure(airflow: Production) -> None:
    status, found = findings(airflow, "worker")

    assert (of_result(found, "FAIL"), status) == ({}, 0)
    assert {"XCom backend", "plugin", "Redis round trip", "Redis user", "Redis commands"} <= set(of_result(found, "ok"))


@pytest.mark.parametrize("api_server", API_SERVERS)
def test_an_api_server_has_no_failure(airflow: Production, api_server: str) -> None:
    status, found = findings(airflow, api_server, "--role", "api-server")

    assert (of_result(found, "FAIL"), status) == ({}, 0)
    assert {"XCom backend", "plugin", "Redis round trip", "Redis user", "Redis commands"} <= set(of_result(found, "ok"))


def test_every_warning_is_one_that_this_installation_deserves(airflow: Production) -> None:
    found = [*findings(airflow, "worker")[1], *findings(airflow, "api-server-1", "--role", "api-server")[1]]

    # Tasks of one tenant share a login to the broker, and with it their tokens. Only server mode promises more.
    deserved = {"Celery broker"} if airflow.mode == "server" else set()
    assert of_result(found, "warning").keys() == deserved
