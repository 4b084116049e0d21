"""A canary that goes every way of dags_server/server_canary.py is found nowhere, whatever form it might have taken."""

from __future__ import annotations

import json
import re
import zlib

import pytest
import redis
import zstandard

from devtools.airflow_stack import AirflowStack
from tests.acceptance.conftest import Proofs, ServerMode
from tests.canary import as_bytes, files, holding, needles_of, xcom_answers

FAILED = {"late", "stranger", "overwriter", "failing"}

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def run_id(server_airflow: AirflowStack) -> str:
    run_id = server_airflow.trigger("server_canary")
    server_airflow.wait_run("server_canary", run_id, timeout=600)
    return run_id


@pytest.fixture(scope="module")
def needles(run_id: str, proofs: Proofs) -> list[bytes]:
    """The forms in which the canary might be found; a part of it is as good as all."""
    return needles_of((proofs.folder / f"canary-{run_id}").read_text())


def tables(airflow: AirflowStack) -> dict[str, bytes]:
    """Every cell of the database: a text that spans pages of the file is whole here."""
    names = [row["name"] for row in airflow.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        f"{name}.{column}[{number}]": as_bytes(value)
        for name in names
        for number, row in enumerate(airflow.rows(f'SELECT * FROM "{name}"'))  # noqa: S608 - the database's own names
        for column, value in row.items()
        if value is not None
    }


def test_the_search_finds_each_form_also_compressed(needles: list[bytes]) -> None:
    hidden = {str(i): zlib.compress(b"before" + needle) for i, needle in enumerate(needles)}
    hidden |= {f"zstd {i}": b"header" + zstandard.compress(b"x" + n) + b"end" for i, n in enumerate(needles)}

    assert holding(hidden, needles) == list(hidden)


def test_all_who_may_have_it_had_it_and_all_others_failed(
    server_airflow: AirflowStack, run_id: str, proofs: Proofs
) -> None:
    states = server_airflow.task_states("server_canary", run_id)

    wrong = {key: state for key, state in states.items() if state != ("failed" if key[0] in FAILED else "success")}
    assert len(states) == 18
    assert wrong == {}
    assert "callback" in proofs.of(run_id)


@pytest.fixture(scope="module")
def logs(server_airflow: AirflowStack, run_id: str) -> dict[str, bytes]:
    """All log files of tasks and components."""
    return files(server_airflow.home / "logs", server_airflow.logs)


def is_bash_command(line: bytes) -> bool:
    return b"Running command: " in line and b"task_id=bash" in line


def test_no_log_of_a_task_or_component_has_it_but_for_airflows_copy_of_bash_operators_command(
    logs: dict[str, bytes], needles: list[bytes]
) -> None:
    """From 3.2, LocalExecutor repeats unmasked on the scheduler's standard output what tasks log.

    `executors/local_executor.py`, `subprocess_logs_to_stdout`; docs/explanation/security.md. BashOperator logs its
    rendered command; nobody else here logs a value.
    """
    (scheduler,) = [name for name in logs if name.endswith("/scheduler.log")]
    kept = b"\n".join(line for line in logs[scheduler].splitlines() if not is_bash_command(line))

    assert len(logs) > 20
    assert all(b"debug" in logs[name] for name in logs if name.endswith(("/scheduler.log", "/api-server.log")))
    assert any(b'"level":"debug"' in text for name, text in logs.items() if "/task_id=make/" in name)
    assert holding({**logs, scheduler: kept}, needles) == []


