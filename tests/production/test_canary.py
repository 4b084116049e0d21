"""The canary of tests/acceptance/server goes every way here, too: through a worker, two API servers and PostgreSQL."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import redis

from devtools.airflow_api import wait_until
from devtools.production.stack import Production
from tests.acceptance.conftest import SERVER_DAGS
from tests.canary import as_bytes, files, holding, needles_of, xcom_answers
from tests.production.conftest import Installation

FAILED = {"late", "stranger", "overwriter", "failing"}

pytestmark = pytest.mark.timeout(600, func_only=True)


@pytest.fixture(scope="module")
def run_id(installation: Installation) -> str:
    installation.add_dags(SERVER_DAGS / "server_canary.py")
    run_id = installation.airflow.trigger("server_canary")
    installation.airflow.wait_run("server_canary", run_id, timeout=300)
    return run_id


@pytest.fixture(scope="module")
def needles(installation: Installation, run_id: str) -> list[bytes]:
    return needles_of((installation.folder / "proofs" / f"canary-{run_id}").read_text())


def tables(airflow: Production) -> dict[str, bytes]:
    """Every cell of the database."""
    names = airflow.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    return {
        f"{name}.{column}[{number}]": as_bytes(bytes(value) if isinstance(value, memoryview) else value)
        for name in (row["table_name"] for row in names)
        for number, row in enumerate(airflow.rows(f'SELECT * FROM "{name}"'))  # noqa: S608 - the database's own names
        for column, value in row.items()
        if value is not None
    }


def test_all_who_may_have_it_had_it_and_all_others_failed(installation: Installation, run_id: str) -> None:
    states = installation.airflow.task_states("server_canary", run_id)

    wrong = {key: state for key, state in states.items() if state != ("failed" if key[0] in FAILED else "success")}
    assert len(states) == 18
    assert wrong == {}
    callback = installation.folder / "proofs" / f"callback-{run_id}"
    wait_until(callback.exists, 10, lambda: "the callback got nothing")


def test_no_log_has_it(airflow: Production, run_id: str, needles: list[bytes]) -> None:
    logs = files(airflow.task_logs, airflow.logs)

    assert any("/task_id=make/" in name for name in logs)
    assert {f"{name}.log" for name in ("worker", "api-server-1", "scheduler")} <= {Path(name).name for name in logs}
    assert holding(logs, needles) == []


def test_no_cell_of_the_database_has_it(airflow: Production, run_id: str, needles: list[bytes]) -> None:
    cells = tables(airflow)

    assert any(name.startswith("rendered_task_instance_fields.rendered_fields") for name in cells)
    assert any(name.startswith("xcom.value") for name in cells)
    assert holding(cells, needles) == []


def test_rest_does_not_have_it(airflow: Production, run_id: str, needles: list[bytes]) -> None:
    answers = xcom_answers(airflow, run_id)
    answers["event logs"] = json.dumps(airflow.pages("/eventLogs", "event_logs"), ensure_ascii=False).encode()

    assert len(answers) > 30
    assert holding(answers, needles) == []


def test_redis_has_it_where_no_key_seals_it_and_nowhere_else(
    airflow: Production, run_id: str, needles: list[bytes]
) -> None:
    with redis.Redis.from_url(airflow.redis_admin_url()) as client:
        names = [name for name in client.scan_iter(count=1000) if run_id.encode() in name or b"canary" in name]
        held = {repr(name): b"".join(client.hgetall(name).values()) for name in names}
    on_disk = {name: text for name, text in files(airflow.redis.directory).items() if "appendonly" in name}

    assert len(held) > 10
    assert on_disk
    assert bool(holding(held, needles)) == (airflow.mode == "worker")
    assert bool(holding(on_disk, needles)) == (airflow.mode == "worker")


def test_no_key_is_in_a_log_or_in_the_database(airflow: Production, run_id: str) -> None:
    private = airflow.accounts.secrets.seal_keys[1]
    keys = [private.encode(), private.removeprefix("xrx-key-").encode()]
    logs = files(airflow.task_logs, airflow.logs)

    assert [name for name, text in logs.items() if re.search(rb"data_key['\"\\]*\s*[:=]", text)] == []
    assert holding(logs, keys) == []
    assert holding(tables(airflow), [*keys, b"data_key"]) == []