def test_no_task_log_as_the_ui_shows_it_has_it(server_airflow: AirflowStack, run_id: str, needles: list[bytes]) -> None:
    # Of a try that ended by "state mismatch" (see the DAG) Airflow may keep no record, and then shows no log.
    tries = {
        (row["task_id"], row["map_index"], row["try_number"])
        for table in ("task_instance", "task_instance_history")
        for row in server_airflow.rows(f"SELECT task_id, map_index, try_number FROM {table} WHERE run_id = ?", run_id)  # noqa: S608 - names of this list
        if row["try_number"] > 0
    }
    logs = {
        f"{task_id}[{index}] try {number}": server_airflow.task_log(
            "server_canary", run_id, task_id, try_number=number, map_index=index
        ).encode()
        for task_id, index, number in tries
    }

    assert {(task_id, index) for task_id, index, _ in tries} == set(server_airflow.task_states("server_canary", run_id))
    assert {"once[-1] try 1", "once[-1] try 2"} <= logs.keys()
    assert "XComAlreadyClaimed" in logs["late[-1] try 1"].decode()
    assert holding(logs, needles) == []


def test_rendered_fields_have_stars_in_its_place(server_airflow: AirflowStack, run_id: str) -> None:
    query = "SELECT task_id, rendered_fields FROM rendered_task_instance_fields WHERE run_id = ?"
    fields = {row["task_id"]: str(row["rendered_fields"]) for row in server_airflow.rows(query, run_id)}

    starred = {task_id for task_id, text in fields.items() if "***" in text}
    assert {"argument", "templated", "bash", "failing", "one_of_many"} <= starred


def test_no_cell_and_no_page_of_the_database_has_it(
    server_airflow: AirflowStack, run_id: str, needles: list[bytes]
) -> None:
    cells = tables(server_airflow)
    pages = {str(path): path.read_bytes() for path in server_airflow.home.glob("airflow.db*")}

    assert any(name.startswith("rendered_task_instance_fields.") for name in cells)
    assert any(name.startswith("log.extra") for name in cells)
    assert holding(cells | pages, needles) == []


def test_the_audit_log_tells_grants_claims_and_refusals_without_it(
    server_airflow: AirflowStack, run_id: str, needles: list[bytes]
) -> None:
    rows = server_airflow.pages("/eventLogs", "event_logs", run_id=run_id)

    assert {"xcom_granted", "xcom_claimed", "xcom_denied", "xcom_claim_denied"} <= {row["event"] for row in rows}
    assert holding({"event logs": json.dumps(rows, ensure_ascii=False).encode()}, needles) == []
    assert holding({"event logs": json.dumps(rows).encode()}, needles) == []


def test_rest_answers_for_every_xcom_do_not_have_it(
    server_airflow: AirflowStack, run_id: str, needles: list[bytes]
) -> None:
    answers = xcom_answers(server_airflow, run_id)

    assert len(answers) > 30
    assert holding(answers, needles) == []


def test_redis_has_it_in_no_key_command_or_file(server_mode: ServerMode, run_id: str, needles: list[bytes]) -> None:
    with redis.Redis.from_url(server_mode.redis_url) as client:
        hashes = {name: client.hgetall(name) for name in client.scan_iter(count=1000)}
        slow = client.execute_command("SLOWLOG", "GET", "-1")
        client.execute_command("SAVE")
    held = {f"{name!r} {field!r}": field + value for name, fields in hashes.items() for field, value in fields.items()}
    commands = {f"command {number}": repr(entry).encode() for number, entry in enumerate(slow)}
    on_disk = files(server_mode.redis.directory)

    assert any(b"server_canary" in name for name in hashes)
    assert len(commands) > 100
    assert any("appendonly" in name for name in on_disk)
    assert any(name.endswith(".rdb") for name in on_disk)
    assert holding(held | commands | on_disk, needles) == []


def test_no_log_has_an_opened_data_key_or_the_private_key(
    server_airflow: AirflowStack, server_mode: ServerMode, logs: dict[str, bytes]
) -> None:
    """The ring's answer is the only place where `data_key` has a right to be."""
    private = [server_mode.private_key.encode(), server_mode.private_key.removeprefix("xrx-key-").encode()]

    assert [name for name, text in logs.items() if re.search(rb"data_key['\"\\]*\s*[:=]", text)] == []
    assert holding(logs, private) == []
    assert holding(tables(server_airflow), [*private, b"data_key"]) == []
